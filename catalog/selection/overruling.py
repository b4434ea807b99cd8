"""A user's pick over the policy's decision.

Sentences go into releases: they name no user and no note, which the decision holds as fields.
"""

from __future__ import annotations

from collections.abc import Collection

from catalog.selection.decision import CandidateOutcome, Decision
from catalog.selection.reviews import Review


def overruled(decision: Decision, picked: Review | None, *, failed: Collection[str] = ()) -> Decision:
    """The decision with the picked candidate as its winner, whatever gates, rank and number of candidates say.

    Without a pick it is unchanged. A picked candidate among ``failed``, which could not be rendered or scored, leaves
    the song without a winner: another take must not stand in for it unasked. A pick that is no longer planned has no
    effect, and the sentence says so.
    """
    if picked is None:
        return decision
    outcome = next((candidate for candidate in decision.candidates if candidate.id == picked.candidate), None)
    if outcome is not None:
        return _with_pick(decision, picked, outcome)
    if picked.candidate in failed:
        reason = f"the picked take {picked.candidate} could not be rendered or scored"
        changes = {"winner": None, "reasons": (reason,), "sentence": f"No winner: {reason}.", "tie_with": ()}
        return decision.model_copy(update={**changes, "policy_winner": decision.winner})
    sentence = f"{decision.sentence} The picked take {picked.candidate} is no longer planned."
    return decision.model_copy(update={"sentence": sentence})


def _with_pick(decision: Decision, picked: Review, outcome: CandidateOutcome) -> Decision:
    if decision.winner == outcome.id:
        rest = f"The policy ranks it first too. {decision.sentence}"
    else:
        rest = f"{outcome.sentence} {_policys_choice(decision)}"
    return decision.model_copy(
        update={
            "winner": outcome.id,
            "sentence": f"Picked by a user: {outcome.name}. {rest}",
            "reasons": (),
            "tie_with": (),
            "picked_by": picked.by,
            "pick_note": picked.note,
            "policy_winner": decision.winner,
        }
    )


def _policys_choice(decision: Decision) -> str:
    """The candidate that the policy would have taken, as a sentence."""
    names = [candidate.name for candidate in decision.candidates if candidate.id == decision.winner]
    return f"The policy would have taken {names[0] if names else 'none'}."
