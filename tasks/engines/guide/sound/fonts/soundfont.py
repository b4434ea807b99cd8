"""Reads a SoundFont file: the sample and its playback parameters for each key and velocity of each instrument.

Written for the guide because the available compiled players ignore root keys and velocities, so they play the
SoundFont of its package out of tune. Section numbers are those of the SoundFont 2.04 technical specification.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.common.errors import MachineError
from db.files.regular_file import open_regular
from tasks.engines.guide.sound.fonts.generators import (
    COARSE_FRAMES,
    DEFAULTS,
    END_COARSE,
    END_LOOP,
    END_LOOP_COARSE,
    END_OFFSET,
    INSTRUMENT,
    KEY_RANGE,
    NOT_IN_PRESETS,
    RANGES,
    SAMPLE,
    START_COARSE,
    START_LOOP,
    START_LOOP_COARSE,
    START_OFFSET,
    VELOCITY_RANGE,
)
from tasks.engines.guide.sound.fonts.tables import REMEDY, Tables, not_a_soundfont, read_tables

FULL_RANGE = 127 << 8
MOST_ZONES = 4096
LONGEST_FRAMES = 192_000 * 60
RATES_HZ = (400, 192_000)
COMPRESSED = 0x10
"""The bit of a sample's type that MuseScore's sf3 sets: its bytes are an Ogg Vorbis file."""


@dataclass(frozen=True, slots=True)
class Recording:
    """Where one sample lies: its span in frames of the file's samples (bytes where ``compressed``), its loop in frames
    from its start, rate in Hz, root key and correction in cents."""

    start: int
    end: int
    loop: tuple[int, int]
    rate: int
    root_key: int
    correction_cents: int
    compressed: bool = False


@dataclass(frozen=True, slots=True)
class Zone:
    """The parameters of one sample over a range of keys and of velocities, both ends included."""

    keys: tuple[int, int]
    velocities: tuple[int, int]
    recording: Recording
    generators: Mapping[int, int]

    def value(self, generator: int) -> int:
        """A generator's value, its default where the file states none, within the range that has a meaning."""
        value = self.generators.get(generator, DEFAULTS.get(generator, 0))
        lowest, highest = RANGES.get(generator, (value, value))
        return min(highest, max(lowest, value))


@dataclass(frozen=True, slots=True)
class _Bag:
    """The generators of one zone of a preset or an instrument; ranges as in the file, low byte first."""

    generators: Mapping[int, int]

    def span(self, generator: int) -> tuple[int, int]:
        packed = self.generators.get(generator, FULL_RANGE) & 0xFFFF
        return packed & 0xFF, packed >> 8


def zones_at(zones: Sequence[Zone], key: int, velocity: int) -> tuple[Zone, ...]:
    """The zones that sound for a key and a velocity: one, two of a stereo pair, or as many as the file layers.

    Where no zone has the key, those of the nearest key sound, and of these the ones of the nearest velocity.
    """
    if not zones:
        return ()
    key_distance = min(_distance(zone.keys, key) for zone in zones)
    candidates = [zone for zone in zones if _distance(zone.keys, key) == key_distance]
    velocity_distance = min(_distance(zone.velocities, velocity) for zone in candidates)
    return tuple(zone for zone in candidates if _distance(zone.velocities, velocity) == velocity_distance)


def _distance(span: tuple[int, int], value: int) -> int:
    return max(span[0] - value, value - span[1], 0)


class SoundFont:
    """The instruments of one file, read on demand: the tables at once, samples where they are played.

    Raises MachineError for a file that is no SoundFont or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tables: Tables = read_tables(path)
        self._zones_of = lru_cache(maxsize=32)(self._zones)

    def has(self, program: int, *, bank: int = 0) -> bool:
        """Whether there is an instrument at ``program`` (0 to 127) of ``bank`` (0 melodic, 128 drums)."""
        return any((row[1], row[2]) == (program, bank) for row in self._tables.records[b"phdr"][:-1])

    def zones(self, program: int, *, bank: int = 0) -> tuple[Zone, ...]:
        """Every zone of the instrument at ``program`` of ``bank``. Raises MachineError where there is none."""
        return self._zones_of(program, bank)

    def frames(self, recording: Recording) -> NDArray[np.int16]:
        """The frames of a sample, shape (frames,). Raises MachineError where they cannot be read."""
        tables = self._tables
        if recording.compressed:
            return self._decoded(self._bytes(tables.samples_start + recording.start, recording.end - recording.start))
        size = 2 * (recording.end - recording.start)
        return np.frombuffer(self._bytes(tables.samples_start + 2 * recording.start, size), dtype="<i2")

    def _bytes(self, start: int, size: int) -> bytes:
        try:
            with open_regular(self._path) as stream:
                stream.seek(start)
                content = stream.read(size)
        except OSError as error:
            raise MachineError(f"The SoundFont {self._path} cannot be read: {error}", remedy=REMEDY) from error
        if len(content) < size:
            raise not_a_soundfont(self._path, "it has become shorter")
        return content

    def _decoded(self, content: bytes) -> NDArray[np.int16]:
        import soundfile  # needed by compressed fonts alone

        try:
            with soundfile.SoundFile(io.BytesIO(content)) as stream:
                frames = stream.read(min(stream.frames, LONGEST_FRAMES), dtype="int16", always_2d=True)
        except (RuntimeError, TypeError) as error:
            raise not_a_soundfont(self._path, "a compressed sample cannot be read") from error
        first_channel: NDArray[np.int16] = np.ascontiguousarray(frames[:, 0])
        return first_channel

    def _zones(self, program: int, bank: int) -> tuple[Zone, ...]:
        presets = self._tables.records[b"phdr"]
        for row, next_row in pairwise(presets):
            if (row[1], row[2]) == (program, bank):
                zones = tuple(self._preset(row[3], next_row[3]))
                if not zones:
                    break
                return zones
        raise MachineError(f"The SoundFont {self._path.name} has no instrument {program} in bank {bank}", remedy=REMEDY)

    def _preset(self, start: int, end: int) -> Iterator[Zone]:
        """The zones of a preset: its generators are added to those of its instruments (section 9.4)."""
        count = 0
        for bag in self._bags(b"pbag", b"pgen", start, end, link=INSTRUMENT):
            added = {name: value for name, value in bag.generators.items() if name not in NOT_IN_PRESETS}
            for zone in self._instrument(bag.generators[INSTRUMENT]):
                keys = _common(bag.span(KEY_RANGE), zone.keys)
                velocities = _common(bag.span(VELOCITY_RANGE), zone.velocities)
                if keys is None or velocities is None:
                    continue
                count += 1
                if count > MOST_ZONES:
                    raise not_a_soundfont(self._path, f"an instrument has more than {MOST_ZONES} zones")
                yield Zone(keys, velocities, zone.recording, _sum(zone.generators, added))

    def _instrument(self, index: int) -> Iterator[Zone]:
        table, index = self._tables.records[b"inst"], index & 0xFFFF
        if index >= len(table) - 1:
            raise not_a_soundfont(self._path, f"its instrument {index} is missing")
        for bag in self._bags(b"ibag", b"igen", table[index][1], table[index + 1][1], link=SAMPLE):
            recording = self._recording(bag.generators)
            if recording is not None:
                yield Zone(bag.span(KEY_RANGE), bag.span(VELOCITY_RANGE), recording, bag.generators)

    def _recording(self, generators: Mapping[int, int]) -> Recording | None:
        """Where a zone's sample lies; None where it is empty or outside the file."""
        headers = self._tables.records[b"shdr"]
        index = generators[SAMPLE] & 0xFFFF
        if index >= len(headers) - 1:
            raise not_a_soundfont(self._path, f"its sample {index} is missing")
        _, start, end, loop_start, loop_end, rate, root, correction, _, kind = headers[index]
        is_compressed = bool(kind & COMPRESSED)
        size_bytes = self._tables.samples_end - self._tables.samples_start
        size = size_bytes if is_compressed else size_bytes // 2
        if not is_compressed:
            loop_start, loop_end = loop_start - start, loop_end - start
            start += _offset(generators, START_OFFSET, START_COARSE)
            end += _offset(generators, END_OFFSET, END_COARSE)
        loop = (
            loop_start + _offset(generators, START_LOOP, START_LOOP_COARSE),
            loop_end + _offset(generators, END_LOOP, END_LOOP_COARSE),
        )
        if not 0 <= start < end <= size or end - start > LONGEST_FRAMES or not RATES_HZ[0] <= rate <= RATES_HZ[1]:
            return None
        return Recording(start, end, loop, rate, root if root <= 127 else 60, correction, is_compressed)

    def _bags(self, bags_of: bytes, generators_of: bytes, start: int, end: int, *, link: int) -> Iterator[_Bag]:
        """The zones that have a link; a first one without is the default of the others (section 7.3, 7.7)."""
        bags, generators = self._tables.records[bags_of], self._tables.records[generators_of]
        shared: Mapping[int, int] = {}
        for index in range(start, min(end, len(bags) - 1)):
            own = dict(generators[bags[index][0] : bags[index + 1][0]])
            if link in own:
                yield _Bag({**shared, **own})
            elif index == start:
                shared = own


def _offset(generators: Mapping[int, int], fine: int, coarse: int) -> int:
    return generators.get(fine, 0) + COARSE_FRAMES * generators.get(coarse, 0)


def _common(first: tuple[int, int], second: tuple[int, int]) -> tuple[int, int] | None:
    """The part of two ranges that they share; None where they share nothing."""
    low, high = max(first[0], second[0]), min(first[1], second[1])
    return (low, high) if low <= high else None


def _sum(generators: Mapping[int, int], added: Mapping[int, int]) -> Mapping[int, int]:
    if not added:
        return generators
    base: dict[int, Any] = {name: generators.get(name, DEFAULTS.get(name, 0)) for name in added}
    return {**generators, **{name: base[name] + value for name, value in added.items()}}
