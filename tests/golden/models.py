"""Files in the place of the models that the golden albums name: a few bytes each, since nothing loads them.

Their digests stand in recipes and requests as those of real ones would. Only the table of symbols is read when an album
is planned; it holds what English words are read as.
"""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from catalog.models.store import ModelStore
from tests.support.models import install, relaxed_table

NAMES = (
    *("diffrhythm-1.2-base", "diffrhythm-1.2-full", "diffrhythm-vae", "diffrhythm-data", "muq-mulan-large"),
    *("htdemucs", "clap-music", "audiobox-aesthetics", "whisper-large-v3"),
)
SYMBOLS = (
    *",.?!_;:'…",
    *("iː", "ɪ", "ɜː", "ɚ", "oːɹ", "ɔː", "ɔːɹ", "ɑː", "uː", "ʊ", "ɑːɹ", "ʌ", "ɛ", "æ", "eɪ", "aɪ", "ɔɪ", "aʊ", "oʊ"),
    *("ɪɹ", "ɛɹ", "ʊɹ", "i", "ɔ", "ə", "u", "iə", "oː", "aɪə", "aɪɚ", "ɛː", "ɪː"),
    *("p", "b", "t", "d", "k", "ɡ", "f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "h", "tʃ", "dʒ", "m", "n", "ŋ", "j", "w"),
    *("ɹ", "l", "ɾ", "r", "tɹ", "dɹ", "ts", "dz"),
)


def write(folder: Path) -> None:
    """Install them all by the real import: the registry in ``folder/models``, its table in ``folder/models.toml``."""
    store = ModelStore(folder / "models", relaxed_table(folder / "models.toml"))
    for name in NAMES:
        install(store, name, {file.path: _content(name, file.path) for file in store.spec(name).files})


def _content(name: str, path: str) -> bytes:
    if path == "vocab.json":
        return json.dumps({"vocab": {symbol: place for place, symbol in enumerate(SYMBOLS)}}).encode()
    if path == "vocal.npy":
        vector = np.zeros((1, 512), np.float16)
        vector[0, 11] = 1.0
        packed = io.BytesIO()
        np.save(packed, vector)
        return packed.getvalue()
    if path.endswith(".json"):
        return json.dumps({"stands_for": f"{name}/{path}"}).encode()
    return f"stands for {name}/{path}\n".encode()
