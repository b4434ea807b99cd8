"""Fixtures of the hostile surroundings."""

from __future__ import annotations

from tests.support.finished_album import finished_album, own_album

__all__ = ["finished_album", "own_album"]
