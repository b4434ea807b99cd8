"""A release of three short songs as a folder, and a visit to its listening page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, Request, ViewportSize

from catalog.release.listening_page.page import (
    CandidateView,
    FileView,
    GateView,
    LyricView,
    MetricView,
    PageView,
    ReadingView,
    StemView,
    TrackView,
    render_page,
)
from catalog.selection.decision import Limit
from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tasks.delivery.curves import draw_curves
from tasks.delivery.encode import DELIVERABLES, encode
from tasks.delivery.package.naming import safe_file_name
from tasks.delivery.tags.tags import TrackTags

RATE = 44_100
LENGTH_S = 8
HOSTILE = '</script><img src=x onerror="document.title=1">'
DESKTOP, PHONE = ViewportSize(width=1280, height=900), ViewportSize(width=360, height=740)


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, PageView]:
    """A release of three short songs: one plays MP3, one FLAC, one WAV."""
    folder = tmp_path_factory.mktemp("releases") / "night bus #1"
    titles = ("Last Bus Home", HOSTILE, "Depot " + "Lights " * 40)
    forms = ("mp3_320", "flac24", "wav24")
    tracks = tuple(
        _track(folder, nth, title, form) for nth, (title, form) in enumerate(zip(titles, forms, strict=True), 1)
    )
    view = PageView(title="Night Bus", artist="Ada Vale", tracks=tracks, year=2026, songline_version="0.1.0")
    (folder / "index.html").write_text(render_page(view), encoding="utf-8")
    return folder / "index.html", view


def _track(folder: Path, position: int, title: str, form: str) -> TrackView:
    name = safe_file_name(position, title)
    audio = _sound(position)
    stem, master = folder / "stems" / name / "bass.wav", folder / f"{position}.wav"
    stem.parent.mkdir(parents=True)
    for path in (stem, master):
        write_wav(path, audio, subtype="PCM_24")
    path = folder / form / f"{name}{DELIVERABLES[form].suffix}"
    path.parent.mkdir()
    tags = TrackTags(
        title=title, artist="Ada Vale", album="Night Bus", album_artist="Ada Vale", position=position, total=3
    )
    encode(form, master, path, tags=tags, cover=None, dither_seed=0)
    curves = draw_curves(audio)
    gate = GateView("clipping_runs", 0.0, Limit(max=0), passed=True)
    metric = MetricView("tempo_match", 0.98, "", None, 1.0)
    return TrackView(
        position=position,
        title=title,
        artist="Ada Vale",
        duration_s=curves.duration_s,
        name="seed 43",
        candidate="last-43",
        sentence="Seed 43 wins: it is the only take.",
        files=(FileView(form, DELIVERABLES[form].label, path.relative_to(folder).as_posix(), path.stat().st_size),),
        peaks=curves.peaks,
        loudness=curves.loudness,
        target_lufs=-14.0,
        readings=(ReadingView("Loudness", -14.0, "LUFS", -14.0),),
        lyrics=(LyricView(1.0, "First line"), LyricView(3.0, title), LyricView(6.0, "Last line")),
        candidates=(
            CandidateView("last-43", 43, 1, 1.0, chosen=True, sentence="Only one.", gates=(gate,), metrics=(metric,)),
        ),
        weights={"tempo_match": 1.0},
        stems=(StemView("bass", stem.relative_to(folder).as_posix(), stem.stat().st_size),),
    )


def _sound(seed: int) -> Audio:
    t = np.arange(RATE * LENGTH_S) / RATE
    swell = 0.2 + 0.2 * np.sin(2 * np.pi * t / LENGTH_S * seed)
    return Audio.of(np.stack([np.sin(2 * np.pi * 220 * seed * t) * swell] * 2), RATE)


class Visit:
    """One page that was opened, with all it said and asked for."""

    def __init__(self, page: Page, address: Path) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("requestfailed", self._failed)
        page.on("request", lambda request: self.asked.append(request.url))
        page.goto(address.as_uri())

    def _failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the browser's own way to stop once it has read enough of a song
            self.said.append(f"{request.url}: {request.failure}")

    def song(self, position: int) -> str:
        return f".song:nth-of-type({position})"

    def time(self, position: int, audio: str = "audio.mix") -> float:
        return float(self.page.evaluate("s => document.querySelector(s).currentTime", f"{self.song(position)} {audio}"))

    def until(self, condition: str) -> None:
        wait_until(self.page, condition)

    def plays(self, position: int, audio: str = "audio.mix") -> None:
        """Wait until that audio moves on, and no other sounds."""
        selector = f"{self.song(position)} {audio}"
        before = self.time(position, audio)
        self.until(
            f"""(() => {{ const a = document.querySelector({selector!r});
            const on = [...document.querySelectorAll('audio')].filter((each) => !each.paused && each.volume > 0.001);
            return on.length === 1 && on[0] === a && a.currentTime > {before}; }})()"""
        )


def wait_until(page: Page, condition: str, *, tries: int = 200) -> None:
    """Ask again until it holds (wait_for_function would need eval, which the page forbids)."""
    for _ in range(tries):
        if page.evaluate(f"Boolean({condition})"):
            return
        page.wait_for_timeout(40)
    pytest.fail(f"never came true: {condition}")


@pytest.fixture
def visit(browser: Browser, album: tuple[Path, PageView]) -> Iterator[Visit]:
    """A visit to the album that must stay silent on the console and ask for nothing but files."""
    page = browser.new_page(viewport=DESKTOP)
    visited = Visit(page, album[0])
    yield visited
    page.close()
    assert visited.said == []
    assert visited.asked
    assert [url for url in visited.asked if not url.startswith(("file:", "data:"))] == []
