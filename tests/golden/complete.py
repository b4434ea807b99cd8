"""What is asked of a kept album on every database: nothing of it is missing."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from tests.golden.kept import recorded

RECORDED = recorded()
SINGING = "choir"
PACKAGES_OF_SINGING = (
    "torch",
    "phonemizer",
    "espeakng_loader",
    "muq",
    "demucs",
    "faster_whisper",
    "audiobox_aesthetics",
)


def why_not_read_alike(album: str) -> str | None:
    """Why an album's words are not read here as they were then; None where they are."""
    if album != SINGING:
        return None
    if lacking := [package for package in PACKAGES_OF_SINGING if find_spec(package) is None]:
        return f"{', '.join(lacking)} not installed"
    ((reader, then),) = RECORDED["read_by"].items()
    here = version(reader)
    return None if here == then else f"words are read by {reader} {here} here, and were by {then}"


def require_complete(album: str, plan: Any, standing: Any) -> None:
    """Fail unless the plan and the status of an album say that it is finished, with the winners of then."""
    known = RECORDED["albums"][album]
    assert plan["complete"]
    assert [(song["new"], song["failed"]) for song in plan["songs"]] == [(0, 0)] * len(plan["songs"])
    assert sum(song["exists"] for song in plan["songs"]) == sum(c["active"] for c in known["candidates"])
    assert plan["stages"] == []
    winners = {decision["song"]: decision["winner"] for decision in known["decisions"]}
    assert {song["id"]: song["winner"] for song in standing["songs"]} == winners
    assert {song["stage"] for song in standing["songs"]} == {"finished"}
