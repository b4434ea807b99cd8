"""Pulls beside each other, in processes and threads, and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from catalog.models.install import Watch
from tests.unit.catalog.models.downloads import VAE, WEIGHTS, fetch, hub, store

__all__ = ["hub", "store"]

SCRIPT = """
import sys
from pathlib import Path
from catalog.models.download import Downloader
from catalog.models.pull import pull
from catalog.models.store import ModelStore
from tests.support.models import AT
folder, table, url, name = sys.argv[1:]
with Downloader(url) as downloader:
    pull(ModelStore(Path(folder), Path(table)), name, downloader, at=AT, accept=True)
"""


def pulling_process(store, hub, tmp_path):
    arguments = [str(store.folder), str(tmp_path / "table.toml"), hub.url, VAE]
    return subprocess.Popen([sys.executable, "-c", SCRIPT, *arguments])


@pytest.mark.slow
def test_two_processes_at_once_download_once(store, hub, tmp_path: Path) -> None:
    hub.pause_s = 0.03
    both = [pulling_process(store, hub, tmp_path) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert hub.served("vae_model.pt") == len(WEIGHTS)
    assert store.is_whole(VAE)


@pytest.mark.slow
def test_threads_wait_for_each_other_too_and_the_second_is_told(store, hub) -> None:
    waited: list[Any] = []
    inside = threading.Event()
    hub.pause_s = 0.02
    watch = Watch(on_progress=lambda *_: inside.set())
    first = threading.Thread(target=fetch, args=(store, hub), kwargs={"watch": watch})
    first.start()
    assert inside.wait(10)
    fetch(store, hub, watch=Watch(on_wait=waited.append))
    first.join()
    assert waited == [VAE]
    assert hub.served("vae_model.pt") == len(WEIGHTS)


@pytest.mark.slow
def test_a_kill_in_mid_pull_is_continued(store, hub, tmp_path: Path) -> None:
    hub.pause_s = 0.05
    process = pulling_process(store, hub, tmp_path)
    part = store.folder / VAE / "partial" / "vae_model.pt.part"
    for _ in range(1000):
        if part.is_file() and part.stat().st_size > 200_000:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert store.installed(VAE) is None
    came = part.stat().st_size
    assert 200_000 < came < len(WEIGHTS)
    hub.pause_s = 0.0
    assert fetch(store, hub).path("vae_model.pt").read_bytes() == WEIGHTS
    assert hub.gets("vae_model.pt")[-1].headers["range"] == f"bytes={came}-"
    assert hub.gets("vae_model.pt")[-1].sent == len(WEIGHTS) - came
