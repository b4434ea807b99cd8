"""The names by which a manifest waives checks: ``loudness`` for the master's, ``opus_160.loudness`` for a file's."""

from __future__ import annotations

MASTER = "master"
WAIVER_PATTERN = r"^([a-z][a-z0-9_]*\.)?[a-z][a-z0-9_]*$"


def waiver(file: str, check: str) -> str:
    """The name that waives ``check`` for ``file``: :data:`MASTER` or a deliverable."""
    return check if file == MASTER else f"{file}.{check}"
