"""``status``: shows the actual state of an album and of each of its songs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import SonglineError, error_from
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.common.understood import understood
from catalog.ledger.submissions import Submission, submission_of
from catalog.plan.applied_policy import origin_document, origin_sentence
from catalog.plan.plan import PlannedAlbum, delivered_release
from catalog.plan.status import SongRow, songs_of
from catalog.plan.storage import stored_plan
from flows.cli.console.lookup import STATES, album_id
from flows.console import SafeTable, print_json, stdout
from flows.pipeline.survey import NEXT, AlbumStatus, SongStatus, survey


def status(named: str, *, as_json: bool) -> None:
    """Print the progress of each song, its error, the next step, and the album's state on work pools."""
    settings = load_settings()
    found = album_id(named, settings)
    with open_catalog(settings) as catalog, understood():
        songs = songs_of(catalog.database, found, documents=False)
        planned = stored_plan(catalog.database, found)
        standing, trouble = _survey(catalog, planned)
        delivered_key, build = delivered_release(catalog.database, found)
        submission = submission_of(catalog.database, found)
    state = standing.state(delivered_key) if standing else "unfinished"
    after = _next(found, standing, state, build) if standing else f"How it stands cannot be told: {trouble}"
    policy = origin_document(planned.policy, planned.applied)
    by_id = {song.id: song for song in standing.songs} if standing else {}
    if as_json:
        album: dict[str, Any] = {"album": found, "title": planned.album.title, "state": state, "build": build}
        album["policy"] = policy
        told = {"songs": [_document(song, by_id.get(song.id)) for song in songs], "next": after}
        print_json({**album, **told, "submission": _submitted(submission) if submission else None})
        return
    _print_songs(songs, by_id)
    for line in _troubles(songs, by_id, standing):
        stdout().print(Text(line, style="red"), soft_wrap=True)
    stdout().print(Text(after), soft_wrap=True)
    stdout().print(Text(f"Policy: {origin_sentence(policy)}."), soft_wrap=True)
    if submission:
        reason = f" ({submission.reason})" if submission.reason else ""
        stdout().print(Text(f"On work pools: {submission.state}{reason}"), soft_wrap=True)


def _survey(catalog: Catalog, planned: PlannedAlbum) -> tuple[AlbumStatus | None, SonglineError | None]:
    """The album's status; None with the error where this machine cannot determine it."""
    try:
        return survey(catalog, planned), None
    except SonglineError as error:
        return None, error


def shown_state(song: SongRow, standing: SongStatus | None) -> str:
    """One of the catalog's five state words, which scripts rely on. A song whose winner cannot be finished is
    failed."""
    return "failed" if standing and standing.error else song.state


def _document(song: SongRow, standing: SongStatus | None) -> dict[str, Any]:
    return {
        "id": song.id,
        "title": song.title,
        "state": shown_state(song, standing),
        **(standing.document() if standing else {}),
        "candidates": _counts(song),
        "winner": song.winner,
        "failures": [c.error for c in song.candidates if c.error],
    }


def _counts(song: SongRow) -> dict[str, int]:
    return {state: sum(c.state == state for c in song.candidates) for state in STATES}


def _print_songs(songs: Sequence[SongRow], statuses: Mapping[str, SongStatus]) -> None:
    table = SafeTable("song", "state", *STATES, "winner", "reached")
    for song in songs:
        standing, counts = statuses.get(song.id), _counts(song)
        state, numbers = shown_state(song, standing), (str(counts[name]) for name in STATES)
        table.add_row(Text(song.title), state, *numbers, song.winner or "-", _reached(standing))
    stdout().print(table)


def _reached(standing: SongStatus | None) -> str:
    """The stage that a song reached, or in which it failed."""
    if standing is None:
        return "-"
    return f"failed in {NEXT[standing.stage]}" if standing.error else standing.stage


def _troubles(songs: Sequence[SongRow], statuses: Mapping[str, SongStatus], album: AlbumStatus | None) -> Iterator[str]:
    """A line for every failed take, every failed song and the album."""
    for song in songs:
        for candidate in song.candidates:
            if candidate.error:
                yield f"{song.title}, seed {candidate.seed} ({candidate.id}): {error_from(candidate.error)}"
        if (standing := statuses.get(song.id)) and standing.error:
            yield str(standing.error)
    if album and album.error:
        yield f"{album.title}: {album.error}"


def _next(album_id: str, standing: AlbumStatus, state: str, build: int | None) -> str:
    """The state of the album and the next action, in a sentence or two."""
    title, failed = standing.title, [song.title for song in standing.songs if song.error]
    without = f" Without {', '.join(failed)}." if failed else ""
    if state == "released":
        return f"{title}: released as build {build}.{without}"
    if state == "finished":
        return f"{title}: everything is made.{without} Next: `songline render` writes the release."
    before = f" Build {build} of an earlier plan is delivered." if build else ""
    if state == "failed":
        what = f"{', '.join(failed)} failed" if failed else "packing failed"
        again = f" `songline retry {album_id}` plans it again." if standing.failed else ""
        return f"{title}: no release of this plan, for {what}.{before} Next: mend the cause named above.{again}"
    waiting: dict[str, int] = {}
    for song in standing.songs:
        if not song.error:
            waiting[NEXT[song.stage]] = waiting.get(NEXT[song.stage], 0) + 1
    steps = ", ".join(
        "packing of the release" if name == NEXT["finished"] else f"{name} of {counted(count, 'song')}"
        for name, count in waiting.items()
    )
    return f"{title}: not finished.{before} Next: {steps} (`songline render`)."


def _submitted(standing: Submission) -> dict[str, Any]:
    request = standing.request
    return {
        "state": standing.state,
        "priority": request.priority,
        "until": request.until,
        "max_gpu_minutes": request.max_gpu_minutes,
        "reason": standing.reason,
    }
