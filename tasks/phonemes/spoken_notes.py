"""Notes on lines that could not simply be read: predicates that follow the line's stamp."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tasks.phonemes.segments import Segment, language_name

_MOST_SHOWN = 12
_NOTHING_READ = "gives no phonemes, so nothing is sung there. Write its words in Latin letters or in Chinese"
_NO_WORDS = "has no words, so nothing is sung there. Leave the text out if a rest is meant"
_TONE_ARROWS = frozenset("→↑↓")


def notes_on(
    runs: Sequence[Segment], *, unread: Sequence[str], dropped: Sequence[str], is_sung: bool
) -> tuple[str, ...]:
    """Notes on one line that has text: digits alone, kana, lost letters and sounds, nothing left to sing."""
    notes = [_digits_note(runs), _kana_note(runs), _unread_note(unread), _dropped_note(dropped)]
    if not is_sung:
        notes.append(_NOTHING_READ if runs or unread else _NO_WORDS)
    return tuple(note for note in notes if note)


def _digits_note(runs: Sequence[Segment]) -> str:
    if len(runs) != 1 or any(character.isalpha() for character in runs[0].text):
        return ""
    name = language_name(runs[0].language)
    return f"has digits and no letters; they are read as {name} words. Write the number out to be sure of it"


def _kana_note(runs: Sequence[Segment]) -> str:
    languages = {run.language for run in runs}
    if "kana" not in languages:
        return ""
    kanji = " and its ideographs as Chinese" if "zh" in languages else ""
    return f"has kana, read syllable by syllable{kanji}; the model was trained on Chinese and English only"


def _unread_note(unread: Sequence[str]) -> str:
    if not unread:
        return ""
    return f"holds letters that cannot be read, so they are not sung: {_shown(unread)}"


def _dropped_note(dropped: Sequence[str]) -> str:
    """The note on lost phones. Stray tone marks are no loss: the published model was never trained on them either."""
    lost_phones = [phone for phone in dropped if not set(phone) <= _TONE_ARROWS]
    return f"loses sounds that the model has no symbol for: {_shown(lost_phones)}" if lost_phones else ""


def _shown(pieces: Iterable[str]) -> str:
    distinct_pieces = list(dict.fromkeys(pieces))
    return " ".join(distinct_pieces[:_MOST_SHOWN]) + (" …" if len(distinct_pieces) > _MOST_SHOWN else "")
