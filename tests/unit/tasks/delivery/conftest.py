"""A short master, a full set of tags and a small picture."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tasks.delivery.tags.track_tags import TrackTags

RATE = 44_100


@pytest.fixture(scope="session")
def song() -> Audio:
    """1.2 s and an odd number of frames: two tones with a little noise, fading out."""
    frames = RATE * 6 // 5 + 137
    t = np.arange(frames) / RATE
    noise = np.random.Generator(np.random.PCG64(5)).normal(size=frames) * 0.01
    left = np.sin(2 * np.pi * 440 * t) * 0.4 + noise
    return Audio.of(np.stack([left, np.sin(2 * np.pi * 660 * t) * 0.3]) * np.linspace(1, 0.2, frames), RATE)


@pytest.fixture(scope="session")
def master(song: Audio, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The song as 24-bit WAV."""
    path = tmp_path_factory.mktemp("master") / "master.wav"
    write_wav(path, song, subtype="PCM_24")
    return path


@pytest.fixture(scope="session")
def png() -> bytes:
    """A picture of one pixel."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0\xe8\x96\x3e")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture(scope="session")
def tags() -> TrackTags:
    """Every field set, with letters of several scripts."""
    return TrackTags(
        title="Línea 夜 </script> 🎧",
        artist="Ada Vale",
        album='Night "Bus"',
        album_artist="Various / Кто-то",
        position=3,
        total=12,
        year=2026,
        genre="Indie Pop",
        isrc="USABC2612345",
        writers=("Ada Vale", "Ø/B; C"),
        lyrics_lrc="[00:10.00]Première ligne\n[00:14.50]\n[61:15.02]夜 [live]",
        lyrics_text="Première ligne\n\n夜 [live]",
        comment="Made with Songline.\nBy a model.",
        explicit=False,
        candidate="last-bus-43-1f7c",
        language="fra",
        upc="0012345678905",
        label="Nachtbus Ö",
        credits=(
            ("Lead vocals", "Ada Vale"),
            ("Bass (fretless)", "Bo (B.) Ö"),
            ("Mixer", "夜"),
            ("Producer", "Ada Vale"),
        ),
        track_gain_db=-4.013,
        track_peak=0.8912509,
        album_gain_db=-3.5,
        album_peak=1.0,
    )
