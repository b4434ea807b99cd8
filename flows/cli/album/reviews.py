"""``pick``, ``unpick``, ``reject`` and ``note``: what a user says of a take, and the decision that follows."""

from __future__ import annotations

from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common.digests import Json
from catalog.common.errors import SonglineError
from catalog.common.settings import load_settings
from catalog.plan.queries import candidate_by_prefix
from catalog.plan.status import SongRow, songs_of
from catalog.plan.storage import part_of, stored_plan
from catalog.selection.reviews import ReviewKind
from catalog.selection.stored_reviews import say
from flows.console import print_json, stdout, warn
from flows.pipeline.decide_now import decide_now
from flows.pipeline.executor import NotRunYet
from tasks.steps.environment import user_name

_SAID = {"pick": "Picked", "reject": "Rejected", "withdraw": "Taken back", "note": "Noted"}


def review(prefix: str, kind: ReviewKind, note: str | None, *, as_json: bool) -> None:
    """Store what the user says of the candidate whose id starts with ``prefix``, decide its song again, and print both.

    A review stands also where the song cannot be decided yet, or has no winner after it.
    """
    with open_catalog(load_settings()) as catalog:
        candidate, _ = candidate_by_prefix(catalog.database, prefix)
        album_id = say(catalog.database, candidate, kind, by=user_name(), note=note)
        fault = None if kind == "note" else _decide(catalog, album_id, candidate)
        song = _song(catalog, album_id, candidate)
    if as_json:
        print_json(_document(album_id, candidate, kind, song))
        return
    stdout().print(Text(f"{_SAID[kind]}: {candidate}."), soft_wrap=True)
    if kind != "note":
        _print_decision(song, fault)


def _decide(catalog: Catalog, album_id: str, candidate: str) -> SonglineError | None:
    """Decide the candidate's song from its scores; returns the error of a song without a winner."""
    planned = stored_plan(catalog.database, album_id)
    songs = [song.song.id for song in planned.songs if candidate in {take.id for take in song.candidates}]
    try:
        failures = decide_now(catalog, part_of(planned, songs=songs))
    except NotRunYet:
        return None
    return next(iter(failures.values()), None)


def _song(catalog: Catalog, album_id: str, candidate: str) -> SongRow:
    songs = songs_of(catalog.database, album_id)
    return next(song for song in songs if candidate in {take.id for take in song.candidates})


def _print_decision(song: SongRow, fault: SonglineError | None) -> None:
    if fault is not None:
        warn(f"{fault.what}. {fault.remedy}.")
    elif song.decision is None or song.waiting:
        stdout().print("It counts as soon as all takes of the song are scored: run `songline render`.")
    else:
        stdout().print(Text(f"{song.title}: {song.decision['sentence']}"), soft_wrap=True)
        stdout().print("`songline render` finishes what changed.")


def _document(album_id: str, candidate: str, kind: ReviewKind, song: SongRow) -> dict[str, Json]:
    return {
        "album": album_id,
        "song": song.id,
        "candidate": candidate,
        "review": kind,
        "winner": song.winner,
        "sentence": song.decision["sentence"] if song.decision else None,
    }
