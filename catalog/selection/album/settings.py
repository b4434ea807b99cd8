"""What a manifest says of choosing takes that fit together: the weights of what is compared, and the loss allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from catalog.common.digests import Json

Weight = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]

TERMS = ("loudness", "tone", "tempo", "key", "alike")
"""What is compared, in the order in which it is told."""

NEIGHBOURS_ONLY = frozenset({"tempo", "key"})
"""Terms of songs that follow each other; the others compare every two songs of the album."""


class AlbumChoice(BaseModel):
    """Weights of the terms, of which only proportions count, and how much of its score a song may lose."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    loudness: Weight = Field(default=1.0, description="Weight of loudness as rendered, alike over all songs.")
    tone: Weight = Field(default=1.0, description="Weight of the balance of bass to treble, alike over all songs.")
    tempo: Weight = Field(default=1.0, description="Weight of tempo from one song to the next.")
    key: Weight = Field(default=1.0, description="Weight of key from one song to the next, on the circle of fifths.")
    alike: Weight = Field(default=1.0, description="Weight against two songs that sound alike.")
    max_loss: float = Field(
        default=0.1, ge=0, le=1, description="How much lower than its winner's the score of a song's take may be."
    )

    def document(self) -> dict[str, Json]:
        """As JSON, with every default written out."""
        return self.model_dump()

    @property
    def shares(self) -> Mapping[str, float]:
        """The weights as shares that sum to 1, without those of 0; empty where all are 0."""
        weights = {term: float(getattr(self, term)) for term in TERMS}
        total = sum(weights.values())
        return {term: weight / total for term, weight in weights.items() if weight} if total else {}
