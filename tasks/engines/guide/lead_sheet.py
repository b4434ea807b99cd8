"""The lead sheet of an arrangement: its tune with the syllables sung on it, its chords and its form."""

from __future__ import annotations

from collections.abc import Sequence

from catalog.lyrics.division.lines import Syllable, divide_line
from catalog.notation.lead_sheet import MEDIA_TYPE, SUFFIX, ChordSpan, FormSpan, LeadSheet, MelodyNote
from catalog.recipe import Recipe
from tasks.engines.base import Extra
from tasks.engines.guide.arrangement.score import Arrangement, Note
from tasks.engines.guide.genres.chords import tonic_name
from tasks.engines.guide.voice.casting import TRANSPOSITION
from tasks.engines.guide.words.phonemes import syllables_of_words

LONGEST_TEXT = 200
"""Characters under one note; a longer word is cut there."""

_TUNE = ("vocals", "lead")
"""The parts that have the tune: the voice, or the instrument of a song without words."""


def lead_sheet_extra(recipe: Recipe, arrangement: Arrangement) -> Extra:
    """The lead sheet as what a render gives beside its audio."""
    return Extra(lead_sheet_of(recipe, arrangement).to_bytes(), MEDIA_TYPE, SUFFIX)


def lead_sheet_of(recipe: Recipe, arrangement: Arrangement) -> LeadSheet:
    """Melody as it is sung (a tenor sings an octave below the arrangement), chords and sections, in seconds."""
    mode = "minor" if arrangement.minor else "major"
    length_s = arrangement.length_s
    return LeadSheet(
        bpm=arrangement.grid.bpm,
        first_bar_s=_rounded(arrangement.grid.origin_s),
        key=f"{tonic_name(arrangement.tonic, minor=arrangement.minor)} {mode}",
        length_s=length_s,
        melody=tuple(_melody(recipe, arrangement)),
        chords=tuple(
            ChordSpan(start_s=_rounded(chord.start_s), end_s=_rounded(chord.end_s), symbol=chord.symbol)
            for chord in arrangement.chords
        ),
        sections=_form(arrangement),
    )


def _melody(recipe: Recipe, arrangement: Arrangement) -> list[MelodyNote]:
    parts = {part.name: part.notes for part in arrangement.parts}
    tune = next((parts[name] for name in _TUNE if name in parts), ())
    singer = recipe.inputs.get("singer")
    transposition = TRANSPOSITION[singer["name"]] if singer else 0
    syllables, numbers = _syllables(recipe), _numbers(recipe)
    return [
        _melody_note(note, transposition, syllables.get(note.line, ()), numbers.get(note.line)) for note in sorted(tune)
    ]


def _melody_note(note: Note, transposition: int, syllables: Sequence[Syllable], line: int | None) -> MelodyNote:
    syllable = syllables[note.syllable] if 0 <= note.syllable < len(syllables) else Syllable("")
    return MelodyNote(
        start_s=_rounded(note.start_s),
        end_s=_rounded(note.start_s + note.duration_s),
        pitch=note.pitch + transposition,
        text=syllable.text[:LONGEST_TEXT],
        joined=syllable.joined,
        line=line,
    )


def _syllables(recipe: Recipe) -> dict[int, tuple[Syllable, ...]]:
    """The written syllables of every row of the recipe that is sung."""
    phones = recipe.inputs.get("phones", ())
    counts = [syllables_of_words(line) for line in phones] or [()] * len(recipe.inputs["lines"])
    rows = enumerate(zip(recipe.inputs["lines"], counts, strict=True))
    language = recipe.inputs["language"]
    return {
        row: divide_line(text, syllables, language, words) for row, ((_, text, syllables), words) in rows if syllables
    }


def _numbers(recipe: Recipe) -> dict[int, int]:
    """Each row's index among the lines that have words."""
    rows = [row for row, (_, text, _) in enumerate(recipe.inputs["lines"]) if text]
    return {row: number for number, row in enumerate(rows)}


def _form(arrangement: Arrangement) -> tuple[FormSpan, ...]:
    """The sections, from the beginning of the song to its end, without a gap."""
    grid, length_s = arrangement.grid, arrangement.length_s
    starts_s = [min(length_s, max(0.0, grid.time_s(section.first_bar))) for section in arrangement.sections]
    ends_s = [*starts_s[1:], length_s]
    return tuple(
        FormSpan(start_s=_rounded(start_s), end_s=_rounded(end_s), kind=section.kind)
        for section, start_s, end_s in zip(arrangement.sections, starts_s, ends_s, strict=False)
    )


def _rounded(time_s: float) -> float:
    """To a tenth of a millisecond, so that the document stays short."""
    return round(time_s, 4)
