"""A song's ends: silence cut to a short rest, sound that is cut off faded, and a fade-out on request."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from catalog.common.digests import Json
from catalog.common.errors import AudioRefused
from tasks.audio.audio import Audio, Samples
from tasks.audio.sounding import SOUND_DBFS, non_silent_span

PRE_ROLL_S = 0.25
POST_ROLL_S = 1.0
"""The length of silence that stays before the first sound and after the last."""

LEAST_S = 0.5
"""The least length that always stays, since loudness is defined from 400 ms on."""

AT_REST = 2.0**-16
OUTER_SAMPLES = 4
OUTER_AT_REST = 0.0005
"""An end is at rest where its last sample is zero in 16 bits and its outer four samples are no steep wave that was cut
at a zero crossing: half of acceptance's limit, since a limiter's drive may add to it."""

FADE_S = 0.005
"""The shortest fade, where a master would not begin or end at rest."""

CUT_FADE_S = 0.05
CUT_DBFS = -30.0
"""A song whose last 50 ms are louder than this was cut off, and fades out over them."""


@dataclass(frozen=True, slots=True)
class Ends:
    """Frames cut off a song's head and tail, and frames over which the rest then fades in and out."""

    head: int = 0
    tail: int = 0
    fade_in: int = 0
    fade_out: int = 0

    def as_document(self, rate: int) -> dict[str, Json]:
        """The same in seconds."""
        return {
            "head_s": self.head / rate,
            "tail_s": self.tail / rate,
            "fade_in_s": self.fade_in / rate,
            "fade_out_s": self.fade_out / rate,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, float], rate: int) -> Ends:
        """The ends in a master's report."""
        frames = {name: round(document[f"{name}_s"] * rate) for name in ("head", "tail", "fade_in", "fade_out")}
        return cls(**frames)

    def applied(self, audio: Audio) -> Audio:
        """The audio (channels, frames) with these ends; the same object where they change nothing."""
        if self == Ends():
            return audio
        samples = audio.samples[:, self.head : audio.frames - self.tail].copy()
        if self.fade_in:
            samples[:, : self.fade_in] *= _rise(self.fade_in)
        if self.fade_out:
            samples[:, -self.fade_out :] *= _rise(self.fade_out)[::-1]
        return Audio(samples, audio.rate)


def find_ends(audio: Audio, *, gain_db: float, trim: bool, fade: bool, fade_out_s: float | None) -> Ends:
    """The ends for a song; ``gain_db`` is the approximate gain from this audio to its master.

    Raises AudioRefused where the requested fade-out is longer than the remaining song.
    """
    head, tail = _silence(audio, gain_db) if trim else (0, 0)
    trimmed_audio = Audio(audio.samples[:, head : audio.frames - tail], audio.rate)
    fade_in = _fade_in(trimmed_audio, gain_db) if fade else 0
    fade_out = min(_fade_out(trimmed_audio, gain_db, cut=tail > 0), trimmed_audio.frames) if fade else 0
    if fade_out_s is not None:
        fade_out = max(fade_out, round(fade_out_s * audio.rate))
    if fade_out > trimmed_audio.frames:
        raise AudioRefused(
            f"a fade-out of {fade_out_s:g} s is longer than the song of {trimmed_audio.duration_s:.1f} s",
            reason="invalid",
            remedy="Give a shorter fade_out_s",
        )
    return Ends(head, tail, min(fade_in, trimmed_audio.frames - fade_out), fade_out)


def _silence(audio: Audio, gain_db: float) -> tuple[int, int]:
    """Frames of silence before and after the sound that may be cut."""
    span = non_silent_span(audio, floor_dbfs=SOUND_DBFS - gain_db)
    if span is None:
        return 0, 0
    head = max(0, span[0] - math.ceil(PRE_ROLL_S * audio.rate))
    tail = max(0, audio.frames - span[1] - math.ceil(POST_ROLL_S * audio.rate))
    return max(0, min(head, audio.frames - tail - math.ceil(LEAST_S * audio.rate))), tail


def _fade_in(audio: Audio, gain_db: float) -> int:
    return 0 if _at_rest(audio.samples, gain_db) else math.ceil(FADE_S * audio.rate)


def _fade_out(audio: Audio, gain_db: float, *, cut: bool) -> int:
    """Frames of fade-out: the rest after a cut that is not quite silent, else the shortest sufficient fade."""
    if _at_rest(audio.samples[:, ::-1], gain_db):
        return 0
    if cut:
        return math.ceil(POST_ROLL_S * audio.rate)
    frames = math.ceil(CUT_FADE_S * audio.rate)
    last_samples = audio.samples[:, -frames:].astype(np.float64)
    power = float(np.mean(np.square(last_samples))) * 10 ** (gain_db / 10)
    return frames if power > 10 ** (CUT_DBFS / 10) else math.ceil(FADE_S * audio.rate)


def _at_rest(samples: Samples, gain_db: float) -> bool:
    """Whether samples (channels, frames), counted inwards from an end, begin at rest."""
    outer_magnitudes = np.abs(samples[:, :OUTER_SAMPLES]).max(axis=0) * 10 ** (gain_db / 20)
    return bool(outer_magnitudes[0] < AT_REST and outer_magnitudes.max() < OUTER_AT_REST)


def _rise(frames: int) -> Samples:
    """A rise from silence to full level, half a period of a cosine; shape (frames,)."""
    curve: NDArray[np.float32] = (np.sin(np.arange(frames) / frames * (math.pi / 2)) ** 2).astype(np.float32)
    return curve
