"""Colour profiles in covers: they are kept, cut to the length that their header states (ICC.1:2022, 7.2)."""

from __future__ import annotations

import zlib

MAX_PROFILE_BYTES = 4 * 1024 * 1024
_HEADER_BYTES = 128


def is_profile(data: bytes) -> bool:
    """Whether the bytes are exactly one profile."""
    if not _HEADER_BYTES < len(data) <= MAX_PROFILE_BYTES or data[36:40] != b"acsp":
        return False
    return int.from_bytes(data[:4], "big") == len(data)


def cleaned_iccp(body: bytes) -> bytes | None:
    """The body of an iCCP chunk with a generic name and the profile compressed again; None where it is no profile."""
    _, separator, compressed = body.partition(b"\0")
    if not separator or compressed[:1] != b"\0":
        return None
    decompressor = zlib.decompressobj()
    try:
        profile = decompressor.decompress(compressed[1:], MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return None
    return b"icc\0\0" + zlib.compress(profile, 0) if decompressor.eof and is_profile(profile) else None


def profile_parts(parts: list[bytes]) -> bool:
    """Whether the bodies of a JPEG's ``ICC_PROFILE`` segments, in order, form one profile."""
    numbers = [(part[12], part[13]) for part in parts if len(part) > 14]
    if numbers != [(number, len(parts)) for number in range(1, len(parts) + 1)]:
        return False
    return is_profile(b"".join(part[14:] for part in parts))
