"""What users say of a song's candidates, as it stands for a decision: a pick overrules the policy, and a rejected
candidate is never chosen."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self

from catalog.common.digests import Json

ReviewKind = Literal["pick", "reject", "withdraw", "note"]
MAX_NOTE = 2000


@dataclass(frozen=True, slots=True)
class Review:
    """One thing that a user said of a candidate; ``at`` is ISO 8601 in UTC. ``withdraw`` takes a pick or a rejection
    of the candidate back, ``note`` changes nothing."""

    candidate: str
    kind: ReviewKind
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
class Reviews:
    """What stands of a song: the newest pick, and the rejections in the order in which they were made."""

    picked: Review | None = None
    rejected: tuple[Review, ...] = ()

    def after(self, review: Review) -> Reviews:
        """What stands after one more review: the newest on a candidate replaces that before it."""
        if review.kind == "note":
            return self
        others = tuple(other for other in self.rejected if other.candidate != review.candidate)
        if review.kind == "pick":
            return Reviews(review, others)
        is_picked = self.picked is not None and self.picked.candidate == review.candidate
        picked = None if is_picked else self.picked
        return Reviews(picked, (*others, review) if review.kind == "reject" else others)

    def among(self, candidates: Collection[str]) -> Reviews:
        """Without rejections of candidates that are not offered; the pick stays, since its loss is told."""
        return replace(self, rejected=tuple(review for review in self.rejected if review.candidate in candidates))

    def document(self) -> dict[str, Json]:
        """As the parameters of a decision keep it; empty where nothing was said."""
        picked = {"picked": self.picked.document()} if self.picked else {}
        rejected = {"rejected": [review.document() for review in self.rejected]} if self.rejected else {}
        return {**picked, **rejected}

    @classmethod
    def from_document(cls, document: Mapping[str, Json]) -> Self:
        """The inverse of :meth:`document`."""
        picked = document.get("picked")
        return cls(
            Review(kind="pick", **picked) if picked else None,
            tuple(Review(kind="reject", **review) for review in document.get("rejected", ())),
        )
