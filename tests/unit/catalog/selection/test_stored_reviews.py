"""Reviews in the catalog: what cannot be stored is refused."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError
from catalog.selection.reviews import MAX_NOTE
from catalog.selection.stored_reviews import say


@pytest.mark.parametrize(
    ("note", "fault"),
    [
        (" \n", "the note is empty"),
        ("x" * (MAX_NOTE + 1), f"the note has {MAX_NOTE + 1} characters"),
        ("warm \udcff", "characters that cannot be shown"),
        ("\x1b[2J", "characters that cannot be shown"),
    ],
)
def test_a_note_that_cannot_be_kept_is_refused(catalog: Catalog, note: str, fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        say(catalog.database, "last-bus-43", "note", by="ada", note=note)
