"""Drums: figures of the groove, bar by bar, with lifts and fills where a section ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tasks.engines.guide.arrangement.feel import SIXTEENTHS, STROKE, Feel, strokes
from tasks.engines.guide.arrangement.form.layers import Layers
from tasks.engines.guide.arrangement.score import Note, Section
from tasks.engines.guide.genres.schema import DRUM_NOTES, Drum, Genre, GrooveFile

HIT_S = 0.3
LIFT_SIGNS = ("x...x...x...x...", "x.x.x.x.xxxxxxXX")
"""A snare that rises towards a chorus, in two bars."""

_LIGHT: frozenset[Drum] = frozenset(
    ["closed", "pedal", "open", "ride", "bell", "shaker", "tambourine", "rim", "conga", "bongo", "cowbell"]
)
_KEEPS_TIME: frozenset[Drum] = frozenset(["closed", "pedal", "open", "ride", "bell", "shaker", "tambourine"])
_TIMEKEEPERS = _KEEPS_TIME - {"pedal", "tambourine"}
_UNTIL_A_FILL = 8
_QUIETER = {"tambourine": 0.72, "shaker": 0.7, "closed": 0.84, "open": 0.78, "clap": 0.85, "ride": 0.8, "bell": 0.75}
_MILD = frozenset(["jazz", "folk", "ballad"])
"""Genres without a snare roll before a chorus."""


@dataclass(frozen=True, slots=True)
class _Bar:
    """One bar to be played: its number, its place in the section, the section and its layers."""

    bar: int
    place: int
    section: Section
    layers: Layers


def drum(
    sections: Sequence[Section], layers: Sequence[Layers], genre: Genre, groove: GrooveFile, feel: Feel
) -> tuple[Note, ...]:
    """The drum part: figures by the layers, a fill at a section's end, a crash where a full one begins."""
    fills = [genre.fills[int(index)] for index in feel.rng.permutation(len(genre.fills))]
    notes: list[Note] = []
    count = 0
    for index, (section, layer) in enumerate(zip(sections, layers, strict=True)):
        is_end = index + 1 == len(sections)
        for place in range(section.bars):
            bar = _Bar(section.first_bar + place, place, section, layer)
            if is_end and place == section.bars - 1:
                notes.extend(_last_hit(bar, feel))
                continue
            fill = _fill(bar, fills[count % len(fills)], is_end=is_end, feel=feel)
            count += bool(fill)
            notes.extend(_played(bar, genre, groove, feel, fill))
    return tuple(sorted(notes))


def _played(bar: _Bar, genre: Genre, groove: GrooveFile, feel: Feel, fill: Mapping[Drum, str]) -> Iterator[Note]:
    layers = bar.layers
    left = bar.section.bars - bar.place
    is_quiet = layers.drums == "none" or bar.place < layers.quiet_bars
    if is_quiet and not fill:
        return
    figures = {} if is_quiet else _figures(groove, layers, early=bar.place < bar.section.bars // 2)
    lifts = left <= layers.lift_bars and genre.name not in _MILD
    if lifts:
        figures = {name: figure for name, figure in figures.items() if name != "snare"}
        figures["snare"] = LIFT_SIGNS[2 - left] if layers.lift_bars == 2 else LIFT_SIGNS[1]
    starts = [step for figure in fill.values() for step, sign in enumerate(figure) if sign != "."]
    until = min(starts, default=SIXTEENTHS)
    rise = (0.75, 0.95)[bar.place % 2] if lifts else 1.0
    for name, figure in figures.items():
        end = max(until, _UNTIL_A_FILL) if name in _KEEPS_TIME else until
        scale = layers.level * _QUIETER.get(name, 1.0) * (rise if name == "snare" else 1.0)
        for step, sign, strength in strokes(figure, bar.bar):
            if step < end or (lifts and name == "snare"):
                yield _hit(bar.bar, step, name, STROKE[sign] * strength * scale, feel)
    for name, figure in fill.items():
        for step, sign, strength in strokes(figure, 0):
            yield _hit(bar.bar, step, name, (STROKE[sign] * 0.8 + 1.5 * step) * strength * layers.level, feel)
    if bar.place == 0 and layers.crash and bar.bar >= 0 and genre.name != "jazz":
        yield _hit(bar.bar, 0, "crash", 104 * layers.level, feel)


def _figures(groove: GrooveFile, layers: Layers, *, early: bool) -> dict[Drum, str]:
    """The figures of a level; light drums are those of the calm one without kick and snare, but for brushes that keep
    time on the snare."""
    level = groove.full if layers.drums == "full" else groove.calm
    if layers.drums != "light":
        return dict(level.drums)
    brushes = {"snare"} if not level.drums.keys() & _TIMEKEEPERS else set()
    return {
        name: figure
        for name, figure in level.drums.items()
        if name in _LIGHT | brushes and not (early and name == "rim")
    }


def _fill(bar: _Bar, fill: Mapping[Drum, str], *, is_end: bool, feel: Feel) -> Mapping[Drum, str]:
    """A whole fill in a section's last bar, now and then half of one in the middle of a long section."""
    left = bar.section.bars - bar.place
    if left == 1 and bar.section.bars > 1 and not is_end and bar.layers.lift_bars != 1:
        return fill if bar.layers.drums in ("calm", "full") or bar.section.kind != "intro" else {}
    if bar.layers.drums == "full" and bar.section.bars >= 8 and bar.place % 4 == 3 and feel.rng.random() < 0.6:
        return {name: "." * 12 + figure[12:] for name, figure in fill.items() if figure[12:].strip(".")}
    return {}


def _last_hit(bar: _Bar, feel: Feel) -> Iterator[Note]:
    yield _hit(bar.bar, 0, "kick", 104 * bar.layers.level, feel)
    if bar.layers.drums != "none":
        yield _hit(bar.bar, 0, "crash", 92 * bar.layers.level, feel)


def _hit(bar: int, step: float, name: str, velocity: float, feel: Feel) -> Note:
    return Note(feel.time_s(bar, step), HIT_S, DRUM_NOTES[name], feel.velocity(velocity))
