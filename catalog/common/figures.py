"""Formats times and sizes for display."""

from __future__ import annotations


def clock(seconds: float, *, with_hours: bool = False) -> str:
    """A time to the second: ``1:20``, and ``1:02:05`` from an hour on where ``with_hours`` is set."""
    minutes, whole_s = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours and with_hours:
        return f"{hours}:{minutes_left:02d}:{whole_s:02d}"
    return f"{minutes}:{whole_s:02d}"


def size(count: int, *, digits: int = 1) -> str:
    """A byte count in powers of ten, as disks are sold: ``1.2 GB``."""
    for unit, unit_bytes in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= unit_bytes:
            return f"{count / unit_bytes:.{digits}f} {unit}"
    return f"{count} B"
