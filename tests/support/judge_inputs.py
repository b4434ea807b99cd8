"""Tiny judges in a store, and audio for them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np

from catalog.common.settings import Settings
from catalog.models.store import InstalledModel, ModelStore
from tasks.audio.audio import Audio
from tests.support.models import install, relaxed_table

RATE = 44100
LINES = ((1.0, "Walking home again"), (6.0, "City lights in the rain"))


def store(folder: Path) -> ModelStore:
    """An empty store that accepts models of any digest."""
    return ModelStore(folder / "models", relaxed_table(folder / "models.toml"))


def settings(folder: Path) -> Settings:
    """Settings that name that store."""
    return Settings(home=folder, models=folder / "models", models_table=folder / "models.toml", device="cpu")


def words(held: ModelStore) -> InstalledModel:
    """``diffrhythm-data`` with a table of the phones of plain English, and no Chinese."""
    from tasks.phonemes.english import english_phones

    phones = dict.fromkeys(phone for _, line in LINES for phone in english_phones(line))
    vocabulary = {phone: number for number, phone in enumerate(phones)}
    return install(
        held,
        "diffrhythm-data",
        {
            "vocab.json": json.dumps({"vocab": vocabulary}).encode(),
            "vocal.npy": b"-",
            "pinyin_2_bpmf.txt": b"-",
            "polychar.txt": b"-",
        },
    )


@cache
def music(length_s: float = 24.0, seed: int = 3) -> Audio:
    """Chords that change every second over low noise, in stereo."""
    generator = np.random.Generator(np.random.PCG64(seed))
    seconds = np.arange(round(length_s * RATE)) / RATE
    roots = generator.choice([110.0, 130.8, 146.8, 164.8], size=int(np.ceil(length_s)))[seconds.astype(int)]
    chord = sum(np.sin(2 * np.pi * np.cumsum(roots * ratio) / RATE) for ratio in (1.0, 1.26, 1.5, 4.0))
    noise = 0.02 * generator.standard_normal((2, len(seconds)))
    return Audio.of(0.1 * chord + noise, RATE)
