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


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    write_release(tmp_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    opened = browser.new_page()
    opened.add_init_script(TAPPED)
    opened.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    yield opened
    opened.close()
    server.shutdown()
    server.server_close()


def levels(page: Page) -> dict[str, float]:
    """The amplitude of each stem's tone in what the stems' nodes give to the loudspeaker: the most of ten readings, as
    a busy machine drops out now and then."""
    most = dict.fromkeys(STEMS_HZ, 0.0)
    for _ in range(10):
        page.wait_for_timeout(70)
        heard = json.loads(page.evaluate("window.heard()"))
        window = np.hanning(len(heard["samples"]))
        samples, t = np.array(heard["samples"]) * window, np.arange(len(window)) / heard["rate"]
        for name, hz in STEMS_HZ.items():
            level = 2 * abs(np.sum(samples * np.exp(-2j * np.pi * hz * t))) / window.sum()
            most[name] = max(most[name], float(level))
    return most


def test_the_voice_vanishes_and_the_band_is_as_loud_as_in_the_master(page: Page) -> None:
    page.click("#song-1 button.play")
    page.click("#song-1 button.voice")
    wait_until(page, "document.querySelector('#song-1 audio.mix').volume < 0.001")
    page.wait_for_timeout(500)
    heard = levels(page)
    assert heard["vocals"] < 0.001
    for name in ("drums", "bass"):
        assert heard[name] == pytest.approx(0.2 * 10 ** (GAIN_DB / 20), rel=0.03)
    page.keyboard.press("v")
    page.wait_for_timeout(500)
    assert page.evaluate("document.querySelector('#song-1 audio.mix').volume") == 1


def test_the_band_vanishes(page: Page) -> None:
    page.click("#song-1 button.play")
    page.click("#song-1 button.band")
    wait_until(page, "document.querySelector('#song-1 audio.mix').volume < 0.001")
    page.wait_for_timeout(500)
    heard = levels(page)
    assert heard["vocals"] == pytest.approx(0.2 * 10 ** (GAIN_DB / 20), rel=0.03)
    assert max(heard["drums"], heard["bass"]) < 0.001
