"""Remarks of plug-ins about a song, made while its manifest is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Notice:
    """A ``fault`` rejects the manifest, a ``warning`` marks something doubtful, a ``hint`` is advice that only
    ``validate`` shows.

    ``field`` is the song's field concerned ("lyrics", "settings.model"), ``line`` a line of its lyrics. A fault's
    ``message`` is one sentence without its full stop and has a ``remedy``; the others are finished sentences.
    """

    kind: Literal["fault", "warning", "hint"]
    field: str
    message: str
    remedy: str = ""
    line: int | None = None
