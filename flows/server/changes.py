"""The outcome of ``songline deploy`` for each object on the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Change:
    """One object on the server; ``changes`` names its updated parts."""

    kind: str
    name: str
    verdict: Literal["made", "updated", "unchanged"]
    changes: tuple[str, ...] = ()

    @classmethod
    def of(cls, kind: str, name: str, changes: Sequence[str]) -> Change:
        """The outcome for an object that existed."""
        return cls(kind, name, "updated" if changes else "unchanged", tuple(changes))
