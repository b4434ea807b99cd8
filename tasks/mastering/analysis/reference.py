"""A reference track for mastering: its spectrum and its loudness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from catalog.common.errors import AudioRefused
from tasks.audio.audio import Audio, Samples
from tasks.audio.errors import AudioFileError
from tasks.audio.metering.loudness import loudness_of
from tasks.audio.metering.streamed import StreamedPowers
from tasks.audio.stream import REFERENCE_WAIT_S, Stream, open_stream
from tasks.mastering.analysis.admission import check_layout, check_length, check_samples, lufs_or_refusal
from tasks.mastering.analysis.curves import Curve, curve_of
from tasks.mastering.analysis.spectrum import StreamedSpectrum

LONGEST_S = 600.0
"""A longer file is no song."""

BLOCK = 1 << 16
MOST_CHECKED_VALUES = 5 * 60 * 2 * 48_000
"""Samples over all channels that are checked before production starts: five minutes of stereo at 48 kHz."""

LEAST_S = 3.0
"""Shorter audio has no long-term spectrum."""

WHAT = "reference"
ANOTHER = "Give another track as mastering.reference"


@dataclass(frozen=True, slots=True)
class Reference:
    """The spectral shape and the loudness of a track that masters are brought nearer to."""

    curve: Curve
    loudness_lufs: float


def reference_from(path: Path) -> Reference:
    """The spectrum and loudness of a reference file.

    Channels, rate and length are checked from the header first; the samples are read in blocks. Raises AudioRefused for
    a file that cannot be used: silent, too_short or invalid.
    """
    with _opened(path) as stream:
        return _measured((block.T for block in stream.blocks(BLOCK)), stream.rate)


def check_reference(path: Path) -> None:
    """Raise AudioRefused as :func:`reference_from` does, from the first :data:`MOST_CHECKED_VALUES` samples.

    In a longer file, or one of a higher rate, silence in this first part is no fault.
    """
    with _opened(path) as stream:
        blocks = stream.blocks(BLOCK)
        first_blocks = (block.T for block in islice(blocks, -(-MOST_CHECKED_VALUES // (BLOCK * stream.channels))))
        try:
            _measured(first_blocks, stream.rate)
        except AudioRefused as refusal:
            if refusal.reason != "silent" or next(blocks, None) is None:
                raise


@contextmanager
def _opened(path: Path) -> Iterator[Stream]:
    """Open a file as a stream and check its channels, rate and length. Raises AudioRefused, also while it is read."""
    try:
        with open_stream(path, longest_s=LONGEST_S, longest_wait_s=REFERENCE_WAIT_S) as stream:
            check_layout(stream.channels, stream.rate, name=WHAT)
            yield stream
    except AudioFileError as fault:
        raise AudioRefused(f"the reference cannot be used: {fault.what}", reason="invalid", remedy=ANOTHER) from fault


def measure_reference(audio: Audio) -> Reference:
    """The spectrum and loudness of audio that is already loaded, shape (channels, frames)."""
    check_layout(audio.channels, audio.rate, name=WHAT)
    return _measured([audio.samples], audio.rate)


def _measured(blocks: Iterable[Samples], rate: int) -> Reference:
    powers, spectrum = StreamedPowers(rate, 2), StreamedSpectrum(rate)
    for block in blocks:
        stereo = block if len(block) == 2 else np.repeat(block, 2, axis=0)
        powers.take(stereo)
        check_samples(powers.not_finite, powers.peak, name=WHAT)
        spectrum.take(stereo)
    check_length(powers.frames, rate, name=WHAT)
    if powers.frames < LEAST_S * rate:
        raise AudioRefused(
            f"the reference is {powers.frames / rate:.1f} s long, its spectrum needs {LEAST_S:g} s",
            reason="too_short",
            remedy=ANOTHER,
        )
    loudness = lufs_or_refusal(loudness_of(powers.powers()).integrated_lufs, name=WHAT)
    return Reference(curve_of(spectrum.spectrum()), loudness)
