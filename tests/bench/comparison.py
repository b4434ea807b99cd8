"""Songline beside other tools on the same tracks: how exact, how fast, how much memory. It asserts nothing.

``python -m tests.bench.comparison``; ``--tools DIR`` names a folder of commands to be looked at first (the ``bin`` of
an environment with ffmpeg-normalize and matchering). Every tool runs in a process of its own on one core, its start
included. What it wrote is read by libebur128 and by oversampling the file 8 times, not by Songline's meter.
"""

from __future__ import annotations

import argparse
import math
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyebur128
import soxr

from tasks.audio.audio import Audio
from tasks.audio.errors import AudioFileError
from tasks.audio.files import read_audio
from tests.bench.comparison_tools import Bench, Cost, Goal, Songline, Tool, tools_of
from tests.bench.comparison_tracks import SONGS, tracks

OVERSAMPLING = 8
BLOCK = 1 << 18
AROUND = 256


@dataclass(frozen=True, slots=True)
class Figures:
    """What a file reads; NaN where it has no reading."""

    integrated_lufs: float
    range_lu: float
    true_peak_dbtp: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class Row:
    """One tool on one track; ``after`` is None where it wrote nothing."""

    tool: str
    track: str
    before: Figures
    after: Figures | None
    cost: Cost


def read(path: Path) -> Figures:
    """A file by libebur128 and by oversampling."""
    audio = read_audio(path)
    modes = pyebur128.MeasurementMode
    state = pyebur128.R128State(audio.channels, audio.rate, modes.MODE_I | modes.MODE_LRA)
    if np.isfinite(audio.samples).all():
        state.add_frames(np.ascontiguousarray(audio.samples.T).reshape(-1), audio.frames)
    return Figures(
        _finite(pyebur128.get_loudness_global(state)),
        _finite(pyebur128.get_loudness_range(state)),
        _true_peak_dbtp(audio),
        audio.duration_s,
    )


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def _true_peak_dbtp(audio: Audio) -> float:
    """Block by block, each with its neighbourhood, so that little memory is needed."""
    peak = float(np.abs(audio.samples).max(initial=0.0))
    padded = np.pad(audio.samples, ((0, 0), (AROUND, AROUND)))
    for start in range(0, audio.frames, BLOCK):
        part = padded[:, start : start + BLOCK + 2 * AROUND]
        fine = soxr.resample(part.T, audio.rate, audio.rate * OVERSAMPLING, quality="VHQ")
        inner = fine[AROUND * OVERSAMPLING : -AROUND * OVERSAMPLING]
        peak = max(peak, float(np.abs(inner).max(initial=0.0)))
    return 20 * math.log10(peak) if peak > 0 and math.isfinite(peak) else math.nan


def measure(tool: Tool, track: str, source: Path, before: Figures, *, scratch: Path, goal: Goal) -> Row:
    """One tool on one track."""
    destination = scratch / "out.wav"
    destination.unlink(missing_ok=True)
    cost = tool.master(source, destination, goal)
    try:
        after = read(destination)
    except AudioFileError:
        after = None
    return Row(tool.name, track, before, after, cost)


def lines(row: Row, goal: Goal) -> str:
    """A line of the table."""
    head = f"{row.track[:19]:<20}{row.tool:<18}"
    if row.after is None:
        return f"{head}{'no file':>9}{'':>45}  {row.cost.notice}"
    return (
        f"{head}{_number(row.after.integrated_lufs - goal.target_lufs, '+.2f'):>9}"
        f"{_number(row.after.true_peak_dbtp - goal.ceiling_dbtp, '+.2f'):>9}"
        f"{_number(row.after.range_lu - row.before.range_lu, '+.1f'):>9}"
        f"{row.cost.wall_s:>9.1f}{row.before.duration_s / row.cost.core_s:>9.1f}{row.cost.peak_mib:>9.0f}"
        f"  {row.cost.notice}"
    )


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def summary(rows: Sequence[Row], goal: Goal) -> Iterator[str]:
    """A line for each tool: its worst errors over tracks whose target can be reached, its cost over the songs."""
    yield f"{'':<20}{'':<18}{'|LUFS|':>9}{'TP over':>9}{'no file':>9}{'x':>9}{'MiB':>9}"
    beyond = {row.track for row in rows if "target_unreachable" in row.cost.notice}
    for tool in dict.fromkeys(row.tool for row in rows):
        of = [row for row in rows if row.tool == tool]
        made = [row.after for row in of if row.after is not None and row.track not in beyond]
        songs = [row for row in of if row.track in SONGS and row.after is not None]
        off = _worst(abs(figures.integrated_lufs - goal.target_lufs) for figures in made)
        over = _worst(figures.true_peak_dbtp - goal.ceiling_dbtp for figures in made)
        core_s = sum(row.cost.core_s for row in songs)
        speed = sum(row.before.duration_s for row in songs) / core_s if core_s else math.nan
        memory = _worst(row.cost.peak_mib for row in songs)
        missing = sum(row.after is None for row in of)
        yield (
            f"{'worst, and songs':<20}{tool:<18}{_number(off, '.2f'):>9}{_number(over, '+.2f'):>9}"
            f"{missing:>9}{_number(speed, '.1f'):>9}{_number(memory, '.0f'):>9}"
        )


def _worst(values: Iterable[float]) -> float:
    """The highest that could be read."""
    return max((value for value in values if not math.isnan(value)), default=math.nan)


def main() -> None:
    """Print the table as it grows, then the worst of each tool."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=float, default=-14.0, help="LUFS (default %(default)s)")
    parser.add_argument("--ceiling", type=float, default=-1.0, help="dBTP (default %(default)s)")
    parser.add_argument("--extremes-s", type=float, default=180.0, help="length of the extremes (default %(default)s)")
    parser.add_argument("--tools", type=Path, help="folder of commands to be looked at first")
    parser.add_argument("--cache", type=Path, help="folder in which the rendered songs stay (default: none does)")
    given = parser.parse_args()
    goal = Goal(given.target, given.ceiling)
    with tempfile.TemporaryDirectory(prefix="songline-comparison-") as name:
        scratch = Path(name)
        folder = given.cache or scratch
        folder.mkdir(parents=True, exist_ok=True)
        path = os.pathsep.join([*([str(given.tools)] if given.tools else []), os.environ.get("PATH", os.defpath)])
        bench = Bench(max(os.sched_getaffinity(0)), scratch, path)
        rows = list(table(bench, folder, goal, extremes_s=given.extremes_s))
        print()
        for line in summary(rows, goal):
            print(line)


def table(bench: Bench, folder: Path, goal: Goal, *, extremes_s: float) -> Iterator[Row]:
    """Every tool on every track, printed as it is measured."""
    reference = bench.folder / "reference.wav"
    tools: list[Tool] = []
    print(
        f"asked for {goal.target_lufs:g} LUFS, {goal.ceiling_dbtp:g} dBTP; one core; x is track seconds a core second"
    )
    for track, source in tracks(folder, extremes_s=extremes_s):
        if not tools:
            Songline(bench).master(source, reference, goal)
            found = list(tools_of(bench, reference=reference))
            tools = [tool for tool in found if not isinstance(tool, str)]
            print(*(line for line in found if isinstance(line, str)), sep="\n", end="")
            heads = ("LUFS err", "TP over", "LRA chg", "wall s", "x", "MiB")
            print(f"\n{'track':<20}{'tool':<18}{''.join(f'{head:>9}' for head in heads)}")
        before = read(source)
        for tool in tools:
            row = measure(tool, track, source, before, scratch=bench.folder, goal=goal)
            print(lines(row, goal), flush=True)
            yield row


if __name__ == "__main__":
    main()
