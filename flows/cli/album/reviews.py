"""``pick``, ``unpick``, ``reject`` and ``note``: what a user says of a take, and the decision that follows."""

from __future__ import annotations

from rich.text import Text

from catalog.catalog import open_catalog
from catalog.common.errors import SonglineError
from catalog.common.settings import load_settings
from catalog.plan.queries import candidate_by_prefix
from catalog.plan.status import SongRow, song_of_candidate
from catalog.selection.reviews import ReviewKind
from catalog.selection.stored_reviews import say
from flows.console import print_json, stdout, warn
from flows.pipeline.decide_now import decide_song_of, review_document
from tasks.steps.environment import user_name

_SAID = {"pick": "Picked", "reject": "Rejected", "withdraw": "Taken back", "note": "Noted"}


def review(prefix: str, kind: ReviewKind, note: str | None, *, as_json: bool) -> None:
    """Store what the user says of the candidate whose id starts with ``prefix``, decide its song again, and print both.

    A review stands also where the song cannot be decided yet, or has no winner after it.
    """
    with open_catalog(load_settings()) as catalog:
        candidate, _ = candidate_by_prefix(catalog.database, prefix)
        album_id = say(catalog.database, candidate, kind, by=user_name(), note=note)
        fault = None if kind == "note" else decide_song_of(catalog, album_id, candidate)
        song = song_of_candidate(catalog.database, album_id, candidate)
    if as_json:
        print_json(review_document(album_id, candidate, kind, song))
        return
    stdout().print(Text(f"{_SAID[kind]}: {candidate}."), soft_wrap=True)
    if kind != "note":
        _print_decision(song, fault)


def _print_decision(song: SongRow, fault: SonglineError | None) -> None:
    if fault is not None:
        warn(f"{fault.what}. {fault.remedy}.")
    elif song.decision is None or song.waiting:
        stdout().print("It counts as soon as all takes of the song are scored: run `songline render`.")
    else:
        stdout().print(Text(f"{song.title}: {song.decision['sentence']}"), soft_wrap=True)
        stdout().print("`songline render` finishes what changed.")
