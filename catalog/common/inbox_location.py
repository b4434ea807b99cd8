"""Where an inbox lies: a folder, or a prefix of a bucket of the S3 service that the settings name."""

from __future__ import annotations

import re
from pathlib import Path

BUCKET_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")


def validate_location(text: str) -> str:
    """``text`` itself where it is empty, a folder's path or ``s3://BUCKET/PREFIX``. Raises ValueError."""
    if "\0" in text:
        raise ValueError("a path holds no NUL")
    if "://" in text and not BUCKET_PLACE.fullmatch(text):
        raise ValueError("write a folder's path, s3://BUCKET or s3://BUCKET/PREFIX")
    return text


def normalize_location(text: str) -> str:
    """The same for a place that means one thing on every machine: a folder's path is absolute."""
    if validate_location(text) and "://" not in text and not Path(text).is_absolute():
        raise ValueError("write the folder's whole path, from / on")
    return text
