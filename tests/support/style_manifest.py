"""A training's manifest with short songs, for tiny models: tones of their own, some with words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

RATE = 44_100
TINY = {"crop_frames": 32, "rank": 4, "steps": 10, "batch": 2, "accumulation": 1, "evaluate_every": 2, "warm_up": 2}
"""A training that takes a second on the tiny network."""

NAMES = ("depot", "harbour", "lantern", "meadow", "quarry", "signal")
WORDS = "[00:00.20]Streetlights hum along the wire\n[00:01.40]One more stop\n[00:02.60]\n"


def write_song(path: Path, number: int, *, seconds: float = 3.5) -> Path:
    """A stereo recording: two moving tones and some noise, other ones for every ``number``."""
    generator = np.random.default_rng(number)
    time = np.arange(int(seconds * RATE)) / RATE
    tones = [np.sin(2 * np.pi * (110 * (number + 1) * part * time + np.sin(time * part))) for part in (1.0, 1.5)]
    samples = 0.3 * np.stack(tones) + 0.02 * generator.standard_normal((2, len(time)))
    soundfile.write(path, samples.T.astype(np.float32), RATE, subtype="PCM_16")
    return path


def style_document(**changes: object) -> dict[str, Any]:
    """Six songs: styles from prompts, from a recording and from a vector; words in two of them; one held out."""
    prompts = ("folk, warm guitar", "jazz, piano", "rock, drums", "pop, female vocal")
    songs: list[dict[str, Any]] = [
        {"audio": f"{name}.wav", "prompt": prompt} for name, prompt in zip(NAMES, prompts, strict=False)
    ]
    songs += [{"audio": "quarry.wav", "style": "vector.npy"}, {"audio": "signal.wav", "style": "audio"}]
    songs[0]["lyrics"] = "depot.lrc"
    songs[3]["lyrics"] = "depot.lrc"
    return {"rights": "all recordings are my own", "hold_out": ["meadow"], "songs": songs, "training": TINY} | changes


def write_style(folder: Path, document: Mapping[str, Any] | None = None, *, name: str = "my-style") -> Path:
    """The manifest with its recordings, words and vector beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, song in enumerate(NAMES):
        write_song(folder / f"{song}.wav", number, seconds=10.5 if song == "signal" else 3.5)
    (folder / "depot.lrc").write_text(WORDS)
    vector = np.zeros((1, 512), np.float32)
    vector[0, 3], vector[0, 7] = 0.6, 0.8
    np.save(folder / "vector.npy", vector)
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(document or style_document(), sort_keys=False))
    return path
