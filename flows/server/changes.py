"""What became of each thing that ``songline deploy`` saw to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Change:
    """One thing on the server; ``changes`` names what was updated of it."""

    kind: str
    name: str
    verdict: Literal["made", "updated", "unchanged"]
    changes: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, name: str, changes: Sequence[str]) -> Change:
        """The outcome for a thing that was there."""
        return cls(kind, name, "updated" if changes else "unchanged", tuple(changes))
