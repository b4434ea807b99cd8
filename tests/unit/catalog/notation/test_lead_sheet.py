"""The lead sheet of a take as a stored document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from catalog.common.errors import InputError
from catalog.notation.lead_sheet import ChordSpan, FormSpan, LeadSheet, MelodyNote


def sheet(**changes: Any) -> LeadSheet:
    fields: dict[str, Any] = {
        "bpm": 96.0,
        "first_bar_s": 0.5,
        "key": "A minor",
        "length_s": 12.0,
        "melody": (
            MelodyNote(start_s=3.0, end_s=3.3, pitch=69, text="run", joined=True, line=0),
            MelodyNote(start_s=3.3, end_s=4.0, pitch=71, text="ning", line=0),
        ),
        "chords": (ChordSpan(start_s=0.5, end_s=3.0, symbol="Am7"), ChordSpan(start_s=3.0, end_s=5.5, symbol="G/B")),
        "sections": (FormSpan(start_s=0.5, end_s=12.0, kind="verse"),),
    }
    return LeadSheet(**{**fields, **changes})


def test_a_lead_sheet_is_read_back_as_it_was_written() -> None:
    assert LeadSheet.from_bytes(sheet().to_bytes()) == sheet()
    assert sheet().to_bytes() == sheet().to_bytes()


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b"[" * 100_000, b'{"scheme": "lead-sheet/v1"}', "\ud800".encode("utf-8", "surrogatepass")],
)
def test_bytes_that_are_no_lead_sheet_are_refused_with_a_remedy(data: bytes) -> None:
    with pytest.raises(InputError) as refused:
        LeadSheet.from_bytes(data)
    assert "Render the take again" in (refused.value.remedy or "")


def test_a_later_form_and_notes_out_of_order_are_refused() -> None:
    document = json.loads(sheet().to_bytes())
    with pytest.raises(InputError, match="lead-sheet/v9"):
        LeadSheet.from_bytes(json.dumps({**document, "scheme": "lead-sheet/v9"}).encode())
    with pytest.raises(InputError):
        LeadSheet.from_bytes(json.dumps({**document, "melody": document["melody"][::-1]}).encode())
    with pytest.raises(InputError):
        LeadSheet.from_bytes(json.dumps({**document, "bpm": 0}).encode())
