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


def status(album_name: str, *, as_json: bool) -> None:
    """Print the progress of each song, its error, the next step, and the album's state on work pools."""
    settings = load_settings()
    id_of_album = album_id(album_name, settings)
    with open_catalog(settings) as catalog, understood():
        songs = songs_of(catalog.database, id_of_album, documents=False)
        planned = stored_plan(catalog.database, id_of_album)
        album_status, problem = _survey(catalog, planned)
        delivered_key, build = delivered_release(catalog.database, id_of_album)
        submission = submission_of(catalog.database, id_of_album)
    state = album_status.state(delivered_key) if album_status else "unfinished"
    next_step = (
        _next_step(id_of_album, album_status, state, build) if album_status else f"Its state is unknown: {problem}"
    )
    policy = origin_document(planned.policy, planned.applied)
    statuses = {song.id: song for song in album_status.songs} if album_status else {}
    if as_json:
        album: dict[str, Any] = {"album": id_of_album, "title": planned.album.title, "state": state, "build": build}
        album["policy"] = policy
        details = {"songs": [_document(song, statuses.get(song.id)) for song in songs], "next": next_step}
        print_json({**album, **details, "submission": _submission_document(submission) if submission else None})
        return
    _print_songs(songs, statuses)
    for line in _errors(songs, statuses, album_status):
        stdout().print(Text(line, style="red"), soft_wrap=True)
    stdout().print(Text(next_step), soft_wrap=True)
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


def shown_state(song: SongRow, song_status: SongStatus | None) -> str:
    """One of the catalog's five state words, which scripts rely on. A song whose winner cannot be finished is
    failed."""
    return "failed" if song_status and song_status.error else song.state


def _document(song: SongRow, song_status: SongStatus | None) -> dict[str, Any]:
    return {
        "id": song.id,
        "title": song.title,
        "state": shown_state(song, song_status),
        **(song_status.document() if song_status else {}),
        "candidates": _counts(song),
        "winner": song.winner,
        "failures": [candidate.error for candidate in song.candidates if candidate.error],
    }


def _counts(song: SongRow) -> dict[str, int]:
    return {state: sum(candidate.state == state for candidate in song.candidates) for state in STATES}


def _print_songs(songs: Sequence[SongRow], statuses: Mapping[str, SongStatus]) -> None:
    table = SafeTable("song", "state", *STATES, "winner", "reached")
    for song in songs:
        song_status, counts = statuses.get(song.id), _counts(song)
        state, count_cells = shown_state(song, song_status), (str(counts[name]) for name in STATES)
        table.add_row(Text(song.title), state, *count_cells, song.winner or "-", _reached_stage(song_status))
    stdout().print(table)


def _reached_stage(song_status: SongStatus | None) -> str:
    """The stage that a song reached, or in which it failed."""
    if song_status is None:
        return "-"
    return f"failed in {NEXT[song_status.stage]}" if song_status.error else song_status.stage


def _errors(songs: Sequence[SongRow], statuses: Mapping[str, SongStatus], album: AlbumStatus | None) -> Iterator[str]:
    """A line for every failed take, every failed song and the album."""
    for song in songs:
        for candidate in song.candidates:
            if candidate.error:
                yield f"{song.title}, seed {candidate.seed} ({candidate.id}): {error_from(candidate.error)}"
        if (song_status := statuses.get(song.id)) and song_status.error:
            yield str(song_status.error)
    if album and album.error:
        yield f"{album.title}: {album.error}"


def _next_step(album_id: str, album_status: AlbumStatus, state: str, build: int | None) -> str:
    """The state of the album and the next action, in a sentence or two."""
    title, failed_titles = album_status.title, [song.title for song in album_status.songs if song.error]
    failure_note = f" Without {', '.join(failed_titles)}." if failed_titles else ""
    if state == "released":
        return f"{title}: released as build {build}.{failure_note}"
    if state == "finished":
        return f"{title}: everything is made.{failure_note} Next: `songline render` writes the release."
    delivery = f" Build {build} of an earlier plan is delivered." if build else ""
    if state == "failed":
        cause = f"{', '.join(failed_titles)} failed" if failed_titles else "packing failed"
        retry_hint = f" `songline retry {album_id}` plans it again." if album_status.failed else ""
        return (
            f"{title}: no release of this plan, for {cause}.{delivery} Next: correct the cause named above.{retry_hint}"
        )
    song_counts: dict[str, int] = {}
    for song in album_status.songs:
        if not song.error:
            song_counts[NEXT[song.stage]] = song_counts.get(NEXT[song.stage], 0) + 1
    steps = ", ".join(
        "packing of the release" if name == NEXT["finished"] else f"{name} of {counted(count, 'song')}"
        for name, count in song_counts.items()
    )
    return f"{title}: not finished.{delivery} Next: {steps} (`songline render`)."


def _submission_document(submission: Submission) -> dict[str, Any]:
    request = submission.request
    return {
        "state": submission.state,
        "priority": request.priority,
        "until": request.until,
        "max_gpu_minutes": request.max_gpu_minutes,
        "reason": submission.reason,
    }
