"""What users say of takes: what stands after several reviews, and the decision that follows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from catalog.selection.decide import decide
from catalog.selection.decision import Decision
from catalog.selection.reviews import Review, ReviewKind, Reviews
from tests.unit.catalog.selection.readings import FOUR, METRICS, by_seed, policy

AT = "2026-11-30T20:51:00+00:00"


def said(candidate: str, kind: ReviewKind, note: str | None = None) -> Review:
    return Review(candidate, kind, "ada", AT, note)


def decided(reviews: Reviews, *, failed: tuple[str, ...] = (), **fields: object) -> Decision:
    return decide(policy(**fields), FOUR, METRICS, reviews=reviews, failed=failed)


def test_without_reviews_a_decision_is_written_as_before_there_were_any() -> None:
    document = decided(Reviews()).document()
    assert not {"picked_by", "pick_note", "policy_winner"} & document.keys()
    assert not any({"rejected_by", "rejection_note"} & candidate.keys() for candidate in document["candidates"])
    assert Reviews().document() == {}


def test_a_pick_wins_whatever_its_rank_and_the_policys_choice_is_kept() -> None:
    decision = decided(Reviews(said("c43", "pick", "the warmer voice")))
    assert (decision.winner, decision.policy_winner) == ("c43", "c44")
    assert (decision.picked_by, decision.pick_note) == ("ada", "the warmer voice")
    assert decision.sentence.startswith("Picked by a user: seed 43. Rank 2 of 3: seed 43.")
    assert decision.sentence.endswith("The policy would have taken seed 44.")
    assert "ada" not in decision.sentence
    assert "warmer" not in decision.sentence
    assert Decision.from_document(decision.document()) == decision


def test_a_pick_wins_past_a_failed_gate_and_too_few_candidates() -> None:
    decision = decided(Reviews(said("c42", "pick")), min_candidates=9)
    assert (decision.winner, decision.policy_winner, decision.reasons) == ("c42", None, ())
    assert "tail silence 6.2 s, at most 5 allowed" in decision.sentence
    assert decision.sentence.endswith("The policy would have taken none.")
    assert by_seed(decision)[42].rank is None


def test_a_pick_that_the_policy_ranks_first_says_so() -> None:
    decision = decided(Reviews(said("c44", "pick")))
    assert (decision.winner, decision.policy_winner) == ("c44", "c44")
    assert decision.sentence.startswith("Picked by a user: seed 44. The policy ranks it first too. Winner: seed 44.")


def test_a_rejected_candidate_is_never_chosen_and_changes_no_other_order() -> None:
    plain, decision = decided(Reviews()), decided(Reviews(None, (said("c44", "reject", "hiss"),)))
    assert plain.winner == "c44"
    assert decision.winner == "c45"
    rejected = by_seed(decision)[44]
    assert (rejected.rank, rejected.rejected_by, rejected.rejection_note) == (None, "ada", "hiss")
    assert rejected.sentence == "Rejected by a user: seed 44."
    least_bad = decided(
        Reviews(None, tuple(said(candidate.id, "reject") for candidate in FOUR)), if_none_passes="least_bad"
    )
    assert least_bad.winner is None
    assert "seed 44: rejected by a user" in least_bad.sentence


def test_a_picked_take_that_failed_leaves_no_winner_and_one_that_is_gone_has_no_effect() -> None:
    failed = decided(Reviews(said("c46", "pick")), failed=("c46",))
    assert (failed.winner, failed.policy_winner) == (None, "c44")
    assert failed.reasons == ("the picked take c46 could not be rendered or scored",)
    gone = decided(Reviews(said("c47", "pick")))
    assert (gone.winner, gone.picked_by) == ("c44", None)
    assert gone.sentence.endswith("The picked take c47 is no longer planned.")


def test_the_newest_review_on_a_candidate_counts() -> None:
    standing = Reviews()
    for review in (said("a", "pick"), said("b", "reject"), said("b", "pick"), said("a", "reject"), said("a", "note")):
        standing = standing.after(review)
    assert standing.picked == said("b", "pick")
    assert standing.rejected == (said("a", "reject"),)
    assert standing.after(said("b", "withdraw")).picked is None
    assert standing.after(said("b", "reject")).picked is None
    assert standing.after(said("a", "withdraw")).rejected == ()


@given(st.lists(st.builds(said, st.sampled_from("abc"), st.sampled_from(("pick", "reject", "withdraw", "note")))))
def test_no_candidate_is_both_picked_and_rejected_and_documents_are_read_back(reviews: list[Review]) -> None:
    standing = Reviews()
    for review in reviews:
        standing = standing.after(review)
    rejected = [review.candidate for review in standing.rejected]
    assert len(set(rejected)) == len(rejected)
    assert standing.picked is None or standing.picked.candidate not in rejected
    assert Reviews.from_document(standing.document()) == standing
    last = {review.candidate: review.kind for review in reviews if review.kind != "note"}
    assert set(rejected) == {candidate for candidate, kind in last.items() if kind == "reject"}
