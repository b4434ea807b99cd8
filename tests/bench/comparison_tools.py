"""The tools that are compared, each in its own process: Songline, two-pass loudnorm, ffmpeg-normalize, matchering."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

import soundfile

ROOT = Path(__file__).resolve().parents[2]
LOUDNORM_RANGE_LU = 11
TIMEOUT_S = 600.0
MATCHERING = """
import sys, matchering as mg
source, reference, destination = sys.argv[1:]
mg.process(target=source, reference=reference, results=[mg.pcm24(destination)])
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class Goal(NamedTuple):
    """What every tool is asked for."""

    target_lufs: float
    ceiling_dbtp: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What making one file took: seconds on the clock and on the core, the most memory at a time, and a remark."""

    wall_s: float = 0.0
    core_s: float = 0.0
    peak_mib: float = 0.0
    notice: str = ""
    log: str = ""

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.wall_s + other.wall_s,
            self.core_s + other.core_s,
            max(self.peak_mib, other.peak_mib),
            other.notice or self.notice,
            other.log,
        )


class Tool(Protocol):
    """One way from a source to a master."""

    name: str

    def master(self, source: Path, destination: Path, goal: Goal) -> Cost:
        """Write ``destination``, or leave it away and say why in the remark."""


@dataclass(frozen=True, slots=True)
class Bench:
    """Where commands run: on this core, with ``folder`` for what they print."""

    core: int
    folder: Path
    path: str

    def which(self, command: str) -> str | None:
        """A command on the search path."""
        return shutil.which(command, path=self.path)

    def run(self, *command: str) -> Cost:
        """Run it to its end; a failure is a remark."""
        log = self.folder / "log.txt"
        launch = [sys.executable, "-S", str(Path(__file__).with_name("one_core.py")), str(self.core), str(log)]
        environment = {**os.environ, **ONE_THREAD, "PATH": self.path}
        done = subprocess.run(
            [*launch, *command], env=environment, cwd=ROOT, capture_output=True, check=True, timeout=TIMEOUT_S
        )
        figures = json.loads(done.stdout)
        said = log.read_text(errors="replace")
        failed = figures.pop("status") != 0
        return Cost(**figures, notice=_last_line(said) if failed else "", log=said)


@dataclass(frozen=True, slots=True)
class Songline:
    """Songline's chain as an album goes through it."""

    bench: Bench
    name: str = "songline"

    def master(self, source: Path, destination: Path, goal: Goal) -> Cost:
        """Its refusals and its own word on an unreachable target are the remark."""
        goals = (str(goal.target_lufs), str(goal.ceiling_dbtp))
        cost = self.bench.run(
            sys.executable, "-m", "tests.bench.comparison_songline", str(source), str(destination), *goals
        )
        return cost if cost.notice else Cost(cost.wall_s, cost.core_s, cost.peak_mib, _last_line(cost.log))


@dataclass(frozen=True, slots=True)
class Loudnorm:
    """ffmpeg's filter, first measuring, then with what was measured, as its manual says."""

    bench: Bench
    name: str = "loudnorm x2"

    def master(self, source: Path, destination: Path, goal: Goal) -> Cost:
        """Both passes count."""
        aim = f"loudnorm=I={goal.target_lufs}:TP={goal.ceiling_dbtp}:LRA={LOUDNORM_RANGE_LU}"
        command = ("ffmpeg", "-hide_banner", "-nostdin", "-y", "-i", str(source))
        first = self.bench.run(*command, "-af", f"{aim}:print_format=json", "-f", "null", "-")
        found = re.search(r"\{[^{}]*\}", first.log)
        if found is None:
            return first
        read = json.loads(found[0])
        known = ":".join(
            f"measured_{name}={read[f'input_{key}']}"
            for name, key in (("I", "i"), ("TP", "tp"), ("LRA", "lra"), ("thresh", "thresh"))
        )
        chain = f"{aim}:{known}:offset={read['target_offset']}:linear=true:print_format=json"
        rate = str(soundfile.info(source).samplerate)
        second = self.bench.run(*command, "-af", chain, "-ar", rate, "-c:a", "pcm_s24le", str(destination))
        dynamic = '"normalization_type" : "dynamic"' in second.log
        return first + second + Cost(notice="dynamic" if dynamic and not second.notice else "")


@dataclass(frozen=True, slots=True)
class FfmpegNormalize:
    """ffmpeg-normalize with its defaults."""

    bench: Bench
    name: str = "ffmpeg-normalize"

    def master(self, source: Path, destination: Path, goal: Goal) -> Cost:
        """Two passes inside."""
        aim = ("-t", str(goal.target_lufs), "-tp", str(goal.ceiling_dbtp))
        rate = str(soundfile.info(source).samplerate)
        return self.bench.run(
            "ffmpeg-normalize", str(source), "-o", str(destination), *aim, "-c:a", "pcm_s24le", "-ar", rate, "-f"
        )


@dataclass(frozen=True, slots=True)
class Matchering:
    """matchering, which follows a reference: Songline's master of the first song, which reads the target."""

    bench: Bench
    python: str
    reference: Path = field(default_factory=Path)
    name: str = "matchering"

    def master(self, source: Path, destination: Path, goal: Goal) -> Cost:
        """It knows no target and no ceiling."""
        return self.bench.run(self.python, "-c", MATCHERING, str(source), str(self.reference), str(destination))


def tools_of(bench: Bench, *, reference: Path) -> Iterator[Tool | str]:
    """The tools that are here, and a line for each that is not."""
    yield Songline(bench)
    if bench.which("ffmpeg") is None:
        yield "loudnorm: skipped, there is no ffmpeg on the search path"
    else:
        yield Loudnorm(bench)
    if bench.which("ffmpeg-normalize") is None or bench.which("ffmpeg") is None:
        yield "ffmpeg-normalize: skipped, it is not on the search path, or ffmpeg is not"
    else:
        yield FfmpegNormalize(bench)
    python = bench.which("python") or sys.executable
    if bench.run(python, "-c", "import matchering").notice:
        yield f"matchering: skipped, {Path(python).name} on the search path cannot import it"
    else:
        yield Matchering(bench, python, reference)


def _last_line(log: str) -> str:
    lines = log.strip().splitlines()
    return lines[-1].strip()[:60] if lines else ""
