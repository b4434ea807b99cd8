"""The page from a server, where stems can be made as loud as the master: measured in the audio graph of the browser."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from tests.integration.listened_release import wait_until
from tests.integration.sung_page import GAIN_DB, STEMS_HZ, write_release

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


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("served")
    write_release(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()
    server.server_close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
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
