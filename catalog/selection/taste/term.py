"""A fitted taste as a part of a policy: each take's strength is one more metric, which ranks with the others.

The policy states the whole model, so that a decision made with it can be made again, whatever was voted since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.common.digests import Json, digest_value
from catalog.selection.metrics import MetricSpec

SCHEME = "taste/v1"
NAME = "taste"
SPEC = MetricSpec(
    NAME, "", "higher", NAME, "How much the studio would prefer the take to the others of its song", "taste"
)
"""The metric that the strength of a take is."""

Coefficient = Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)]
Spread = Annotated[float, Field(gt=0, le=1e12, allow_inf_nan=False)]


class TasteTerm(BaseModel):
    """The model that ``songline taste --policy`` prints, and its share of a take's score."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    share: float = Field(gt=0, le=1, description="Share of the score that the taste has; the metrics share the rest.")
    revision: str = Field(description="Identity of the weights and spreads, by which an edited model is noticed.")
    weights: dict[str, Coefficient] = Field(description="Strength by metric, for a difference of one spread.")
    spreads: dict[str, Spread] = Field(description="What one spread of each metric is, in its unit.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if not self.weights or set(self.weights) != set(self.spreads):
            raise ValueError("weights and spreads must name the same metrics, at least one")
        if self.revision != revision_of(self.weights, self.spreads):
            raise ValueError("revision is that of other weights or spreads; print the model again by `songline taste`")
        return self

    def document(self) -> dict[str, Json]:
        """As JSON."""
        return self.model_dump()

    def strengths(self, takes: Sequence[Mapping[str, float]]) -> list[float]:
        """The strength of each take of a song against the mean of its song, from the readings of each by metric.

        A take without a reading is neither better nor worse for that: readings are compared with the mean of the takes
        that have one.
        """
        known = {name: [own[name] for own in takes if name in own] for name in self.weights}
        means = {name: fsum(own) / len(own) for name, own in known.items() if own}
        return [
            round(
                fsum(
                    self.weights[name] * (own[name] - mean) / self.spreads[name]
                    for name, mean in means.items()
                    if name in own
                ),
                9,
            )
            for own in takes
        ]


def revision_of(weights: Mapping[str, float], spreads: Mapping[str, float]) -> str:
    """Hex SHA-256 that identifies a fitted taste."""
    return digest_value(SCHEME, {"weights": dict(weights), "spreads": dict(spreads)})
