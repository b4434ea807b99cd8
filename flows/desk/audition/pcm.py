"""Samples of stored audio for the player: blocks of one second at any rate, and the shape of a whole file.

A second has a whole number of samples at every rate, so that blocks join without a gap, and the same block of two
sounds covers the same time whatever their own rates are.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from catalog.audition.sounds import Sound
from catalog.common.errors import InputError
from catalog.store.base import Store
from tasks.delivery.curves import WAVEFORM_POINTS, Peaks

CHANNELS = 2
MOST_OPEN = 64
MOST_SHAPES = 512
LOWEST_RATE_HZ, HIGHEST_RATE_HZ = 8_000, 192_000
MARGIN_S = 0.1
"""Samples beyond a block on either side from which it is resampled."""
READ_FRAMES = 1 << 18

Key = TypeVar("Key")
Value = TypeVar("Value")
Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """Rate in Hz and length of a file, and the lowest and highest sample of each of its parts."""

    rate_hz: int
    frames: int
    peaks: Peaks

    @property
    def duration_s(self) -> float:
        """The length in seconds."""
        return self.frames / self.rate_hz


class Recent(Generic[Key, Value]):
    """The most recently used values, at most ``most``; ``dropped`` is called with each one that is given up."""

    def __init__(self, most: int, dropped: Callable[[Value], object] = lambda value: None) -> None:
        self._most = most
        self._dropped = dropped
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> Value | None:
        """The value, which counts as used."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)

    def put(self, key: Key, value: Value) -> Value:
        """Keep a value; of two for one key the first stays."""
        with self._lock:
            kept = self._values.setdefault(key, value)
            self._values.move_to_end(key)
            dropped = [self._values.popitem(last=False)[1] for _ in range(len(self._values) - self._most)]
            if kept is not value:
                dropped.append(value)
        for each in dropped:
            self._dropped(each)
        return kept


class _Opened:
    """An audio file that is read at several places, one reader at a time."""

    def __init__(self, store: Store, digest: str) -> None:
        self.lock = threading.Lock()
        self._is_closed = False
        self.file = soundfile.SoundFile(str(store.local(digest)))

    def close(self) -> None:
        """Close the file once nobody reads it."""
        with self.lock:
            self._is_closed = True
            self.file.close()

    @property
    def is_closed(self) -> bool:
        """Whether it was closed meanwhile; asked with the lock held."""
        return self._is_closed

    def read(self, first: int, count: int) -> Samples:
        """``count`` frames from ``first`` on (channels, frames): two channels, silence where the file has none."""
        samples = np.zeros((CHANNELS, count), dtype=np.float32)
        start, end = max(0, first), min(first + count, self.file.frames)
        if start < end:
            self.file.seek(start)
            found = self.file.read(end - start, dtype="float32", always_2d=True)
            samples[:, start - first : start - first + len(found)] = _as_stereo(found)
        return samples


def _as_stereo(frames: Samples) -> Samples:
    """Frames (frames, channels) as two channels: one is doubled, of more the first two are heard."""
    channels = frames[:, :CHANNELS] if frames.shape[1] >= CHANNELS else np.repeat(frames, CHANNELS, axis=1)
    return np.nan_to_num(channels.T, nan=0.0, posinf=0.0, neginf=0.0)


class PcmReader:
    """Reads stored audio for the player. A file's digest is checked once, when it is opened."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files: Recent[str, _Opened] = Recent(MOST_OPEN, _Opened.close)
        self._shapes: Recent[str, Shape] = Recent(MOST_SHAPES)

    def frames(self, sound: Sound, rate_hz: int) -> int:
        """The length of a sound on its take's time line, in frames of ``rate_hz``."""
        with self._open(sound.digest) as opened:
            own_rate, own_frames = int(opened.file.samplerate), int(opened.file.frames)
        return -(-(own_frames + round(sound.head_s * own_rate)) * rate_hz // own_rate)

    def block(self, sound: Sound, rate_hz: int, number: int) -> Samples:
        """Second ``number`` of the take's time line at ``rate_hz``, of shape (2, frames); shorter at the sound's end
        and empty after it.

        Raises InputError for a rate that no player has, ArtifactLost where the bytes are missing or corrupt.
        """
        if not LOWEST_RATE_HZ <= rate_hz <= HIGHEST_RATE_HZ:
            raise InputError(f"no player has a rate of {rate_hz} Hz", remedy="Ask for 8000 to 192000 Hz")
        length = min(rate_hz, max(0, self.frames(sound, rate_hz) - number * rate_hz))
        if not length:
            return np.zeros((CHANNELS, 0), dtype=np.float32)
        with self._open(sound.digest) as opened:
            own_rate = opened.file.samplerate
            first = number * own_rate - round(sound.head_s * own_rate)
            if own_rate == rate_hz:
                return opened.read(first, length)
            margin_s = MARGIN_S if own_rate % 10 == 0 and rate_hz % 10 == 0 else 1.0
            margin = round(margin_s * own_rate)
            samples = opened.read(first - margin, own_rate + 2 * margin)
        resampled = soxr.resample(samples.T, own_rate, rate_hz, quality="VHQ")
        start = round(margin_s * rate_hz)
        return np.ascontiguousarray(resampled[start : start + length].T, dtype=np.float32)

    def shape(self, digest: str) -> Shape:
        """Length and waveform of a file, read once."""
        shape = self._shapes.get(digest)
        return shape if shape is not None else self._shapes.put(digest, self._measure(digest))

    def _measure(self, digest: str) -> Shape:
        with self._open(digest) as opened:
            file = opened.file
            points = min(WAVEFORM_POINTS, file.frames)
            edges = np.arange(points + 1) * file.frames // max(1, points)
            low, high = np.zeros(points), np.zeros(points)
            for first in range(0, file.frames, READ_FRAMES):
                _note_extremes(opened.read(first, min(READ_FRAMES, file.frames - first)), first, edges, low, high)
            return Shape(file.samplerate, file.frames, tuple(zip(low.tolist(), high.tolist(), strict=True)))

    @contextmanager
    def _open(self, digest: str) -> Iterator[_Opened]:
        """The file, for this thread alone. It may have been closed between look-up and lock: then it is opened anew."""
        while True:
            opened = self._files.get(digest) or self._files.put(digest, _Opened(self._store, digest))
            with opened.lock:
                if not opened.is_closed:
                    yield opened
                    return


def _note_extremes(
    samples: Samples, first: int, edges: NDArray[np.int64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> None:
    """Widen the extremes of every part by the samples (channels, frames) that begin at frame ``first``."""
    last = first + samples.shape[1]
    lowest, highest = samples.min(axis=0), samples.max(axis=0)
    begin, end = np.searchsorted(edges, first, side="right") - 1, np.searchsorted(edges, last, side="left")
    for part in range(int(begin), int(end)):
        inside = slice(max(0, edges[part] - first), edges[part + 1] - first)
        low[part] = round(min(low[part], float(lowest[inside].min())), 3)
        high[part] = round(max(high[part], float(highest[inside].max())), 3)
