"""The page from a server, where stems can be made as loud as the master: measured in the audio graph of the browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.integration.listened_release import wait_until
from tests.integration.sung_page import GAIN_DB, STEMS_HZ, sounding, write_release

TAPPED = """
window.taps = [];
const connect = AudioNode.prototype.connect;
AudioNode.prototype.connect = function (to, ...rest) {
  if (to instanceof AudioDestinationNode) {
    const tap = this.context.createAnalyser();
    tap.fftSize = 8192;
    connect.call(this, tap);
    window.taps.push(tap);
  }
  return connect.call(this, to, ...rest);
};
window.heard = () => {
  const sum = new Float32Array(8192);
  for (const tap of window.taps) {
    const samples = new Float32Array(8192);
    tap.getFloatTimeDomainData(samples);
    samples.forEach((sample, n) => { sum[n] += sample; });
  }
  return JSON.stringify({samples: [...sum], rate: window.taps[0]?.context.sampleRate ?? 0});
};"""
"""Every node that is connected to the loudspeaker is listened to as well."""


class Whole(SimpleHTTPRequestHandler):
    """Serves a folder, each file as a whole, and says nothing."""

    def log_message(self, *_: Any) -> None:
        return


class InParts(Whole):
    """Serves any part of a file, as web servers do."""

    def do_GET(self) -> None:
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        data = Path(self.translate_path(self.path)).read_bytes()
        first, last = (int(asked[1]), int(asked[2] or len(data) - 1)) if asked else (0, len(data) - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Type", self.guess_type(self.path))
        self.send_header("Content-Length", str(last - first + 1))
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.end_headers()
        with suppress(OSError):  # a player stops reading when it has enough
            self.wfile.write(data[first : last + 1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = tmp_path_factory.mktemp("served")
    write_release(made)
    return made


@contextmanager
def served(folder: Path, handler: type[SimpleHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser, folder: Path) -> Iterator[Page]:
    with served(folder, InParts) as address:
        opened = browser.new_page()
        opened.add_init_script(TAPPED)
        opened.goto(address)
        yield opened
        opened.close()


def levels(page: Page) -> dict[str, list[float]]:
    """Ten readings of each stem's amplitude in what the nodes give to the loudspeaker, from the least to the most; on a
    busy machine the sound drops out now and then."""
    read: dict[str, list[float]] = {name: [] for name in STEMS_HZ}
    for _ in range(10):
        page.wait_for_timeout(70)
        heard = json.loads(page.evaluate("window.heard()"))
        window = np.hanning(len(heard["samples"]))
        samples, t = np.array(heard["samples"]) * window, np.arange(len(window)) / heard["rate"]
        for name, hz in STEMS_HZ.items():
            read[name].append(float(2 * abs(np.sum(samples * np.exp(-2j * np.pi * hz * t))) / window.sum()))
    return {name: sorted(readings) for name, readings in read.items()}


FULL = 0.2 * 10 ** (GAIN_DB / 20)
"""The amplitude of a stem that is as loud as it is in the master."""


def is_silent(readings: list[float]) -> bool:
    return readings[0] < 0.001 and readings[-1] < 0.02


def test_the_voice_vanishes_and_the_band_is_as_loud_as_in_the_master(page: Page) -> None:
    page.click("#song-1 button.play")
    page.click("#song-1 button.voice")
    wait_until(page, "document.querySelector('#song-1 audio.mix').volume < 0.001")
    page.wait_for_timeout(500)
    heard = levels(page)
    assert is_silent(heard["vocals"])
    for name in ("drums", "bass"):
        assert heard[name][-1] == pytest.approx(FULL, rel=0.03)
    page.keyboard.press("v")
    page.wait_for_timeout(500)
    assert page.evaluate("document.querySelector('#song-1 audio.mix').volume") == 1


def test_the_band_vanishes(page: Page) -> None:
    page.click("#song-1 button.play")
    page.click("#song-1 button.band")
    wait_until(page, "document.querySelector('#song-1 audio.mix').volume < 0.001")
    page.wait_for_timeout(500)
    heard = levels(page)
    assert heard["vocals"][-1] == pytest.approx(FULL, rel=0.03)
    assert is_silent(heard["drums"])
    assert is_silent(heard["bass"])


def test_a_server_that_sends_whole_files_only_is_told(browser: Browser, folder: Path) -> None:
    with served(folder, Whole) as address:
        page = browser.new_page()
        page.goto(address)
        page.click("#song-1 button.play")
        wait_until(page, "document.querySelector('#song-1 audio.mix').currentTime > 0.2")
        page.click("#song-1 button.voice")
        page.wait_for_selector("#song-1 .parts .note >> text=only as a whole")
        page.wait_for_timeout(200)
        assert sounding(page) == ["1.mp3"]
        assert float(page.evaluate("document.querySelector('#song-1 audio.mix').currentTime")) > 0.4
        page.close()
