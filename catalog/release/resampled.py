"""A change of the sampling rate, as reports, release documents and lineages state it."""

from __future__ import annotations

from catalog.models.used import StoredPart

SOXR_HQ = "soxr HQ"
"""The resampler and its quality: 133 dB signal to noise, flat to 0.9 of the lower rate's half (measured)."""


class Resampled(StoredPart):
    """Audio that was brought from the rate ``from_hz`` to the rate ``to_hz``, once and in float, and ``by`` what."""

    from_hz: int
    to_hz: int
    by: str = SOXR_HQ

    def length(self, frames: int) -> int:
        """The length of ``frames`` at the new rate, to the nearest frame; half a frame counts up."""
        return (2 * frames * self.to_hz + self.from_hz) // (2 * self.from_hz)

    @property
    def sentence(self) -> str:
        """The same for people, without a full stop."""
        return f"resampled from {self.from_hz} to {self.to_hz} Hz by {self.by}"
