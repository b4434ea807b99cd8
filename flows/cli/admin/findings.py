"""The findings of ``doctor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

STYLES = {"ok": "green", "note": "yellow", "missing": "red"}


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. ``missing`` prevents Songline from working; a ``note`` is for information only."""

    name: str
    verdict: Literal["ok", "note", "missing"]
    found: str
    remedy: str = ""
