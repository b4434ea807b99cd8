"""Folders of the repository that tests read."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NIGHT_BUS = EXAMPLES / "night-bus" / "album.yaml"
DATA = ROOT / "tests" / "data"
