"""``status --watch``: follows an album on work pools until it ends."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import MachineError
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.ledger.submissions import Submission, shards_of_album, submission_of
from catalog.plan.status import SongRow, songs_of
from catalog.plan.storage import stored_plan
from flows.cli.console.lookup import STATES, album_id
from flows.cli.inspect.status import shown_state
from flows.console import SafeTable, stdout
from flows.orchestration.run_launcher import PoolWorkers, PrefectRunLauncher, RunStatus
from flows.pipeline.survey import SongStatus, survey
from flows.planning.render_time import expected_render_seconds

SONGS_SHOWN = 30


@dataclass(frozen=True, slots=True)
class WatchSnapshot:
    """The state of an album at one moment. ``left_s`` is the expected time of its missing renders on one device;
    ``statuses`` has the status of each song once the album is not active."""

    songs: Sequence[SongRow]
    submission: Submission | None
    shards: Counter[str]
    workers: Sequence[PoolWorkers]
    left_s: float
    statuses: Mapping[str, SongStatus]

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more without user action."""
        return self.submission is None or self.submission.state != "active"

    def state(self, song: SongRow) -> str:
        """The state of a song in one word."""
        return shown_state(song, self.statuses.get(song.id))


def watch(album_name: str) -> None:
    """Show songs, shards, workers and forecast until the album is done, fails or is paused."""
    settings = load_settings()
    id_of_album = album_id(album_name, settings)
    console = stdout()
    with open_catalog(settings) as catalog:
        dispatcher = PrefectRunLauncher()
        live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        with live or nullcontext():
            last_sentence = ""
            while True:
                snapshot = _take_snapshot(catalog, id_of_album, dispatcher)
                if live:
                    live.update(_progress_table(snapshot), refresh=True)
                elif (sentence := _sentence(snapshot)) != last_sentence:
                    last_sentence = sentence
                    console.print(sentence, soft_wrap=True)
                if snapshot.is_over:
                    return
                time.sleep(settings.poll_s)


def _take_snapshot(catalog: Catalog, album: str, dispatcher: PrefectRunLauncher) -> WatchSnapshot:
    songs = songs_of(catalog.database, album, documents=False)
    submission = submission_of(catalog.database, album)
    runs = [shard.flow_run_id for shard in shards_of_album(catalog.database, album) if shard.flow_run_id]
    missing_keys = {
        candidate.render_key
        for song in songs
        for candidate in song.candidates
        if candidate.state in ("planned", "leased")
    }
    planned = stored_plan(catalog.database, album)
    recipes = {
        candidate.render_key: candidate.recipe
        for planned_song in planned.songs
        for candidate in planned_song.candidates
    }
    expected_s = expected_render_seconds(catalog)
    try:
        statuses: Sequence[RunStatus] = tuple(dispatcher.statuses(runs).values())
        workers: Sequence[PoolWorkers] = dispatcher.workers()
    except MachineError:  # the songs are known from the catalog without Prefect
        statuses, workers = (), ()
    left_s = sum(expected_s(recipes[key]) for key in missing_keys if key in recipes)
    is_over = submission is None or submission.state != "active"
    song_statuses = survey(catalog, planned).songs if is_over else ()
    shards: Counter[str] = Counter(run_status.state for run_status in statuses)
    return WatchSnapshot(songs, submission, shards, workers, left_s, {song.id: song for song in song_statuses})


def _progress_table(snapshot: WatchSnapshot) -> RenderableType:
    table = SafeTable("song", "state", *STATES, "winner")
    # Of a large album, the songs in progress come first.
    shown_songs = sorted(snapshot.songs, key=lambda song: snapshot.state(song) in ("planned", "decided"))[:SONGS_SHOWN]
    for song in [song for song in snapshot.songs if song in shown_songs]:
        counts = (str(sum(candidate.state == state for candidate in song.candidates)) for state in STATES)
        table.add_row(Text(song.title), snapshot.state(song), *counts, song.winner or "-")
    hidden_count = len(snapshot.songs) - len(shown_songs)
    footer = Text(f"and {counted(hidden_count, 'more song')}" if hidden_count else "", style="dim")
    return Group(table, footer, Text(_sentence(snapshot)))


def _sentence(snapshot: WatchSnapshot) -> str:
    """Progress of the songs, the shards, the workers and the remaining time, in one line."""
    states = Counter(snapshot.state(song) for song in snapshot.songs)
    parts = [", ".join(f"{count} {state}" for state, count in sorted(states.items()))]
    rendered_count = sum(candidate.state == "rendered" for song in snapshot.songs for candidate in song.candidates)
    parts.append(
        f"{rendered_count} of {counted(sum(len(song.candidates) for song in snapshot.songs), 'candidate')} rendered"
    )
    if snapshot.shards:
        parts.append("shards: " + ", ".join(f"{count} {state}" for state, count in sorted(snapshot.shards.items())))
    parts += [f"{pool.pool}: {counted(pool.online, 'worker')} online" for pool in snapshot.workers]
    if snapshot.left_s and not snapshot.is_over:
        devices = max(1, next((pool.online for pool in snapshot.workers if pool.pool == "gpu"), 1))
        parts.append(f"about {snapshot.left_s / devices / 60:.0f} min of rendering left")
    submission = snapshot.submission
    if submission is None:
        return " · ".join([*parts, "never submitted"])
    return " · ".join([*parts, f"{submission.state}: {submission.reason}" if submission.reason else submission.state])
