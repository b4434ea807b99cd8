"""A recipe: everything that determines a sound. Its digest is the identity of a render."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from catalog.common.digests import Json, digest_value

SCHEME = "recipe/v1"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The inputs of one render.

    ``engine`` and ``revision`` name the engine's behaviour (the revision is raised only when its samples change),
    ``seed`` its randomness, ``inputs`` everything else that affects the engine, as plain JSON: lyrics as the engine
    sees them, prompt, length, settings, digests and versions of the models or sounds it uses.
    """

    engine: str
    revision: int
    seed: int
    length_s: float
    inputs: Mapping[str, Json]
    _digest: str | None = field(default=None, init=False, repr=False, compare=False)

    def document(self) -> dict[str, Json]:
        """The recipe as JSON, as it is stored and digested."""
        return {
            "engine": self.engine,
            "revision": self.revision,
            "seed": self.seed,
            "length_s": self.length_s,
            "inputs": dict(self.inputs),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Recipe:
        """The inverse of :meth:`document`."""
        return cls(**document)

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical document."""
        if self._digest is None:  # requested repeatedly, and slow to compute for long lyrics
            object.__setattr__(self, "_digest", digest_value(SCHEME, self.document()))
        return str(self._digest)
