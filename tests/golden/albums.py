"""The albums of the golden run: among them they ask for every kind of step and of file that there was at the time.

The manifests stand here as documents; :func:`write` puts one and the files that it names into a folder.
"""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.covers import png

WORDS = {1: "Lanterns drift along the quay", 4: "Nobody is waiting up for me", 7: "Turn the key and let it be"}
NEW_LINE = "Seven ferries on the bay"
OPEN_GATES = dict.fromkeys(
    ("duration_error_s", "sung_gap_s", "cutoff_hz", "spectral_flatness", "noise_ratio", "stereo_correlation")
)
"""Gates that half a second of tones cannot pass."""
WEIGHTS_OF_JUDGES = {
    "mulan_similarity": 0.4,
    "clap_similarity": 0.2,
    "audiobox_pq": 0.2,
    "lyric_per": 0.1,
    "lyric_mix_per": 0.1,
}

Document = dict[str, Any]


def lrc(changes: Mapping[int, str] = {}) -> str:
    """The words, some lines changed (second → text)."""
    return "".join(f"[00:{second:02d}.00]{text}\n" for second, text in {**WORDS, **changes}.items())


def harbour() -> Document:
    """Guide, mastered as an album, with every kind of file, every field, and a song without words."""
    return {
        "schema_version": 1,
        "album": {
            "id": "harbour",
            "title": "Harbour Lights",
            "artist": "Ada Vale",
            "year": 2026,
            "genre": "Indie Pop",
            "cover": "art/cover.png",
            "upc": "036000291452",
            "label": "Quay",
        },
        "defaults": {"engine": "guide", "length_s": 10, "seeds": {"start": 42, "count": 2}},
        "songs": [
            {
                "id": "quay",
                "title": "Along the Quay",
                "lyrics": "lyrics/quay.lrc",
                "prompt": "indie pop, warm synths, female vocal, wistful",
                "bpm": 96,
                "key": "A minor",
                "writers": ["Ada Vale", "Bo Lind"],
                "credits": [{"name": "Cy Moor", "role": "producer"}],
                "isrc": "GBAYE2600001",
                "explicit": False,
                "gap_s": 1.5,
                "seeds": [7, 11, 2**53 - 1],
                "settings": {"groove": "ballad", "vocals": "flute", "swing": 0.25},
            },
            {
                "id": "ebb",
                "title": "Ebb",
                "instrumental": True,
                "prompt": "folk, 120 BPM, D major, fingerpicked guitar",
                "fade_out_s": 0.1,
                "deliverables": ["wav16", "flac24"],
            },
        ],
        "selection": {"min_candidates": 2, "if_none_passes": "least_bad", "gates": OPEN_GATES},
        "mastering": {"profile": "streaming", "mode": "album", "preset": "bright"},
        "enhance": "basic",
        "stems": "native",
        "deliverables": ["wav24", "wav16", "flac24", "mp3_320", "opus_160", "aac_256", "instrumental", "acapella"],
    }


def mirror(*, later: bool = False) -> Document:
    """Guide, every song by itself, mastered by a reference; ``later``: another policy, title, seed and order."""
    song = {"prompt": "soul ballad, 72 BPM, Eb major, electric piano", "lyrics": lrc(), "language": "de"}
    songs = [
        {"id": "glass", "title": "Glass", **song, "seeds": [1, 2, 3] if later else [1, 2]},
        {"id": "frame", "title": "Frame and Hook" if later else "Frame", **song, "bpm": 80, "seeds": [5, 4]},
    ]
    weights = {"plr_db": 1.0, "mono_loss_lu": 0.5} if later else {"mono_loss_lu": 1.0}
    return {
        "schema_version": 1,
        "album": {"title": "Mirror", "artist": "Ada Vale"},
        "defaults": {"engine": "guide", "length_s": 12.5},
        "songs": songs[::-1] if later else songs,
        "selection": {"if_none_passes": "least_bad", "gates": OPEN_GATES, "weights": weights},
        "mastering": {
            "profile": "dynamic",
            "reference": "refs/tone.wav",
            "effects": {"reverb": {"mix": 0.05}, "echo": {"delay_ms": 125.0}},
            "trim": False,
            "waive": ["dc_offset"],
        },
        "enhance": "air",
        "wav": {"tags": "none"},
        "deliverables": ["wav24"],
    }


def applied_policy() -> Document:
    """The policy that a person applies over that of ``mirror``."""
    return {"if_none_passes": "least_bad", "gates": OPEN_GATES, "weights": {"plr_db": 1.0, "dc_offset": 0.25}}


def choir() -> Document:
    """DiffRhythm: styles from a prompt, a vector and a recording; all judges; stems by a model."""
    defaults = {"engine": "diffrhythm", "settings": {"steps": 8}, "language": "en"}
    prompt = "folk, warm guitar, female vocal"
    return {
        "schema_version": 1,
        "album": {"id": "choir", "title": "Choir", "artist": "Ada Vale"},
        "defaults": defaults,
        "songs": [
            {
                "id": "tide",
                "title": "Tide",
                "prompt": prompt,
                "bpm": 96,
                "key": "C major",
                "length_s": 95,
                "seeds": [1, 2],
                "lyrics": lrc(),
            },
            {
                "id": "moor",
                "title": "Moor",
                "style": "refs/vector.npy",
                "length_s": 96,
                "seeds": [5],
                "lyrics": lrc(),
                "settings": {
                    "cfg_strength": 0.0,
                    "sway": -1.0,
                    "dtype": "bfloat16",
                    "lyrics": "original",
                    "compile": True,
                },
            },
            {
                "id": "gull",
                "title": "Gull",
                "reference": "refs/tone.wav",
                "prompt": prompt,
                "length_s": 95,
                "seeds": [9],
                "instrumental": True,
                "settings": {"negative_prompt": "opera, choir", "rope": "exact"},
            },
        ],
        "licences": [{"model": "diffrhythm-vae", "agreement": "Letter of 1 May 2026"}],
        "selection": {"if_none_passes": "least_bad", "gates": OPEN_GATES, "weights": WEIGHTS_OF_JUDGES},
        "mastering": {
            "profile": "custom",
            "target_lufs": -18.0,
            "tone": "acoustic",
            "highpass_hz": 40.0,
            "waive": ["dc_offset", "instrumental.dc_offset"],
        },
        "stems": "htdemucs",
        "two_stems": "vocals",
        "deliverables": ["mp3_320", "instrumental"],
    }


def write(folder: Path, document: Document) -> Path:
    """A manifest, and beside it all files that any of them names; gives the manifest's path."""
    for name, content in _beside().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    manifest = folder / "album.yaml"
    manifest.write_text(json.dumps(document, indent=2) + "\n", "utf-8")
    return manifest


def _beside() -> dict[str, bytes]:
    vector = np.zeros((1, 512), np.float32)
    vector[0, 3], vector[0, 7] = 0.6, 0.8
    packed = io.BytesIO()
    np.save(packed, vector)
    return {
        "art/cover.png": png(16, 16),
        "lyrics/quay.lrc": lrc({7: "Turn the key and let me be"}).encode(),
        "refs/vector.npy": packed.getvalue(),
        "refs/tone.wav": _recording(),
        "policy.yaml": (json.dumps(applied_policy(), indent=2) + "\n").encode(),
        "new.lrc": lrc({4: NEW_LINE}).encode(),
    }


def _recording() -> bytes:
    """Four seconds of a chord, its period a whole number of samples, as 16-bit WAV."""
    waves = [np.sin(2 * np.pi * np.arange(420) * count / 420) for count in (1, 3, 4, 7)]
    left = np.resize(np.round(np.sum(waves, axis=0) * 2000), 4 * 44_100)
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(np.stack([left, np.roll(left, 30)], axis=1).astype("<i2").tobytes())
    return packed.getvalue()
