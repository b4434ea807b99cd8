"""The whole line by the real command: the example album from nothing to release, and again with nothing missing.

Run by `make bench`. Without `--benchmark-enable` the same code runs once on a small album.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.support.albums import tiny_document, write_album
from tests.support.commands import environment

EXAMPLE = Path(__file__).parents[2] / "examples" / "night-bus" / "album.yaml"
SAMPLE_S = 0.25


@pytest.fixture
def album(benchmark: BenchmarkFixture, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    if benchmark.enabled:
        return EXAMPLE
    request.getfixturevalue("begin_home")(tmp_path / "home")
    return write_album(tmp_path / "album", tiny_document())


def render(album: Path, folder: Path) -> tuple[float, int]:
    """Render with the home in ``folder``; gives seconds and the peak memory of all its processes in bytes (PSS)."""
    command = [sys.executable, "-m", "flows.cli", "render", str(album), "--out", str(folder / "out")]
    started = time.perf_counter()
    running = subprocess.Popen(command, env=environment(folder / "home"), stdout=subprocess.DEVNULL)
    peak = 0

    def watch() -> None:
        nonlocal peak
        while running.poll() is None:
            peak = max(peak, _memory(running.pid))
            time.sleep(SAMPLE_S)

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert running.wait() == 0
    seconds = time.perf_counter() - started
    watcher.join()
    return seconds, peak


def _memory(pid: int) -> int:
    """Proportional set size of a process and all below it: shared pages count once."""
    total = 0
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, AttributeError):
            continue
    return total


def test_album_from_manifest_to_release(benchmark: BenchmarkFixture, album: Path, tmp_path: Path) -> None:
    _, peak = benchmark.pedantic(render, args=(album, tmp_path), rounds=1)
    benchmark.extra_info["peak_memory_mib"] = round(peak / 2**20)
    print(f"\nalbum: peak memory {peak / 2**20:.0f} MiB over all processes")
    assert peak > 0


def test_album_again_with_nothing_missing(benchmark: BenchmarkFixture, album: Path, tmp_path: Path) -> None:
    render(album, tmp_path)
    benchmark.pedantic(render, args=(album, tmp_path), rounds=3)
