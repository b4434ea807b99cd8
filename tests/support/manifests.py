"""Shared parts of the manifest tests: a vocabulary, a valid manifest, and functions to read one."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from catalog.album.album import Album
from catalog.common.errors import ManifestError
from catalog.manifest.loader import Vocabulary, load_manifest
from catalog.selection.metrics import Direction, MetricSpec


class GuideSettings(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    groove: Literal["auto", "pop", "ballad"] = "auto"
    density: float = Field(0.6, ge=0, le=1)


class SungSettings(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    steps: int = Field(32, ge=1)


def spec(name: str, direction: Direction) -> MetricSpec:
    return MetricSpec(name, "", direction, "technical", name)


DIRECTIONS: dict[str, Direction] = {
    "clipping_runs": "lower",
    "tail_silence_s": "lower",
    "tempo_match": "higher",
    "mono_loss_lu": "lower",
    "duration_s": "none",
}
METRICS = {name: spec(name, direction) for name, direction in DIRECTIONS.items()}

VOCABULARY = Vocabulary(
    engines={"guide": GuideSettings, "sung": SungSettings},
    metrics=METRICS,
    deliverables=frozenset({"wav24", "flac24", "mp3_320", "acapella"}),
    stem_models=frozenset({"htdemucs"}),
    enhancers=frozenset({"air"}),
    default_engine="guide",
    voiced=frozenset({"acapella"}),
)

GOOD = """\
schema_version: 1
album: {title: Night Bus, artist: Ada Vale}
songs:
  - title: Last Bus Home
    lyrics: |
      [00:10.00]First line
      [00:14.50]Second line
    prompt: indie pop
"""


def album_or_error(path: Path) -> Album | ManifestError:
    """The album or the ManifestError of reading; any other exception fails the test."""
    try:
        return load_manifest(path, VOCABULARY)
    except ManifestError as error:
        return error


def write(folder: Path, text: str | bytes, *, name: str = "album.yaml") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def load(folder: Path, text: str | bytes, *, name: str = "album.yaml") -> Album:
    return load_manifest(write(folder, text, name=name), VOCABULARY)


def faults_of(folder: Path, text: str | bytes, *, name: str = "album.yaml") -> list[str]:
    with pytest.raises(ManifestError) as caught:
        load(folder, text, name=name)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return list(caught.value.faults)
