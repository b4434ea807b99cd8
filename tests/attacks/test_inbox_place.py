"""Whoever may start a run of `render-inbox` names a folder of the worker's machine that is no inbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.common.errors import RefusedError
from flows.render_inbox import require_own_inbox


@pytest.mark.parametrize(
    ("own", "place"),
    [
        ("", "/etc"),
        ("s3://songline/in", "/etc"),
        ("s3://songline/in", "s3://songline/inner"),
        ("s3://songline/in", "s3://payroll/in"),
        ("INBOX", "INBOX/../outside"),
        ("INBOX", "INBOX/link"),
        ("INBOX", "INBOX-too"),
    ],
)
def test_a_place_outside_the_workers_inbox_is_refused(tmp_path: Path, own, place) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    (inbox / "link").symlink_to(tmp_path)
    with pytest.raises(RefusedError):
        require_own_inbox(place.replace("INBOX", str(inbox)), own.replace("INBOX", str(inbox)))


@pytest.mark.parametrize("place", ["", "INBOX", "INBOX/night", "INBOX/not/there/yet"])
def test_places_within_it_are_taken(tmp_path: Path, place) -> None:
    inbox = str(tmp_path / "inbox")
    require_own_inbox(place.replace("INBOX", inbox), inbox)
    require_own_inbox(place.replace("INBOX", "s3://songline/in"), "s3://songline/in")
