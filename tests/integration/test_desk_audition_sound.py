"""What sounds in the audition, sample by sample, in a real browser: takes that tell their own place are switched."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser

from tests.integration.auditioned_song import PERIOD, RATE, Audition, desk, told, with_ramps
from tests.integration.rendered_album import rendered
from tests.support.commands import Album

__all__ = ["rendered"]

pytestmark = pytest.mark.slow

RAMPS = 3
FADE = round(0.005 * RATE)
RECORDER = """
registerProcessor('recorder', class extends AudioWorkletProcessor {
  process([input]) {
    if (input.length) this.port.postMessage([currentFrame, input[0].slice()]);
    return true;
  }
});
"""
TAP = f"""
const RECORDER = {json.dumps(RECORDER)};"""
TAP += """
const { context, node } = page.player;
await context.audioWorklet.addModule(URL.createObjectURL(new Blob([RECORDER], { type: 'text/javascript' })));
window.taken = [];
const recorder = new AudioWorkletNode(context, 'recorder');
recorder.port.onmessage = ({ data }) => window.taken.push(data);
node.connect(recorder);
"""
TAKEN = "window.taken.splice(0).map(([frame, samples]) => [frame, [...samples]])"


@pytest.fixture(scope="module")
def link(rendered: Album, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A desk on an album whose first song has ramps as its takes 3, 4 and 5."""
    folder = tmp_path_factory.mktemp("ramps")
    shutil.copytree(rendered.home, folder / "home")
    with_ramps(replace(rendered, home=folder / "home"), folder, RAMPS)
    with desk(folder / "home") as address:
        yield address


@pytest.fixture
def visit(browser: Browser, link: str) -> Iterator[Audition]:
    audition = Audition(browser, link, bypass_csp=True)  # for the recorder
    audition.open("/albums/small/songs/one")
    audition.script("page.controls.setMatched(false)")
    yield audition
    audition.close()


def begin_at(visit: Audition, number: int) -> None:
    """Play a ramp, and note what sounds from its first second on."""
    visit.press(str(number), "Space")
    visit.plays(number)
    visit.page.wait_for_timeout(700)  # until every candidate's next seconds are here
    visit.script(TAP)


def recorded(visit: Audition) -> NDArray[np.float64]:
    """What sounded since the last call; every quantum of the graph, without a gap."""
    quanta = visit.page.evaluate(TAKEN)
    frames = np.array([frame for frame, _ in quanta])
    assert np.all(np.diff(frames) == 128), "the browser left quanta out"
    return np.concatenate([samples for _, samples in quanta]).astype(np.float64) if quanta else np.zeros(0)


def taken(visit: Audition) -> NDArray[np.float64]:
    """The same without silence at either end."""
    samples = recorded(visit)
    sounding = np.flatnonzero(samples)
    return samples[sounding[0] : sounding[-1] + 1]


def places(samples: NDArray[np.float64], takes: NDArray[Any], frames: NDArray[Any]) -> NDArray[Any]:
    """By how much each sample's place is ahead of the first one's: 0 for all where the position never slips."""
    return (frames - frames[0] - np.arange(samples.size)) % PERIOD


def test_switching_keeps_the_position_to_the_sample(visit: Audition) -> None:
    begin_at(visit, 3)
    for number in (4, 5, 3, 5, 4, 3):
        visit.press(str(number))
        visit.page.wait_for_timeout(120)
    samples = taken(visit)
    takes, frames = told(samples)
    changes = np.flatnonzero(np.diff(takes))
    assert {0, 1, 2} <= set(takes)
    fading = np.zeros(samples.size, dtype=bool)
    for change in changes:
        fading[max(0, change - FADE - 2) : change + FADE + 2] = True
    assert fading.sum() < 6 * 3 * FADE + 400  # six fades of 5 ms, and nothing else is doubtful
    assert samples.size > 0.6 * RATE
    slips = places(samples, takes, frames)[~fading]
    assert not slips.any(), np.unique(slips, return_counts=True)


def test_a_switch_sounds_within_thirty_milliseconds(visit: Audition, record_property: Any) -> None:
    begin_at(visit, 3)
    visit.script(
        """window.heard = [];
        page.player.addEventListener('heard', ({ detail }) => window.heard.push(
          { at: detail.at, came_ms: performance.now() }));
        document.addEventListener('keydown', (event) => window.heard.push(
          { key: event.timeStamp, graph_s: page.player.context.currentTime }), { capture: true });"""
    )
    for number in (4, 5, 3, 4, 5, 3, 4, 5, 3, 4):
        visit.press(str(number))
        visit.page.wait_for_timeout(150)
    events = visit.page.evaluate("window.heard")
    pairs = list(zip(events[::2], events[1::2], strict=True))
    assert len(pairs) == 10
    graph_ms = [1000 * (heard["at"] / RATE - press["graph_s"]) for press, heard in pairs]
    wall_ms = [heard["came_ms"] - press["key"] for press, heard in pairs]
    record_property("graph_ms", f"median {median(graph_ms):.1f}, worst {max(graph_ms):.1f}")
    record_property("wall_ms", f"median {median(wall_ms):.1f}, worst {max(wall_ms):.1f}")
    print("graph_ms", median(graph_ms), max(graph_ms), "wall_ms", median(wall_ms), max(wall_ms))
    assert median(graph_ms) < 30
    assert median(wall_ms) < 30


def test_a_loop_returns_to_the_sample(visit: Audition) -> None:
    begin_at(visit, 3)
    visit.script("page.mark(2.0, 2.25); page.player.seek(2.0)")
    visit.script("page.controls.setLoop('passage')")
    visit.page.wait_for_timeout(1500)
    _, frames = told(taken(visit)[-RATE:])
    begin, end = round(2.0 * RATE) % PERIOD, round(2.25 * RATE) % PERIOD
    inside = (frames - begin) % PERIOD < (end - begin) % PERIOD + FADE
    assert inside.mean() > 0.97  # all but the seams


def test_a_pause_goes_on_where_it_was(visit: Audition) -> None:
    begin_at(visit, 3)
    visit.press("Space")
    visit.page.wait_for_timeout(200)
    paused = visit.position_s
    recorded(visit)
    visit.page.wait_for_timeout(150)
    assert not recorded(visit).any()
    assert visit.position_s == paused
    visit.press("Space")
    visit.page.wait_for_timeout(300)
    takes, frames = told(taken(visit)[FADE + 10 :])
    assert set(takes) == {0}
    assert (frames[0] - FADE - 10 - round(paused * RATE)) % PERIOD in (0, 1)  # a fade begins with silence


def test_nothing_clicks(visit: Audition) -> None:
    """Between two samples there is never more than a ramp's own step and its change of sign, faded in 5 ms."""
    visit.press("1", "Space")  # a song, not a ramp
    visit.plays(1)
    visit.page.wait_for_timeout(700)
    visit.script(TAP)
    visit.page.wait_for_timeout(300)
    usual = np.abs(np.diff(recorded(visit))).max()
    for key in ("2", "Space", "Space", "1", "ArrowRight", "2", "m"):
        visit.press(key)
        visit.page.wait_for_timeout(110)
    samples = recorded(visit)
    assert np.abs(np.diff(samples)).max() < 2.5 * usual + 0.05
