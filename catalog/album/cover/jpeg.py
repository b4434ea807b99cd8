"""JPEG covers: every segment is skipped by its length up to the end of the image (ITU-T T.81, Annex B)."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from catalog.album.cover.base import Colours, Cover, check_size, refused
from catalog.album.cover.colour_profile import profile_parts

SOI, EOI, SOS, COM = 0xD8, 0xD9, 0xDA, 0xFE
DHT, DQT, DRI = 0xC4, 0xDB, 0xDD
_BASELINE, _EXTENDED, _PROGRESSIVE = 0xC0, 0xC1, 0xC2
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOFn; the others are DHT, JPG and DAC
_APPLICATION = frozenset(range(0xE0, 0xF0))
_COLOURS: dict[int, Colours] = {1: "grey", 3: "rgb", 4: "cmyk"}
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""A marker after coded data: neither a stuffed byte nor a restart marker, which both belong to the data. Fill bytes
before it are not part of the pattern, which would otherwise be tried once for each fill byte."""

_RESTART = re.compile(rb"\xff([\xd0-\xd7])")

MAX_SEGMENTS = 2000
MAX_SCANS = 100
"""Progressive pictures have about ten scans; viewers process all pixels for each."""
_ORIENTATION = 0x0112
_JFIF, _EXIF, _ICC, _ADOBE = b"JFIF\0", b"Exif\0\0", b"ICC_PROFILE\0", b"Adobe"


@dataclass(slots=True)
class _Found:
    """The state of reading the segments so far."""

    width_px: int = 0
    height_px: int = 0
    components: int = 0
    turned: int = 1
    scans: int = 0
    restarts: bool = False
    profile: list[bytes] = field(default_factory=list)
    names: set[bytes] = field(default_factory=set)


def read_jpeg(data: bytes, *, most_pixels: int) -> Cover:
    """The picture in a JPEG. Raises InputError where a segment or the end of the image is missing or invalid."""
    details = _Found()
    segments: list[bytes] = []
    offset = 2
    for _ in range(MAX_SEGMENTS):
        marker, offset = _marker(data, offset)
        if marker == EOI:
            break
        body = _body(data, offset)
        offset += 2 + len(body)
        segment = _kept(marker, body, details, most_pixels)
        if marker == SOS:
            end = _end_of_scan(data, offset)
            _check_restarts(data[offset:end], are_allowed=details.restarts)
            segment += data[offset:end]
            offset = end
        segments.append(segment)
    else:
        raise refused(f"has more than {MAX_SEGMENTS} segments")
    if not details.scans:
        raise refused("ends before its picture begins")
    return Cover(
        media_type="image/jpeg",
        width_px=details.width_px,
        height_px=details.height_px,
        colours=_COLOURS[details.components],
        picture=b"".join([b"\xff\xd8", *_with_profile(segments, details.profile), b"\xff\xd9"]),
        turned=details.turned != 1,
    )


def _marker(data: bytes, offset: int) -> tuple[int, int]:
    """The marker at an offset, after any fill bytes, and the offset after it."""
    start = offset
    while data[offset : offset + 1] == b"\xff":
        offset += 1
    if offset >= len(data):
        raise refused("is cut short", "Copy or save the picture again")
    if offset == start or data[offset] in (0x00, 0x01, SOI, *range(0xD0, 0xD8)):
        raise refused("is damaged: a segment does not begin where one should")
    return data[offset], offset + 1


def _body(data: bytes, offset: int) -> bytes:
    size = int.from_bytes(data[offset : offset + 2], "big")
    if len(data) < offset + max(2, size):
        raise refused("is cut short", "Copy or save the picture again")
    if size < 2:
        raise refused("is damaged: a segment has no length")
    return data[offset + 2 : offset + size]


def _end_of_scan(data: bytes, offset: int) -> int:
    match = _AFTER_SCAN.search(data, offset)
    if match is None:
        raise refused("is cut short", "Copy or save the picture again")
    return offset + len(data[offset : match.start()].rstrip(b"\xff"))


def _check_restarts(scan: bytes, *, are_allowed: bool) -> None:
    """Checks that restart markers count from 0 to 7 repeatedly, and occur only where a restart interval is stated."""
    for index, match in enumerate(_RESTART.finditer(scan)):
        if not are_allowed or match[1][0] != 0xD0 + index % 8:
            raise refused("is damaged: a restart marker is where none may be")


def _with_profile(kept: list[bytes], profile: list[bytes]) -> list[bytes]:
    """The segments, without the colour profile where its parts do not form one."""
    if not profile or profile_parts(profile):
        return kept
    parts = {_segment(0xE2, part) for part in profile}
    return [segment for segment in kept if segment not in parts]


def _is_whole_table(marker: int, body: bytes) -> bool:
    """Whether a segment of tables has the length that its contents state (T.81, B.2.4)."""
    if marker == DRI:
        return len(body) == 2
    offset = 0
    while offset < len(body):
        if marker == DQT:
            precision, number = body[offset] >> 4, body[offset] & 15
            if precision > 1 or number > 3:
                return False
            offset += 1 + 64 * (1 + precision)
        else:
            counts = body[offset + 1 : offset + 17]
            if body[offset] >> 4 > 1 or body[offset] & 15 > 3 or len(counts) < 16 or sum(counts) > 256:
                return False
            offset += 17 + sum(counts)
    return offset == len(body) and offset > 0


def _kept(marker: int, body: bytes, findings: _Found, most_pixels: int) -> bytes:
    """The segment as it is delivered, empty where it is dropped; records what it states."""
    if marker in _APPLICATION:
        return _application(marker, body, findings)
    if marker == COM:
        return b""
    if marker in _FRAMES:
        _note_frame(marker, body, findings, most_pixels)
    elif marker == SOS:
        if not findings.components:
            raise refused("is damaged: its pixels come before its size")
        if not body or not 1 <= body[0] <= findings.components or len(body) != 4 + 2 * body[0]:
            raise refused("is damaged: the header of its pixels has a wrong length")
        findings.scans += 1
        if findings.scans > MAX_SCANS:
            raise refused(f"has its pixels in more than {MAX_SCANS} parts")
    elif marker in (DHT, DQT, DRI):
        if not _is_whole_table(marker, body):
            raise refused("is damaged: a table has a wrong length")
        findings.restarts = findings.restarts or (marker == DRI and any(body))
    else:
        raise refused(f"has a segment of an unknown kind (0x{marker:02X})")
    return _segment(marker, body)


def _note_frame(marker: int, body: bytes, findings: _Found, most_pixels: int) -> None:
    if marker not in (_BASELINE, _EXTENDED, _PROGRESSIVE):
        raise refused("is a JPEG of a kind that players do not show", "Save it as an ordinary JPEG")
    if findings.components:
        raise refused("holds several pictures in one")
    if len(body) < 6:
        raise refused("is damaged: its header is too short")
    bits, findings.height_px, findings.width_px, findings.components = struct.unpack_from(">BHHB", body)
    if bits != 8 or findings.components not in _COLOURS or len(body) != 6 + 3 * findings.components:
        raise refused("has colours that players do not show", "Save it as RGB with 8 bits")
    check_size(findings.width_px, findings.height_px, most_pixels=most_pixels)


def _application(marker: int, body: bytes, findings: _Found) -> bytes:
    """The segment reduced to what a viewer needs to show the picture correctly: density, colour profile, Adobe colour
    transform, orientation."""
    if marker == 0xE0 and body.startswith(_JFIF) and len(body) >= 14:
        return _once(findings, _JFIF, _segment(marker, body[:12] + b"\0\0"))  # without a thumbnail
    if marker == 0xE2 and body.startswith(_ICC):
        findings.profile.append(body)
        return _segment(marker, body)
    if marker == 0xEE and body.startswith(_ADOBE) and len(body) >= 12:
        return _once(findings, _ADOBE, _segment(marker, body[:12]))
    if marker == 0xE1 and body.startswith(_EXIF) and findings.turned == 1:
        findings.turned = _orientation(body[len(_EXIF) :])
        if findings.turned != 1:
            return _segment(marker, _EXIF + _turning(findings.turned))
    return b""


def _once(findings: _Found, name: bytes, segment: bytes) -> bytes:
    if name in findings.names:
        return b""
    findings.names.add(name)
    return segment


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, 2 + len(body)) + body


def _orientation(tiff: bytes) -> int:
    """The orientation that Exif states, 1 to 8; 1 where it states no valid one."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 10:
        return 1
    (offset,) = struct.unpack_from(f"{order}I", tiff, 4)
    if offset + 2 > len(tiff):
        return 1
    (count,) = struct.unpack_from(f"{order}H", tiff, offset)
    for entry in range(offset + 2, min(offset + 2 + 12 * count, len(tiff) - 11), 12):
        tag, kind, values, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
        if (tag, kind, values) == (_ORIENTATION, 3, 1):
            return int(value) if 1 <= value <= 8 else 1
    return 1


def _turning(orientation: int) -> bytes:
    """Exif data that states the orientation and nothing else."""
    return struct.pack(">4sIHHHIHHI", b"MM\0*", 8, 1, _ORIENTATION, 3, 1, orientation, 0, 0)
