"""A release whose page sings along: a song with words, an instrumental, and a song without a lead sheet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Page

from catalog.notation.lead_sheet import ChordSpan, FormSpan, LeadSheet, MelodyNote
from catalog.release.listening_page.chart import charted, marked_sections, sheet_sections
from catalog.release.listening_page.page import (
    BeatView,
    FileView,
    LyricView,
    PageView,
    StemView,
    TrackView,
    render_page,
)
from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tasks.delivery.curves import draw_curves
from tasks.delivery.encode import encode
from tasks.delivery.tags.tags import TrackTags

RATE = 44_100
LENGTH_S = 12
HEAD_S = 0.5
GAIN_DB = 6.0
BPM = 120.0
HOSTILE = "</script><img src=x onerror=alert(1)>"

WORDS = (
    (2.0, ("Run", "ning", "home"), "Running home"),
    (5.0, ("un", "der", HOSTILE), f"under {HOSTILE}"),
    (8.0, ("last", "light"), "last light"),
)
"""Lines: the time of the take, their syllables half a second each, and their text."""
STEMS_HZ = {"vocals": 880.0, "drums": 110.0, "bass": 220.0}


def lead_sheet(*, words: bool = True) -> LeadSheet:
    """The lead sheet of the song, in seconds of the take."""
    notes = [
        MelodyNote(
            start_s=start_s + nth / 2,
            end_s=start_s + nth / 2 + 0.5,
            pitch=69,
            text=text,
            joined=text in ("Run", "un"),
            line=line,
        )
        for line, (start_s, pieces, _) in enumerate(WORDS)
        for nth, text in enumerate(pieces)
    ]
    chords = [(0.0, "Am"), (2.0, "F"), (3.0, "G/B"), (5.0, HOSTILE), (8.0, "C"), (10.0, "Am")]
    forms = [(0.0, "intro"), (2.0, "verse"), (8.0, "chorus"), (10.0, "outro")]
    return LeadSheet(
        bpm=BPM,
        first_bar_s=0.0,
        key="A minor",
        length_s=LENGTH_S + HEAD_S,
        melody=tuple(notes) if words else (),
        chords=tuple(ChordSpan(start_s=at, end_s=end, symbol=name) for at, name, end in _spans(chords)),
        sections=tuple(FormSpan(start_s=at, end_s=end, kind=kind) for at, kind, end in _spans(forms)),
    )


def _spans(starts: list[tuple[float, str]]) -> list[tuple[float, str, float]]:
    ends = [*(at for at, _ in starts), LENGTH_S + HEAD_S][1:]
    return [(at, name, end) for (at, name), end in zip(starts, ends, strict=True)]


def write_release(folder: Path) -> PageView:
    """Three songs; the stems of the first begin half a second before its master, which is 6 dB louder."""
    view = PageView(
        title="Sung",
        artist="Ada Vale",
        tracks=(_sung(folder), _instrumental(folder), _timed_by_line(folder)),
        songline_version="0.1.0",
    )
    (folder / "index.html").write_text(render_page(view), encoding="utf-8")
    return view


def _sung(folder: Path) -> TrackView:
    sheet = lead_sheet()
    lines = tuple(
        LyricView(start_s - HEAD_S, text, section)
        for (start_s, _, text), section in zip(WORDS, ("Verse", "", "Chorus"), strict=True)
    )
    stems = []
    for name, frequency_hz in STEMS_HZ.items():
        path = folder / "stems" / "1" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_wav(path, _tone(frequency_hz, LENGTH_S + HEAD_S), subtype="PCM_16")
        stems.append(StemView(name, path.relative_to(folder).as_posix(), path.stat().st_size))
    drawing = folder / "sheets" / "1.svg"
    drawing.parent.mkdir(exist_ok=True)
    drawing.write_text(DRAWING)
    return _track(
        folder,
        1,
        lyrics=charted(lines, sheet, head_s=HEAD_S, duration_s=LENGTH_S),
        sections=sheet_sections(lines, sheet, head_s=HEAD_S, duration_s=LENGTH_S),
        beat=BeatView(BPM, -HEAD_S),
        head_s=HEAD_S,
        stems_gain_db=GAIN_DB,
        stems=tuple(stems),
        drawing=FileView("lead_sheet_svg", "Lead sheet (SVG)", "sheets/1.svg", drawing.stat().st_size),
    )


def _instrumental(folder: Path) -> TrackView:
    sheet = lead_sheet(words=False)
    return _track(
        folder,
        2,
        lyrics=charted((), sheet, head_s=0.0, duration_s=LENGTH_S),
        sections=sheet_sections((), sheet, head_s=0.0, duration_s=LENGTH_S),
        beat=BeatView(BPM, 0.0),
        instrumental=True,
    )


def _timed_by_line(folder: Path) -> TrackView:
    lines = (LyricView(1.0, "First line", "Verse"), LyricView(3.0, "Second"), LyricView(6.0, "Third", "Chorus"))
    return _track(folder, 3, lyrics=lines, sections=marked_sections(lines, duration_s=LENGTH_S))


def _track(folder: Path, position: int, *, drawing: FileView | None = None, **changes: Any) -> TrackView:
    audio = _tone(440.0, LENGTH_S)
    path = folder / f"{position}.wav"
    write_wav(path, audio, subtype="PCM_24")
    curves = draw_curves(audio)
    master = FileView("wav24", "WAV 24-bit", path.name, path.stat().st_size)
    tags = TrackTags(title="Song", artist="A", album="B", album_artist="A", position=position, total=3)
    small = FileView("mp3_320", "MP3 320", f"{position}.mp3")
    encode("mp3_320", path, folder / small.path, tags=tags, cover=None, dither_seed=0)
    return TrackView(
        position=position,
        title=f"Song {position}",
        artist="Ada Vale",
        duration_s=curves.duration_s,
        name="seed 1",
        candidate="a-1",
        sentence="Only take.",
        files=(master, small) if drawing is None else (master, small, drawing),
        peaks=curves.peaks,
        loudness=curves.loudness,
        target_lufs=-14.0,
        **changes,
    )


def _tone(frequency_hz: float, length_s: float) -> Audio:
    t = np.arange(round(RATE * length_s)) / RATE
    return Audio.of(np.stack([0.2 * np.sin(2 * np.pi * frequency_hz * t)] * 2), RATE)


DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 595 842">
<path d="M40 60H555M40 68H555M40 76H555M40 84H555M40 92H555" stroke="#000"/></svg>"""


def sounding(page: Page, song: int = 1) -> list[str]:
    """The files of a song that sound: not paused, and not 60 dB softer than they are."""
    script = """n => [...document.querySelectorAll(`.song:nth-of-type(${n}) audio`)]
        .filter((a) => !a.paused && !a.muted && a.volume > 0.001).map((a) => decodeURI(a.src).split('/').pop())"""
    return list(page.evaluate(script, song))


def lit(page: Page, song: int = 1) -> dict[str, Any]:
    """The line that is lit, its syllables that were reached, and the one that is sung now."""
    script = """n => { const line = document.querySelector(`.song:nth-of-type(${n}) .lyrics .active`);
        const texts = (selector) => [...(line?.querySelectorAll(selector) ?? [])].map((e) => e.textContent);
        return JSON.stringify({line: line?.querySelector('bdi').textContent ?? null, lit: texts('.lit'),
        now: texts('.now')}) }"""
    return dict(json.loads(page.evaluate(script, song)))
