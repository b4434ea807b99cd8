"""When each phone of a line is sung: vowels on their notes, consonants before them, a breath before the next line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tasks.engines.guide.arrangement.score import Note
from tasks.engines.guide.words.phonemes import PAUSE, Phone
from tasks.engines.guide.words.syllables import onset_start

VOWEL_LEAD_S = 0.010
"""A vowel begins this long before its note: the ear hears its beginning late."""

CONSONANT_SCALE, FAST_CONSONANT_SCALE = 1.2, 1.0
FAST_SYLLABLES_PER_S = 5.0
SHORTEST_CONSONANT_S, LONGEST_CONSONANT_S = 0.035, 0.180
CONSONANT_SHARE, FAST_CONSONANT_SHARE = 0.46, 0.36
SLOW_ROOM_S, FAST_ROOM_S = 0.30, 0.22
"""Of the time between two vowels' beginnings at most the first share belongs to consonants, less where it is short: a
vowel of a tenth of a second is needed to hear its pitch."""

CODA_SHARE = 0.5
BREATH_S = 0.25
SHORTEST_LAST_NOTE_S = 0.15
RELEASE_S = 0.15
CODA_IN_RELEASE = 0.4
TAIL_S = 0.20
PAUSE_S = 0.06
PHRASE_GAP_S = 0.25
"""A longer rest inside a line ends its phrase: the consonants before it stay with the word that ends."""


@dataclass(frozen=True, slots=True)
class SungPhone:
    """A phone in seconds of the song; ``note`` is the index in the phrase of the note that it is sung on."""

    phone: Phone
    start_s: float
    end_s: float
    note: int

    @property
    def duration_s(self) -> float:
        """Its length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words sung in one breath: the phones from ``first`` to before ``end`` of ``line_phones``, those of a whole line,
    the notes of their syllables, and the row of the line in the recipe."""

    line_phones: tuple[Phone, ...]
    first: int
    end: int
    notes: tuple[Note, ...]
    line: int

    @property
    def phones(self) -> tuple[Phone, ...]:
        """The phones of the phrase, without pauses."""
        return self.line_phones[self.first : self.end]


def phrases(phones: Sequence[Phone], notes: Sequence[Note]) -> list[Phrase]:
    """A line cut at its rests. ``notes`` are those of the line that are in the song, with their ``syllable``."""
    nuclei = [index for index, phone in enumerate(phones) if phone.is_nucleus]
    kept = [note for note in sorted(notes) if 0 <= note.syllable < len(nuclei)]
    groups: list[list[Note]] = []
    for note in kept:
        if groups and note.start_s - _end_s(groups[-1][-1]) <= PHRASE_GAP_S and _follows(groups[-1][-1], note):
            groups[-1].append(note)
        else:
            groups.append([note])
    return [
        Phrase(tuple(phones), _first(phones, nuclei, group), _end(phones, nuclei, group), tuple(group), group[0].line)
        for group in groups
    ]


def _end_s(note: Note) -> float:
    return note.start_s + note.duration_s


def _follows(before: Note, after: Note) -> bool:
    return after.syllable == before.syllable + 1


def _first(phones: Sequence[Phone], nuclei: Sequence[int], notes: Sequence[Note]) -> int:
    """The first phone of a group of notes: the onset of its first syllable."""
    syllable = notes[0].syllable
    return _cut(phones, nuclei, syllable - 1) if syllable else 0


def _end(phones: Sequence[Phone], nuclei: Sequence[int], notes: Sequence[Note]) -> int:
    syllable = notes[-1].syllable
    return _cut(phones, nuclei, syllable) if syllable + 1 < len(nuclei) else len(phones)


def _cut(phones: Sequence[Phone], nuclei: Sequence[int], syllable: int) -> int:
    """Where the consonants after a syllable are cut: at a word's beginning, else before the longest onset."""
    first, nucleus = nuclei[syllable] + 1, nuclei[syllable + 1]
    starts_word = [index for index in range(first, nucleus + 1) if phones[index].word != phones[first - 1].word]
    return starts_word[0] if starts_word else onset_start(phones, first, nucleus)


def planned(phrase: Phrase, natural_s: Sequence[float], *, free_from_s: float, next_start_s: float) -> list[SungPhone]:
    """The phones of a phrase in time, with a pause before and after.

    ``natural_s`` are the spoken lengths of its phones, ``free_from_s`` the end of what was sung before,
    ``next_start_s`` the beginning of what is sung next, its first consonants included.
    """
    notes = _with_breath(phrase.notes, next_start_s)
    scale = _consonant_scale(notes)
    lengths = [min(LONGEST_CONSONANT_S, max(SHORTEST_CONSONANT_S, length * scale)) for length in natural_s]
    nuclei = [index for index, phone in enumerate(phrase.phones) if phone.is_nucleus]
    onsets_s = [note.start_s - VOWEL_LEAD_S for note in notes]
    sung: list[SungPhone] = []
    room_s = max(0.0, (onsets_s[0] - free_from_s) * CONSONANT_SHARE)
    sung += _before(phrase, range(nuclei[0]), lengths, onsets_s[0], room_s, note=0)
    for index, (nucleus, following) in enumerate(pairwise(nuclei)):
        room_s = _consonant_room_s(onsets_s[index + 1] - onsets_s[index])
        between = _before(phrase, range(nucleus + 1, following), lengths, onsets_s[index + 1], room_s, note=index)
        ends_s = between[0].start_s if between else onsets_s[index + 1]
        sung += [SungPhone(phrase.phones[nucleus], onsets_s[index], ends_s, index), *between]
    last, note_end_s = len(nuclei) - 1, _end_s(notes[-1])
    coda_end_s = note_end_s + CODA_IN_RELEASE * RELEASE_S
    room_s = (coda_end_s - onsets_s[last]) * CODA_SHARE
    coda = _before(phrase, range(nuclei[-1] + 1, len(phrase.phones)), lengths, coda_end_s, room_s, note=last)
    vowel_end_s = coda[0].start_s if coda else note_end_s + RELEASE_S * CODA_IN_RELEASE
    sung += [SungPhone(phrase.phones[nuclei[-1]], onsets_s[last], vowel_end_s, last), *coda]
    return [
        SungPhone(Phone(PAUSE, word=-1), sung[0].start_s - PAUSE_S, sung[0].start_s, 0),
        *sung,
        SungPhone(Phone(PAUSE, word=-2), sung[-1].end_s, sung[-1].end_s + TAIL_S, last),
    ]


def _consonant_room_s(span_s: float) -> float:
    """The most that consonants take of the time between two vowels' beginnings."""
    slow = min(1.0, max(0.0, (span_s - FAST_ROOM_S) / (SLOW_ROOM_S - FAST_ROOM_S)))
    return span_s * (FAST_CONSONANT_SHARE + slow * (CONSONANT_SHARE - FAST_CONSONANT_SHARE))


def _before(
    phrase: Phrase, indices: range, lengths_s: Sequence[float], end_s: float, room_s: float, *, note: int
) -> list[SungPhone]:
    """Consonants that end at ``end_s``, all shrunk alike where they would need more than ``room_s``."""
    wanted_s = sum(lengths_s[index] for index in indices)
    shrink = min(1.0, room_s / wanted_s) if wanted_s else 1.0
    sung: list[SungPhone] = []
    for index in reversed(indices):
        start_s = end_s - lengths_s[index] * shrink
        sung.append(SungPhone(phrase.phones[index], start_s, end_s, note))
        end_s = start_s
    return sung[::-1]


def onset_s(phrase: Phrase, natural_s: Sequence[float]) -> float:
    """When a phrase would begin, with its first consonants at their full length."""
    first = next(index for index, phone in enumerate(phrase.phones) if phone.is_nucleus)
    scale = _consonant_scale(phrase.notes)
    lengths = (min(LONGEST_CONSONANT_S, max(SHORTEST_CONSONANT_S, length * scale)) for length in natural_s[:first])
    return phrase.notes[0].start_s - VOWEL_LEAD_S - sum(lengths)


def _consonant_scale(notes: Sequence[Note]) -> float:
    span_s = _end_s(notes[-1]) - notes[0].start_s
    return FAST_CONSONANT_SCALE if len(notes) > FAST_SYLLABLES_PER_S * span_s else CONSONANT_SCALE


def _with_breath(notes: Sequence[Note], next_start_s: float) -> list[Note]:
    """The notes, the last one ended early enough for a breath before ``next_start_s``."""
    *others, last = notes
    latest_s = next_start_s - BREATH_S - CODA_IN_RELEASE * RELEASE_S
    shortest_s = min(last.duration_s, SHORTEST_LAST_NOTE_S)
    duration_s = max(shortest_s, min(last.duration_s, latest_s - last.start_s))
    return [*others, _shortened(last, duration_s)]


def _shortened(note: Note, duration_s: float) -> Note:
    return Note(note.start_s, duration_s, note.pitch, note.velocity, note.lyric, note.line, note.syllable)
