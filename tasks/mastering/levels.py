"""How loud the songs of an album are, and the one gain that follows for all: light, since planning asks for it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from catalog.common.digests import Json


@dataclass(frozen=True, slots=True)
class SongLevel:
    """What an album's gain follows from: a song's loudness, the album's target, and the most gain the song's peaks
    allow where nothing but gain may be used (None where a limiter may)."""

    loudness_lufs: float
    target_lufs: float
    most_gain_db: float | None

    def as_document(self) -> dict[str, Json]:
        """Plain JSON."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """The inverse of :meth:`as_document`."""
        return cls(**document)


def common_gain_db(levels: Sequence[SongLevel]) -> float | None:
    """The gain of an album whose songs take nothing but gain: what brings the loudest to the target, or what the peaks
    of every song allow. None where songs may be limited: the loudest is mastered to the target and its report says."""
    allowed = [level.most_gain_db for level in levels if level.most_gain_db is not None]
    if not allowed:
        return None
    return min(levels[0].target_lufs - max(level.loudness_lufs for level in levels), *allowed)
