"""The tables of docs that are made from the code are those that stand in the pages."""

from __future__ import annotations

import pytest

from infra.reference.pages import BLOCKS, DOCS, written


@pytest.mark.parametrize("page", sorted(BLOCKS))
def test_a_page_holds_what_the_code_says(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert written(text, BLOCKS[page]) == text, "run python -m infra.reference"


def test_every_field_of_the_manifest_is_described():
    rows = [row for block in BLOCKS["manifest.md"].values() for row in block().splitlines() if row.startswith("| `")]
    assert len(rows) > 50
    assert [row for row in rows if row.endswith("|  |")] == []


def test_a_table_that_has_no_place_is_told():
    with pytest.raises(ValueError, match="0 places for 'gates'"):
        written("no comments here", {"gates": lambda: ""})
