"""The guide's sung voice against its acceptance table: ``python tests/bench/guide_voice.py [alto|tenor] …``.

Sings the three songs of the example album and prints pitch, onsets, words heard (dry and in the mix), speed and memory.
Every figure is of a small recogniser and of trackers: a yardstick between versions, no listener.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.score import Note
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.voice.casting import TRANSPOSITION
from tasks.engines.guide.voice.ensemble import lead_take, singer_of
from tests.bench.guide_cases import night_bus_songs
from tests.bench.voice_measures import PitchFigures, WordFigures, onset_errors_s, pitch_figures, word_figures

LENGTH_S = 95.0
TARGETS = (
    "cents median <= 6, P90 <= 30, notes in 50 cents >= 98 %, voiced >= 88 %; WER / PER dry <= 0.25 / 0.15, mix <= 0.50"
)


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one song."""

    name: str
    pitch: PitchFigures
    onsets_s: Sequence[float]
    dry: WordFigures
    mix: WordFigures | None
    voice_speed: float
    song_speed: float


def songs(**settings: Any) -> Iterator[Song]:
    """The three songs by which the voice is measured."""
    yield from night_bus_songs(voice="sung", **settings)


def measured(sung: Song, seed: int, *, mix: bool) -> Row:
    """One song and seed."""
    engine = GuideEngine(Settings())
    recipe = engine.recipe(sung, seed)
    notes = next(part.notes for part in arrange(recipe).parts if part.name == "vocals")
    singer, take = singer_of(recipe), lead_take(recipe)
    singer.sing(notes[:1], take, frames=44100)
    began_s = time.process_time()
    dry = singer.sing(notes, take, frames=round(LENGTH_S * 44100))[0]
    voice_s = time.process_time() - began_s
    mixed, song_s = _mixed(engine, recipe) if mix else (None, float("nan"))
    lines = _lines(sung, notes)
    return Row(
        name=f"{sung.id} {recipe.inputs['singer']['name']} {seed}",
        pitch=pitch_figures(dry, notes, TRANSPOSITION[recipe.inputs["singer"]["name"]]),
        onsets_s=onset_errors_s(dry, [phones for _, phones in singer.plan(notes)], notes),
        dry=word_figures(dry, lines),
        mix=word_figures(mixed, lines) if mixed is not None else None,
        voice_speed=LENGTH_S / voice_s,
        song_speed=LENGTH_S / song_s,
    )


def _mixed(engine: GuideEngine, recipe: Recipe) -> tuple[np.ndarray, float]:
    renderer = engine.load()
    began_s = time.process_time()
    (made,) = renderer.render([RenderJob(recipe)])
    if not isinstance(made, RenderResult):
        raise made.error
    return made.audio.samples.mean(axis=0), time.process_time() - began_s


def _lines(sung: Song, notes: Sequence[Note]) -> list[tuple[float, float, str]]:
    """Start, end and text of each line; a line ends before the first consonant of the next one."""
    rows = [(row, [note for note in notes if note.line == row]) for row in range(len(sung.lyrics.lines))]
    spans = [(row, own[0].start_s, own[-1].start_s + own[-1].duration_s) for row, own in rows if own]
    starts_s = [*(start_s for _, start_s, _ in spans[1:]), LENGTH_S]
    return [
        (start_s, min(end_s + 0.3, next_s - 0.2), sung.lyrics.lines[row].text)
        for (row, start_s, end_s), next_s in zip(spans, starts_s, strict=True)
    ]


def shown(row: Row) -> str:
    """A line of the table."""
    late_ms = 1000 * np.array(row.onsets_s)
    off_ms = np.abs(late_ms)
    pitch = row.pitch
    return "  ".join(
        [
            f"{row.name:32}",
            f"cents {pitch.median_cents:.1f} / {pitch.p90_cents:.1f}",
            f"in 50: {pitch.notes_in_50:.3f}",
            f"voiced {pitch.voiced:.3f}",
            f"onsets ms {np.median(off_ms):.0f} / {np.percentile(off_ms, 90):.0f} (mean {late_ms.mean():+.0f})",
            f"in 50: {(off_ms <= 50).mean():.2f} of {len(off_ms)}",
            f"dry {row.dry.rates[0]:.2f} / {row.dry.rates[1]:.2f}",
            f"mix {row.mix.rates[0]:.2f} / {row.mix.rates[1]:.2f}" if row.mix else "",
            f"voice x{row.voice_speed:.0f}",
            f"song x{row.song_speed:.0f}" if row.mix else "",
        ]
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("singers", nargs="*", default=["alto", "tenor"])
    parser.add_argument("--seeds", nargs="*", type=int, default=[42])
    parser.add_argument("--mix", action="store_true")
    parser.add_argument("--source", default="auto")
    parser.add_argument("--texts", action="store_true", help="print what was heard")
    chosen = parser.parse_args()
    print(TARGETS)
    for singer in chosen.singers:
        rows = [
            measured(sung, seed, mix=chosen.mix)
            for seed in chosen.seeds
            for sung in songs(singer=singer, singer_source=chosen.source)
        ]
        for row in rows:
            print(shown(row), flush=True)
            for text, found in row.dry.windows if chosen.texts else ():
                print(f"    {text}\n    > {found}")
        for name in ("dry", "mix") if chosen.mix else ("dry",):
            rates = np.mean([getattr(row, name).rates for row in rows], axis=0)
            print(f"{singer}: mean {name} WER {rates[0]:.3f}, PER {rates[1]:.3f}")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB (with the recogniser)")


if __name__ == "__main__":
    main()
