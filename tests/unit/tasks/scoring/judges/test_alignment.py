"""Edits between what should be sung and what was heard."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring.judges.alignment import Line, Unit, aligned, error_rate

words = st.text("abc", max_size=12)


def lines(*texts: str) -> list[Line]:
    return [Line(10.0 * n, 10.0 * n + 10, tuple(text)) for n, text in enumerate(texts)]


def heard(text: str, *, start_s: float = 0.0, step_s: float = 1.0) -> list[Unit]:
    return [Unit(start_s + step_s * n, name) for n, name in enumerate(text)]


def distance(left: str, right: str) -> int:
    """Levenshtein's, by its definition."""
    row = list(range(len(right) + 1))
    for n, a in enumerate(left, start=1):
        before, row[0] = row[0], n
        for m, b in enumerate(right, start=1):
            before, row[m] = row[m], min(row[m] + 1, row[m - 1] + 1, before + (a != b))
    return row[-1]


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.lists(words.filter(bool), min_size=1, max_size=4), words)
def test_the_edits_are_the_fewest_and_every_one_has_a_line(texts: list[str], found: str) -> None:
    result = aligned(lines(*texts), heard(found))
    assert sum(line.edits for line in result) == distance("".join(texts), found)
    assert all(0 <= line.right <= len(line.line.units) for line in result)
    assert error_rate(result) == pytest.approx(distance("".join(texts), found) / len("".join(texts)))


@settings(deadline=None, max_examples=30)
@given(st.lists(words.filter(bool), min_size=1, max_size=4))
def test_what_is_heard_as_written_has_no_error(texts: list[str]) -> None:
    result = aligned(lines(*texts), heard("".join(texts)))
    assert error_rate(result) == 0
    assert [line.right for line in result] == [len(text) for text in texts]


def test_each_edit_counts_against_the_line_it_hits() -> None:
    first, second, third = aligned(lines("walk", "home", "again"), heard("walkhxmeag"))
    assert (first.edits, second.edits, third.edits) == (0, 1, 3)
    assert second.error_rate == pytest.approx(0.25)


def test_nothing_heard_is_every_unit_missed() -> None:
    (line,) = aligned(lines("walk"), [])
    assert (line.edits, line.right, line.time_s) == (4, 0, None)
    assert not line.is_covered(100.0)


def test_a_line_is_covered_in_its_time_only() -> None:
    early, late = (aligned(lines("walk"), heard("walk", start_s=at_s))[0] for at_s in (11.0, 15.0))
    assert early.is_covered(4.0)
    assert not late.is_covered(4.0)


def test_half_of_a_line_covers_it() -> None:
    assert aligned(lines("walk"), heard("wa"))[0].is_covered(0.0)
    assert not aligned(lines("walk"), heard("w"))[0].is_covered(0.0)
