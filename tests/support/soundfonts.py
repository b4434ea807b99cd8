"""Writes small SoundFont files for tests: samples, instruments and presets of the parts that are given."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RATE = 44100
GAP = 46
"""Zero frames after each sample, as the specification asks."""

Generators = Mapping[int, int]


def span(low: int, high: int) -> int:
    """A range of keys or velocities as a generator's value."""
    packed = low | high << 8
    return packed - (1 << 16) if packed >= 1 << 15 else packed


@dataclass(frozen=True)
class FontParts:
    """What a file holds: int16 samples at 44.1 kHz with root key 69, the zones of instruments (a zone without the
    generator 53 first is their default), and by (program, bank) the zones of presets (linked by the generator 41)."""

    samples: Sequence[NDArray[np.int16]]
    instruments: Sequence[Sequence[Generators]]
    presets: Mapping[tuple[int, int], Sequence[Generators]]
    compressed: Sequence[bytes] = field(default=())


def tone(hertz: float, *, seconds: float = 1.0) -> NDArray[np.int16]:
    """A sine at half of full scale."""
    t = np.arange(round(seconds * RATE)) / RATE
    return np.round(16384 * np.sin(2 * np.pi * hertz * t)).astype(np.int16)


def soundfont(parts: FontParts) -> bytes:
    """The bytes of a file."""
    samples, headers = _compressed(parts.compressed) if parts.compressed else _samples(parts.samples)
    instrument_rows, instrument_bags, instrument_generators = _zones(parts.instruments)
    preset_rows, preset_bags, preset_generators = _zones(list(parts.presets.values()))
    keys = [*parts.presets, (255, 255)]
    tables = {
        b"phdr": b"".join(
            struct.pack("<20sHHHIII", b"P", program, bank, first, 0, 0, 0)
            for (program, bank), first in zip(keys, preset_rows, strict=True)
        ),
        b"pbag": preset_bags,
        b"pmod": bytes(10),
        b"pgen": preset_generators,
        b"inst": b"".join(struct.pack("<20sH", b"I", first) for first in instrument_rows),
        b"ibag": instrument_bags,
        b"imod": bytes(10),
        b"igen": instrument_generators,
        b"shdr": headers + struct.pack("<20sIIIIIBbHH", b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0),
    }
    body = b"sfbk" + _list(b"INFO", chunk(b"ifil", struct.pack("<HH", 2, 4))) + _list(b"sdta", chunk(b"smpl", samples))
    body += _list(b"pdta", b"".join(chunk(name, content) for name, content in tables.items()))
    return chunk(b"RIFF", body)


def chunk(name: bytes, content: bytes) -> bytes:
    """A RIFF chunk."""
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def _list(name: bytes, content: bytes) -> bytes:
    return chunk(b"LIST", name + content)


def _samples(samples: Sequence[NDArray[np.int16]]) -> tuple[bytes, bytes]:
    body, headers, start = b"", b"", 0
    for frames in samples:
        end = start + len(frames)
        headers += struct.pack("<20sIIIIIBbHH", b"S", start, end, start, end, RATE, 69, 0, 0, 1)
        body += frames.astype("<i2").tobytes() + bytes(2 * GAP)
        start = end + GAP
    return body, headers


def _compressed(samples: Sequence[bytes]) -> tuple[bytes, bytes]:
    body, headers = b"", b""
    for content in samples:
        start, end = len(body), len(body) + len(content)
        headers += struct.pack("<20sIIIIIBbHH", b"S", start, end, 0, RATE // 2, RATE, 69, 0, 0, 0x11)
        body += content
    return body, headers


def _zones(owners: Sequence[Sequence[Generators]]) -> tuple[list[int], bytes, bytes]:
    """The first bag of each owner and of the end, the table of bags, the table of generators."""
    firsts, bags, generators = [], b"", b""
    for zones in owners:
        firsts.append(len(bags) // 4)
        for zone in zones:
            bags += struct.pack("<HH", len(generators) // 4, 0)
            generators += b"".join(struct.pack("<Hh", name, value) for name, value in zone.items())
    firsts.append(len(bags) // 4)
    bags += struct.pack("<HH", len(generators) // 4, 0)
    return firsts, bags, generators + bytes(4)
