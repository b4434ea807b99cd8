"""Selection policies: gates, how candidates that pass them are ranked, and what to do when none passes.

Candidates are ranked in one of two ways. By families, the default: the metrics of each family (musicality, adherence,
lyrics, production) are averaged, and the families are weighed against each other, so that no family gains by having
more metrics. Or by weights, where the policy weighs single metrics itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from catalog.common.digests import Json, digest_value
from catalog.selection.album.settings import AlbumChoice
from catalog.selection.decision import Limit
from catalog.selection.metrics import MetricSpec
from catalog.selection.taste.term import TasteTerm

SCHEME = "policy/v1"

Family = Literal["musicality", "adherence", "lyrics", "production"]

DEFAULT_GATES: Mapping[str, Limit] = {
    "nonfinite_samples": Limit(max=0),
    "alive_ratio": Limit(min=0.6),
    "clipping_runs": Limit(max=10),
    "dc_offset": Limit(max=0.05),
    "duration_error_s": Limit(max=1.0),
    "head_silence_s": Limit(max=5.0),
    "tail_silence_s": Limit(max=5.0),
    "longest_gap_s": Limit(max=4.0),
    "sung_gap_s": Limit(max=3.0),
    "spectral_flatness": Limit(max=0.5),
    "noise_ratio": Limit(max=0.25),
    "cutoff_hz": Limit(min=12_000.0),
    "stereo_correlation": Limit(min=-0.2),
}
"""Default gates of every candidate: not silent, complete, sung to the end, no clipping, no noise, treble not cut off,
in phase. Repetition is no gate, since music may repeat: it gets a warning."""

DEFAULT_FAMILIES: Mapping[Family, float] = {
    "musicality": 0.35,
    "adherence": 0.30,
    "lyrics": 0.20,
    "production": 0.15,
}
"""Default weights of the families; the share of one without readings goes to the others."""

DEFAULT_METRICS: tuple[str, ...] = ("tempo_match", "key_match", "mono_loss_lu", "plr_db", "bandwidth_hz")
"""Default metrics of the families: all that are measured without a model."""

FORMER_GATES = ("sung_gap_s", "noise_ratio", "cutoff_hz")
"""The default gates of catalogs from before families, whose policies ranked by weights alone."""

FORMER_WEIGHTS: Mapping[str, float] = {
    "tempo_match": 0.35,
    "key_match": 0.30,
    "mono_loss_lu": 0.15,
    "plr_db": 0.10,
    "bandwidth_hz": 0.10,
}
"""The default weights of the same catalogs."""

Weight = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]

_COMPLETE = "complete"
"""Validation context for a stored policy, to which no defaults are added."""


class Policy(BaseModel):
    """Gates, what ranks, and what to do when the gates leave nobody.

    ``gates`` as given are laid over the built-in gates; null takes one of those away. ``families`` and ``metrics`` as
    given replace the built-in ones wholly: a metric counts in the family it belongs to, if that is named. ``weights``
    stand in place of both and weigh each metric by itself. Of weights only their proportions count.
    ``min_candidates`` is how many must be rendered and scored, passed or not, before anything is chosen. ``album``
    chooses among what passed so that the songs fit together. ``taste`` is one more metric, with its share of the score.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    min_candidates: int = Field(
        default=1, ge=1, le=10_000, description="How many takes must be rendered and scored before one is chosen."
    )
    if_none_passes: Literal["fail", "least_bad"] = Field(
        default="fail",
        description="fail: the song has no winner, with the reasons; least_bad: the best of those that fail.",
    )
    gates: dict[str, Limit | None] = Field(
        default={},
        validate_default=True,
        description="Limits of readings, laid over the built-in gates; null: no such gate.",
    )
    families: dict[Family, Weight] = Field(default={}, description="Weight of each family; left out: the usual ones.")
    metrics: list[str] = Field(default=[], description="What the families are made of; left out: the usual ones.")
    weights: dict[str, Weight] = Field(default={}, description="Weight of each metric, in place of the families.")
    album: AlbumChoice | None = Field(
        default=None, description="Choose takes that fit together, once every song is decided; left out: song by song."
    )

    taste: TasteTerm | None = Field(
        default=None, description="A fitted taste that ranks with the metrics, as `songline taste --policy` prints it."
    )

    @model_validator(mode="before")
    @classmethod
    def _ranks_in_one_way(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        if "weights" not in given:
            return {"families": dict(DEFAULT_FAMILIES), "metrics": list(DEFAULT_METRICS), **given}
        if given.get("families") or given.get("metrics"):
            raise ValueError("weights replace families and metrics; give one or the other")
        return given

    @field_validator("gates")
    @classmethod
    def _over_defaults(cls, given: dict[str, Limit | None], info: ValidationInfo) -> dict[str, Limit | None]:
        return given if info.context == _COMPLETE else {**DEFAULT_GATES, **given}

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """The inverse of :meth:`document`, for any stored policy: its gates are complete.

        A default gate that the document does not name was added later and does not apply: a stored decision or
        applied policy stays as it was, down to its digest.
        """
        return cls.model_validate(document, context=_COMPLETE)

    @property
    def former(self) -> Policy:
        """The meaning of the same manifest policy before families existed; values that have no older equivalent are
        kept."""
        new_names = [name for name in FORMER_GATES if self.gates.get(name) == DEFAULT_GATES[name]]
        gates = {name: limit for name, limit in self.gates.items() if name not in new_names}
        is_usual = self.families == DEFAULT_FAMILIES and tuple(self.metrics) == DEFAULT_METRICS
        ranking_fields = {"families": {}, "metrics": [], "weights": dict(FORMER_WEIGHTS)} if is_usual else {}
        return self.model_copy(update={"gates": gates, **ranking_fields})

    @property
    def limits(self) -> dict[str, Limit]:
        """The active gates, by metric."""
        return {name: limit for name, limit in self.gates.items() if limit is not None}

    @property
    def named(self) -> frozenset[str]:
        """Every metric that it needs a reading of; their scorers must run."""
        return frozenset((*self.limits, *self.metrics, *self.weights, *(self.taste.weights if self.taste else ())))

    def document(self) -> dict[str, Json]:
        """The policy as JSON with every default written out (a removed gate as null)."""
        gates = {name: limit and limit.document() for name, limit in self.gates.items()}
        by_family = {"families": dict(self.families), "metrics": list(self.metrics)}
        return {
            "min_candidates": self.min_candidates,
            "if_none_passes": self.if_none_passes,
            "gates": gates,
            **(by_family if self.families or self.metrics else {"weights": dict(self.weights)}),
            **({"album": self.album.document()} if self.album else {}),
            **({"taste": self.taste.document()} if self.taste else {}),
        }

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical document."""
        return digest_value(SCHEME, self.document())


def check_policy(policy: Policy, metrics: Mapping[str, MetricSpec]) -> tuple[str, ...]:
    """Every fault of a policy with respect to the known metrics, each one plain sentence without a full stop."""
    metric_names = ", ".join(sorted(metrics))
    faults = [
        f"gates.{name}: there is no such metric; there are {metric_names}"
        for name in policy.gates
        if name not in metrics
    ]
    for field, names in (("metrics", policy.metrics), ("weights", policy.weights)):
        for name in names:
            if name not in metrics:
                faults.append(f"{field}.{name}: there is no such metric; there are {metric_names}")
            elif metrics[name].direction == "none":
                verb = "weighted" if field == "weights" else "ranked by"
                faults.append(
                    f"{field}.{name}: neither more nor less of it is better, so it can be gated but not {verb}"
                )
            elif field == "metrics" and metrics[name].family not in DEFAULT_FAMILIES:
                faults.append(f"{field}.{name}: it is {metrics[name].family}, which gates but does not rank")
    faults += [
        f"taste.weights.{name}: there is no such metric"
        for name in (policy.taste.weights if policy.taste else ())
        if name not in metrics
    ]
    faults += [f"metrics.{name}: it occurs twice" for name in set(policy.metrics) if policy.metrics.count(name) > 1]
    return tuple(faults) or _uncounted(policy, metrics)


def _uncounted(policy: Policy, metrics: Mapping[str, MetricSpec]) -> tuple[str, ...]:
    """The faults of metrics that are named but in no weighed family, and of a policy in which no metric counts, which
    is allowed for weights but not for families. The default metrics are not named by the user, so those outside the
    weighed families are no fault."""
    if not (policy.families or policy.metrics):
        return ()
    unranked_names = [name for name in policy.metrics if metrics[name].family not in policy.families]
    if len(unranked_names) == len(policy.metrics):
        families = ", ".join(policy.families)
        return (
            f"metrics: none is left to rank by, for families names {families or 'none'} and no metric belongs to it",
        )
    if tuple(policy.metrics) == DEFAULT_METRICS:
        return ()
    return tuple(f"metrics.{name}: it is {metrics[name].family}, which families leaves out" for name in unranked_names)
