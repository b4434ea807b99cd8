"""Piano rolls of the guide's songs as PNG files: ``python -m tests.bench.guide_rolls FOLDER [SECONDS]``.

One picture a song: pitch upwards, time to the right, a colour for each part, drums in a band of their own below, bar
lines in grey, sections separated by white lines, louder notes brighter.
"""

from __future__ import annotations

import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.arrangement.score import Arrangement
from tests.bench.guide_cases import all_compared, others

PIXELS_PER_S, PIXELS_PER_KEY = 24, 6
LOWEST, HIGHEST = 26, 90
DRUM_KEYS = 22
COLOURS = {
    "vocals": (255, 220, 60), "second voice": (180, 140, 40), "lead": (255, 120, 60), "bass": (90, 150, 255),
    "chords": (110, 200, 110), "pad": (60, 100, 70), "pluck": (200, 110, 220), "answers": (240, 90, 140),
    "drums": (220, 220, 220),
}  # fmt: skip
DRAWN = ("pad", "chords", "pluck", "bass", "second voice", "answers", "lead", "vocals", "drums")
DRUM_ROWS = (36, 35, 41, 43, 45, 47, 48, 50, 38, 37, 39, 42, 44, 46, 51, 53, 49, 54, 70, 56, 63, 60)

Picture = NDArray[np.uint8]


def drawn(arrangement: Arrangement, seconds: float) -> Picture:
    """The roll of a song's first seconds: (height, width, 3)."""
    width = round(min(seconds, arrangement.length_s) * PIXELS_PER_S)
    rows = HIGHEST - LOWEST + DRUM_KEYS + 2
    picture = np.full((rows * PIXELS_PER_KEY, width, 3), 18, dtype=np.uint8)
    grid = arrangement.grid
    for bar in range(arrangement.sections[0].first_bar, arrangement.sections[-1].end_bar):
        _line(picture, grid.time_s(bar), 48)
    for section in arrangement.sections:
        _line(picture, grid.time_s(section.first_bar), 255)
    for name in DRAWN:
        for part in (part for part in arrangement.parts if part.name == name):
            for note in part.notes:
                row = DRUM_ROWS.index(note.pitch) if name == "drums" else note.pitch - LOWEST + DRUM_KEYS + 2
                length_s = 0.06 if name == "drums" else note.duration_s
                left, right = (round(at_s * PIXELS_PER_S) for at_s in (note.start_s, note.start_s + length_s))
                bottom = len(picture) - row * PIXELS_PER_KEY
                shade = 0.35 + 0.65 * note.velocity / 127
                colour = np.array(COLOURS[name]) * shade
                picture[bottom - PIXELS_PER_KEY + 1 : bottom, left : max(left + 2, right)] = colour.astype(np.uint8)
    return picture


def _line(picture: Picture, at_s: float, level: int) -> None:
    column = round(at_s * PIXELS_PER_S)
    if 0 <= column < picture.shape[1]:
        picture[:, column] = level


def png(picture: Picture) -> bytes:
    """The picture as PNG, eight bits a channel."""
    height, width, _ = picture.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), picture.reshape(height, -1)], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def main(folder: Path, seconds: float) -> None:
    """Write a picture of one song a genre and of the other songs."""
    folder.mkdir(parents=True, exist_ok=True)
    songs = {name: recipes[0] for name, recipes in all_compared().items()} | others()
    for name, recipe in songs.items():
        path = folder / f"{name.replace(' ', '-')}.png"
        path.write_bytes(png(drawn(arrange(recipe), seconds)))
        print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else 60.0)
