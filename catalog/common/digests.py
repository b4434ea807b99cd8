"""SHA-256 identities: of bytes for artifacts, of canonical JSON (RFC 8785) for values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import rfc8785

from db.files.regular_file import open_regular

Json = Any
"""A JSON value: None, bool, int below 2^53, finite float, str, list or mapping of these."""

CHUNK = 1 << 20


def canonical_json(value: Json) -> bytes:
    """The canonical bytes of a JSON value (RFC 8785). Raises ValueError on values that JSON cannot represent."""
    return rfc8785.dumps(value)


def digest_value(scheme: str, value: Mapping[str, Json]) -> str:
    """Hex SHA-256 of ``value`` under a scheme prefix such as ``recipe/v1``, so that digests of different kinds never
    collide."""
    return hashlib.sha256(scheme.encode() + b"\n" + canonical_json(value)).hexdigest()


def digest_bytes(data: bytes) -> str:
    """Hex SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def digest_stream(stream: BinaryIO) -> str:
    """Hex SHA-256 of the remaining bytes of ``stream``."""
    hasher = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()


def digest_file(path: Path) -> str:
    """Hex SHA-256 of a file's bytes. Raises OSError, including NotRegular: a pipe is not waited for."""
    with open_regular(path) as stream:
        return digest_stream(stream)
