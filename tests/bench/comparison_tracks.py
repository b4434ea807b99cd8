"""What the tools are given: three guide songs of different loudness, and the kinds of input that break chains."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.lyrics.lyrics import LyricLine, Lyrics
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.engines.base import RenderJob, RenderResult
from tasks.engines.guide.engine import GuideEngine

RATE = 44100
SONG_S = 180.0
SONGS: Mapping[str, tuple[str, float, Callable[[NDArray[np.float32]], NDArray[np.float32]]]] = {
    "pop": ("indie pop", 96.0, lambda samples: samples),
    "ballad, 12 dB down": ("soft piano ballad, quiet", 70.0, lambda samples: samples * np.float32(0.25)),
    "rock, driven hot": ("hard rock, loud, energetic", 150.0, lambda samples: np.tanh(4 * samples)),
}
"""Name to prompt, tempo, and what is done to the level."""

Lines = NDArray[np.float32]


def _noise(frames: int, level_db: float) -> Lines:
    rng = np.random.Generator(np.random.PCG64(2))
    return 10 ** (level_db / 20) * rng.standard_normal((2, frames), dtype=np.float32)


def _tone(frames: int, hz: float, degrees: float = 0.0) -> Lines:
    line = 0.5 * np.sin(2 * np.pi * hz / RATE * np.arange(frames) + np.radians(degrees))
    return np.asarray([line, line], np.float32)


def _impulses(frames: int) -> Lines:
    lines = np.zeros((2, frames), np.float32)
    lines[:, ::RATE] = 0.9
    return lines


def _half_silent(music: Lines) -> Lines:
    """10 s of music, 10 s of silence, and so on."""
    return music * ((np.arange(music.shape[1]) // (10 * RATE)) % 2 == 0)


def _middle(music: Lines, frames: int) -> Lines:
    start = music.shape[1] // 2
    return music[:, start : start + frames]


def _with_a_nan(music: Lines) -> Lines:
    broken = music[:, : 5 * RATE].copy()
    broken[1, RATE] = np.nan
    return broken


EXTREMES: Mapping[str, Callable[[Lines], Lines]] = {
    "20 dB up": lambda music: 10 * music,
    "50 dB down": lambda music: music * np.float32(10**-2.5),
    "DC +0.4": lambda music: music + np.float32(0.4),
    "clipped, 18 dB up": lambda music: np.clip(8 * music, -1, 1),
    "anti-phase": lambda music: music[:1] * np.array([[1], [-1]], np.float32),
    "fade-out": lambda music: music * np.linspace(1, 0, music.shape[1], dtype=np.float32),
    "10 s on, 10 s off": _half_silent,
    "mono": lambda music: music[:1],
    "hard left": lambda music: music * np.array([[1], [0]], np.float32),
    "white noise": lambda music: _noise(music.shape[1], -20),
    "sine 997 Hz": lambda music: _tone(music.shape[1], 997),
    "fs/4 tone, 45 deg": lambda music: _tone(music.shape[1], RATE / 4, 45),
    "sub 20 Hz": lambda music: _tone(music.shape[1], 20),
    "sparse impulses": lambda music: _impulses(music.shape[1]),
    "1 s": lambda music: _middle(music, RATE),
    "400 ms": lambda music: _middle(music, RATE * 2 // 5),
    "300 ms": lambda music: _middle(music, RATE * 3 // 10),
    "noise at -90 dBFS": lambda music: _noise(5 * RATE, -90),
    "digital silence": lambda music: np.zeros((2, 5 * RATE), np.float32),
    "one NaN": _with_a_nan,
}
"""Name to what is made of a song (AUDIO.md §2.6)."""


def tracks(folder: Path, *, extremes_s: float) -> Iterator[tuple[str, Path]]:
    """Name and float WAV of every track, made in ``folder``; songs that lie there already are not rendered again."""
    for number, name in enumerate(SONGS):
        yield name, _song(folder, number, name)
    music = read_audio(_song(folder, 0, next(iter(SONGS)))).samples[:, : round(extremes_s * RATE)]
    for name, make in EXTREMES.items():
        path = folder / "extreme.wav"
        write_wav(path, Audio.of(make(music), RATE), subtype="FLOAT")
        yield name, path


def _song(folder: Path, number: int, name: str) -> Path:
    path = folder / f"song-{number}.wav"
    if not path.exists():
        prompt, bpm, level = SONGS[name]
        rendered = _rendered(prompt, bpm)
        write_wav(path, Audio.of(level(rendered.samples), rendered.rate), subtype="FLOAT")
    return path


def _rendered(prompt: str, bpm: float) -> Audio:
    lines = tuple(LyricLine(start_s, "Carry me home on the night bus line") for start_s in np.arange(10.0, 165.0, 4.0))
    song = Song(
        id="compared",
        position=1,
        title="Compared",
        artist="Ada Vale",
        lyrics=Lyrics(lines),
        prompt=prompt,
        reference=None,
        reference_digest=None,
        bpm=bpm,
        key="A minor",
        language="en",
        length_s=SONG_S,
        engine="guide",
        settings={},
        seeds=(1,),
    )
    engine = GuideEngine(Settings())
    (made,) = engine.load().render([RenderJob(engine.recipe(song, 1))])
    if not isinstance(made, RenderResult):
        raise RuntimeError(f"the guide engine failed: {made}")
    return made.audio
