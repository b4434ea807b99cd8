"""Dynamics by arrangement: which parts play in a section, and how strongly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from tasks.engines.guide.arrangement.score import Section, SectionKind
from tasks.engines.guide.genres.schema import Genre

Amount = Literal["none", "light", "calm", "full"]

PADS_FROM_DENSITY, PLUCKS_FROM_DENSITY, RICH_FROM_DENSITY = 0.2, 0.3, 0.8


@dataclass(frozen=True, slots=True)
class Layers:
    """What plays in one section.

    ``light`` are drums without kick and snare, a bass of long notes, chords once a bar. ``level`` scales velocities.
    The last ``lift_bars`` bars rise towards the next section; drums rest in the first ``quiet_bars``. ``octaves``
    doubles the chords an octave higher.
    """

    drums: Amount
    bass: Amount
    chords: Amount
    level: float
    pad: bool = False
    pluck: bool = False
    octaves: bool = False
    lift_bars: int = 0
    quiet_bars: int = 0
    crash: bool = False


def layers_of(sections: Sequence[Section], genre: Genre, density: float) -> tuple[Layers, ...]:
    """The layers of every section; ``density`` 0 to 1 is the amount beside drums, bass, chords and tune."""
    found: list[Layers] = []
    for section, following in pairwise((*sections, None)):
        if section is None:
            break
        layers = _layers(section, genre, has_chorus=any(each.kind == "chorus" for each in sections))
        if following is not None and following.kind == "chorus" and section.kind != "chorus" and section.bars > 1:
            layers = replace(layers, lift_bars=2 if section.bars >= 4 else 1)
        found.append(_thinned(layers, section, density))
    return tuple(found)


def _thinned(layers: Layers, section: Section, density: float) -> Layers:
    is_edge = section.kind in ("intro", "outro")
    return replace(
        layers,
        pad=(layers.pad and (density >= PADS_FROM_DENSITY or is_edge))
        or (density >= RICH_FROM_DENSITY and section.kind in ("chorus", "pre-chorus")),
        pluck=(layers.pluck and density >= PLUCKS_FROM_DENSITY)
        or (density >= RICH_FROM_DENSITY and section.kind in ("chorus", "interlude")),
    )


def _layers(section: Section, genre: Genre, *, has_chorus: bool) -> Layers:
    kind: SectionKind = section.kind
    if kind == "verse":
        return _verse(section, genre, has_chorus=has_chorus)
    if kind == "chorus":
        is_crowned = section.is_last and section.number > 1
        level = 1.0 if is_crowned else 0.96
        return Layers("full", "full", "full", level, pad=True, pluck=is_crowned, octaves=is_crowned, crash=True)
    if kind == "intro":
        bass: Amount = "light" if genre.bass_manner == "walking" else "none"
        return Layers("light", bass, "calm", 0.72, pad=genre.pad_in_verse, pluck=True)
    if kind == "pre-chorus":
        return Layers("calm", "light", "calm", 0.76, pad=True, lift_bars=2 if section.bars >= 4 else 1)
    if kind == "bridge":
        quiet_bars = min(4, section.bars // 2)
        return Layers("calm", "light", "light", 0.72, pad=True, quiet_bars=quiet_bars)
    if kind in ("solo", "interlude"):
        return Layers("full", "full", "full", 0.88, pluck=kind == "interlude", crash=True)
    return Layers("calm", "calm", "calm", 0.74, pad=True, pluck=True)


def _verse(section: Section, genre: Genre, *, has_chorus: bool) -> Layers:
    """The first verse is the thinnest; the second adds drums and a figure. A song of verses alone rises with them."""
    if not has_chorus and section.number > 1:
        amount: Amount = "full" if section.number > 2 or section.is_last else "calm"
        level = 0.98 if section.is_last else min(0.92, 0.6 + 0.08 * section.number)
        return Layers(amount, amount, amount, level, pluck=True, pad=amount == "full")
    if section.number == 1:
        drums: Amount = {"calm": "calm", "hats": "light", "none": "none"}[genre.verse_drums]  # type: ignore[assignment]
        return Layers(drums, "calm", "calm", 0.68, pad=genre.pad_in_verse)
    return Layers("calm", "calm", "calm", 0.72, pad=genre.pad_in_verse, pluck=True)
