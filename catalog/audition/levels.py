"""The gains that make sounds equally loud without any of them exceeding full scale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

Name = TypeVar("Name")

CEILING_DBTP = -1.0
"""The highest true peak that a gain may lead to."""
LOUDEST_LUFS = -14.0
"""Nothing is made louder than this."""
UNKNOWN_PEAK_DBTP = 0.0
FAR_BELOW_LU = 20.0
"""A sound that could only be matched so far under the others is not matched: it would make all of them faint."""


@dataclass(frozen=True, slots=True)
class Level:
    """The loudness of a sound (LUFS) and its true peak (dBTP), None where they are not known."""

    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None

    @property
    def loudest_lufs(self) -> float | None:
        """How loud the sound can be made until its peaks reach the ceiling."""
        if self.loudness_lufs is None:
            return None
        peak = UNKNOWN_PEAK_DBTP if self.true_peak_dbtp is None else self.true_peak_dbtp
        return self.loudness_lufs - peak + CEILING_DBTP


def matching_gains_db(levels: Mapping[Name, Level]) -> dict[Name, float]:
    """The gain in dB of each sound that can be matched; a sound whose loudness is not known has none.

    All are brought to the loudness that the one with the highest peaks allows, at most :data:`LOUDEST_LUFS`.
    """
    reachable = {
        name: min(LOUDEST_LUFS, loudest)
        for name, level in levels.items()
        if (loudest := level.loudest_lufs) is not None
    }
    if not reachable:
        return {}
    best = max(reachable.values())
    matched = {name: loudest for name, loudest in reachable.items() if loudest > best - FAR_BELOW_LU}
    target_lufs = min(matched.values())
    return {name: round(target_lufs - (levels[name].loudness_lufs or 0.0), 2) for name in matched}
