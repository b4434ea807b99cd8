"""The loudness of an album's songs and their common gain; without heavy imports, since planning needs it too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from catalog.common.digests import Json


@dataclass(frozen=True, slots=True)
class SongLevel:
    """The basis of an album's gain: a song's loudness, the album's target, and the gain that the song's peaks allow.

    ``most_gain_db`` is None where a limiter may be used, else the limit for gain alone.
    """

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
    """The gain in dB of an album without limiting: it brings the loudest song to the target, or as near as all peaks
    allow.

    None where songs may be limited: the loudest is then mastered to the target, and its report gives the gain.
    """
    allowed_gains_db = [level.most_gain_db for level in levels if level.most_gain_db is not None]
    if not allowed_gains_db:
        return None
    return min(levels[0].target_lufs - max(level.loudness_lufs for level in levels), *allowed_gains_db)
