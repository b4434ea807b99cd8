"""Reads a SoundFont 2.01 file: the sample for each key of each instrument, and its playback parameters.

Written for the guide because the available compiled players ignore root keys and velocities, so they play this
SoundFont out of tune. Section numbers are those of the SoundFont 2.01 technical specification.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import MachineError

# Generators, section 8.1.2.
START_LOOP, END_LOOP = 2, 3
FILTER_CUTOFF, FILTER_Q, ENV_TO_CUTOFF = 8, 9, 11
PAN = 17
MOD_ATTACK, MOD_HOLD, MOD_DECAY, MOD_SUSTAIN = 26, 27, 28, 29
ATTACK, HOLD, DECAY, SUSTAIN, RELEASE = 34, 35, 36, 37, 38
INSTRUMENT, KEY_RANGE, ATTENUATION = 41, 43, 48
COARSE_TUNE, FINE_TUNE, SAMPLE, SAMPLE_MODES, SCALE_TUNING, ROOT_KEY = 51, 52, 53, 54, 56, 58

DEFAULTS: Mapping[int, int] = {
    FILTER_CUTOFF: 13500,
    MOD_ATTACK: -12000,
    MOD_HOLD: -12000,
    MOD_DECAY: -12000,
    ATTACK: -12000,
    HOLD: -12000,
    DECAY: -12000,
    RELEASE: -12000,
    SCALE_TUNING: 100,
    ROOT_KEY: -1,
}
"""Generators whose default is not 0 (section 8.1.3)."""

_RECORDS = {
    b"phdr": "<20sHHHIII",
    b"pbag": "<HH",
    b"pgen": "<Hh",
    b"inst": "<20sH",
    b"ibag": "<HH",
    b"igen": "<Hh",
    b"shdr": "<20sIIIIIBbHH",
}


@dataclass(frozen=True, slots=True)
class Recording:
    """One sample of the file: ``frames`` int16, its loop (start, end) in frames, rate in Hz, root key, cents."""

    frames: NDArray[np.int16]
    loop: tuple[int, int]
    rate: int
    root_key: int
    correction_cents: int


@dataclass(frozen=True, slots=True)
class Zone:
    """The parameters of one sample over a range of keys."""

    lowest_key: int
    highest_key: int
    recording: Recording
    generators: Mapping[int, int]

    def value(self, generator: int) -> int:
        """A generator's value, its default where the file states none."""
        return self.generators.get(generator, DEFAULTS.get(generator, 0))


class SoundFont:
    """The instruments of one file, read on demand. Raises MachineError for a file that is no SoundFont."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
            raise MachineError(f"{path.name} is not a SoundFont", remedy="Install the package pretty_midi again")
        chunks = dict(_chunks(data, 12, len(data)))
        self._samples = np.frombuffer(chunks[b"smpl"], dtype="<i2")
        self._tables: dict[bytes, list[Any]] = {
            name: list(struct.iter_unpack(form, chunks[name])) for name, form in _RECORDS.items()
        }

    def zones(self, program: int, *, bank: int = 0) -> tuple[Zone, ...]:
        """Every zone of the instrument at ``program`` (0 to 127) of ``bank`` (0 melodic, 128 drums)."""
        presets = self._tables[b"phdr"]
        for row, next_row in pairwise(presets):
            if (row[1], row[2]) == (program, bank):
                bags = self._generator_sets(b"pbag", b"pgen", row[3], next_row[3])
                return tuple(zone for bag in bags if INSTRUMENT in bag for zone in self._instrument(bag[INSTRUMENT]))
        raise MachineError(
            f"The SoundFont has no instrument {program} in bank {bank}",
            remedy="Install the package pretty_midi again",
        )

    def _instrument(self, index: int) -> Iterator[Zone]:
        table = self._tables[b"inst"]
        shared_generators: dict[int, int] = {}
        for generators in self._generator_sets(b"ibag", b"igen", table[index][1], table[index + 1][1]):
            if SAMPLE not in generators:
                shared_generators = generators
                continue
            zone_generators = shared_generators | generators
            keys = zone_generators.get(KEY_RANGE, 127 << 8) & 0xFFFF
            yield Zone(keys & 0xFF, keys >> 8, self._recording(zone_generators), zone_generators)

    def _recording(self, generators: Mapping[int, int]) -> Recording:
        _, start, end, loop_start, loop_end, rate, root, correction, _, _ = self._tables[b"shdr"][generators[SAMPLE]]
        loop_start += generators.get(START_LOOP, 0)
        loop_end += generators.get(END_LOOP, 0)
        return Recording(self._samples[start:end], (loop_start - start, loop_end - start), rate, root, correction)

    def _generator_sets(self, bag_records: bytes, gen: bytes, start: int, end: int) -> Iterator[dict[int, int]]:
        bags, generators = self._tables[bag_records], self._tables[gen]
        for index in range(start, end):
            yield dict(generators[bags[index][0] : bags[index + 1][0]])


def _chunks(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, bytes]]:
    """The leaves of a RIFF tree: name and content of every chunk that is not a list."""
    while start + 8 <= end:
        name = data[start : start + 4]
        (size,) = struct.unpack_from("<I", data, start + 4)
        if name == b"LIST":
            yield from _chunks(data, start + 12, start + 8 + size)
        else:
            yield name, data[start + 8 : start + 8 + size]
        start += 8 + size + size % 2
