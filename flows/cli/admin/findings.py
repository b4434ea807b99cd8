"""What ``doctor`` finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

STYLES = {"ok": "green", "note": "yellow", "missing": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``missing`` keeps Songline from working; a ``note`` only tells."""

    name: str
    verdict: Literal["ok", "note", "missing"]
    found: str
    remedy: str = ""
