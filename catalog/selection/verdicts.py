"""What users say of a song's candidates, as it stands for a decision: a pick overrules the policy, and a rejected
candidate is never chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

from catalog.common.digests import Json

VerdictKind = Literal["pick", "reject", "withdraw", "note"]
MAX_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Verdict:
    """One thing that a user said of a candidate; ``at`` is ISO 8601 in UTC. ``withdraw`` takes a pick or a rejection
    of the candidate back, ``note`` changes nothing."""

    candidate: str
    kind: VerdictKind
    by: str
    at: str
    note: str | None = None

    def line(self) -> dict[str, Json]:
        """As JSON, with its kind."""
        return {"kind": self.kind, **self.document()}

    def document(self) -> dict[str, Json]:
        """As JSON without its kind, and without a note where there is none."""
        note = {"note": self.note} if self.note else {}
        return {"candidate": self.candidate, "by": self.by, "at": self.at, **note}


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What stands of a song: the newest pick, and the rejections in the order in which they were made."""

    picked: Verdict | None = None
    rejected: tuple[Verdict, ...] = ()

    def after(self, verdict: Verdict) -> Verdicts:
        """What stands after one more verdict: the newest on a candidate replaces that before it."""
        if verdict.kind == "note":
            return self
        others = tuple(other for other in self.rejected if other.candidate != verdict.candidate)
        if verdict.kind == "pick":
            return Verdicts(verdict, others)
        is_picked = self.picked is not None and self.picked.candidate == verdict.candidate
        picked = None if is_picked else self.picked
        return Verdicts(picked, (*others, verdict) if verdict.kind == "reject" else others)

    def among(self, candidates: Collection[str]) -> Verdicts:
        """Without rejections of candidates that are not offered; the pick stays, since its loss is told."""
        return replace(self, rejected=tuple(verdict for verdict in self.rejected if verdict.candidate in candidates))

    def document(self) -> dict[str, Json]:
        """As the parameters of a decision keep it; empty where nothing was said."""
        picked = {"picked": self.picked.document()} if self.picked else {}
        rejected = {"rejected": [verdict.document() for verdict in self.rejected]} if self.rejected else {}
        return {**picked, **rejected}

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """The inverse of :meth:`document`."""
        picked = document.get("picked")
        return cls(
            Verdict(kind="pick", **picked) if picked else None,
            tuple(Verdict(kind="reject", **verdict) for verdict in document.get("rejected", ())),
        )
