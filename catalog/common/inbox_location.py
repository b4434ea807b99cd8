"""The location of an inbox: a folder, or a prefix of a bucket of the S3 service in the settings."""

from __future__ import annotations

import re
from pathlib import Path

BUCKET_PLACE = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?")


def validate_location(text: str) -> str:
    """``text`` unchanged where it is empty, a folder's path or ``s3://BUCKET/PREFIX``. Raises ValueError otherwise."""
    if "\0" in text:
        raise ValueError("a path cannot contain NUL")
    if "://" in text and not BUCKET_PLACE.fullmatch(text):
        raise ValueError("write a folder's path, s3://BUCKET or s3://BUCKET/PREFIX")
    return text


def normalize_location(text: str) -> str:
    """The location in a form that means the same for every working directory: a folder's path is made absolute."""
    if validate_location(text) and "://" not in text and not Path(text).is_absolute():
        raise ValueError("write the folder's absolute path")
    return text
