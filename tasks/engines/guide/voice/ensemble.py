"""The voices of a sung song: the lead, its doubles in choruses, and the second voice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from catalog.recipe import Recipe
from tasks.engines.guide.arrangement.score import Arrangement, Note
from tasks.engines.guide.sound.source import Sound
from tasks.engines.guide.voice.bank import load_bank
from tasks.engines.guide.voice.casting import TRANSPOSITION
from tasks.engines.guide.voice.pitch import Tuning
from tasks.engines.guide.voice.singer import Singer, Source, Take
from tasks.engines.guide.voice.sources import BankSource, EspeakSource
from tasks.engines.guide.words.phonemes import Phone, read

DOUBLE_DRIFT_CENTS = 7.0
SECOND_VOICE_FORMANTS = -0.05


def singer_of(recipe: Recipe) -> Singer:
    """The singer of a sung recipe, with its words. Raises MachineError where its bank or espeak-ng is missing."""
    lines = {row: read(line) for row, line in enumerate(recipe.inputs["phones"])}
    return Singer(_source(recipe, lines), lines, recipe.seed)


def lead_take(recipe: Recipe) -> Take:
    """How the lead is sung."""
    return Take(tuning=Tuning(_transposition(recipe)))


def voices(recipe: Recipe, arrangement: Arrangement, *, frames: int) -> Iterator[tuple[str, Sound]]:
    """Each voice by its name in the mix, dry, float32 (1, frames)."""
    singer, transpose = singer_of(recipe), _transposition(recipe)
    notes = {part.name: part.notes for part in arrangement.parts if part.stem == "vocals"}
    lead = notes.get("vocals", ())
    yield "vocals", singer.sing(lead, lead_take(recipe), frames=frames)
    doubled = in_choruses(lead, arrangement)
    if doubled:
        for number, name in enumerate(("double left", "double right"), 1):
            take = Take(number, Tuning(transpose, DOUBLE_DRIFT_CENTS), breathes=False)
            yield name, singer.sing(doubled, take, frames=frames)
    if second := notes.get("second voice"):
        take = Take(3, Tuning(transpose), SECOND_VOICE_FORMANTS, breathes=False)
        yield "second voice", singer.sing(second, take, frames=frames)


def in_choruses(notes: Sequence[Note], arrangement: Arrangement) -> tuple[Note, ...]:
    """The notes of lines that begin in a chorus, pick-ups included."""
    grid = arrangement.grid
    spans = [
        (grid.time_s(section.first_bar, -1), grid.time_s(section.end_bar, -1))
        for section in arrangement.sections
        if section.kind == "chorus"
    ]
    starts = {note.line: note.start_s for note in sorted(notes, reverse=True)}
    return tuple(note for note in notes if any(start <= starts[note.line] < end for start, end in spans))


def sung_spans_s(arrangement: Arrangement) -> list[tuple[float, float]]:
    """When the lead sings: from the first to the last note of each line."""
    lead = next((part.notes for part in arrangement.parts if part.name == "vocals"), ())
    rows = sorted({note.line for note in lead})
    lines = [[note for note in lead if note.line == row] for row in rows]
    return [(min(n.start_s for n in line), max(n.start_s + n.duration_s for n in line)) for line in lines]


def _transposition(recipe: Recipe) -> int:
    return TRANSPOSITION[recipe.inputs["singer"]["name"]]


def _source(recipe: Recipe, lines: Mapping[int, Sequence[Phone]]) -> Source:
    singer = recipe.inputs["singer"]
    if singer["source"] == "bank":
        return BankSource(load_bank(singer["name"]))
    if singer["source"] == "neural":
        from tasks.engines.guide.voice.neural.network import published_voice
        from tasks.engines.guide.voice.neural.source import NeuralSource

        return NeuralSource(published_voice(), singer["name"], lines.values())
    texts = {row: text for row, (_, text, _) in enumerate(recipe.inputs["lines"])}
    return EspeakSource(texts, recipe.inputs["language"], singer["name"])
