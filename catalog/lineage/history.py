"""The history of a song: its takes as a tree of retakes, and what happened to it as a time line.

It names users, notes and prompts, so it is for the studio, never for a release.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa
from markupsafe import Markup
from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from catalog.common.errors import InputError
from catalog.common.takes import IMPORTED, take_name
from catalog.common.text import did_you_mean
from catalog.selection.stored_reviews import reviews_of
from db.session import Database
from db.tables.album import Candidate, Render, Song
from db.tables.provenance import Activity, Artifact
from db.tables.selection import Decision

Origin = Literal["render", "retake", "import"]
EventKind = Literal["made", "decision", "pick", "reject", "withdraw", "note"]
_VERBS: Mapping[EventKind, str] = {
    "made": "made",
    "decision": "decided",
    "pick": "picked",
    "reject": "rejected",
    "withdraw": "taken back",
    "note": "noted",
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TakeEntry(_Part):
    """One take: its ``origin``, the take that a retake was made from, and its state; ``active`` is False once the
    manifest no longer asks for it, ``pruned`` True where its audio was dropped. ``at`` is when it was made (ISO 8601,
    UTC)."""

    candidate: str
    name: str
    origin: Origin
    parent: str | None
    recipe: str
    engine: str
    prompt: str | None
    state: str
    at: str | None
    active: bool
    pruned: bool


class Event(_Part):
    """One thing that happened, ``at`` a time (ISO 8601, UTC): a take was made, the song was decided with ``candidate``
    as its winner (None without one), or a user said something. ``text`` is a decision's sentence or a note."""

    at: str
    kind: EventKind
    candidate: str | None
    by: str | None = None
    text: str | None = None


class SongHistory(_Part):
    """A song's takes in the order in which they were planned, and its events, oldest first."""

    album: str
    song: str
    title: str
    winner: str | None
    takes: tuple[TakeEntry, ...]
    events: tuple[Event, ...]


def song_history(database: Database, album_id: str, song_id: str) -> SongHistory:
    """The history of a song. Raises InputError for a song that the album does not have."""
    with database.read() as session:
        songs = {row.slug: row for row in session.scalars(sa.select(Song).where(Song.album_id == album_id))}
        if song_id not in songs:
            raise InputError(f"the album has no song {song_id!r}", remedy=did_you_mean(song_id, songs))
        song = songs[song_id]
        takes = _takes(session, song)
        decisions = session.scalars(sa.select(Decision).where(Decision.song_id == song.id).order_by(Decision.id)).all()
        events = [
            *(Event(at=take.at, kind="made", candidate=take.candidate) for take in takes if take.at),
            *(_decided(decision) for decision in decisions),
            *(
                Event(at=said.at, kind=said.kind, candidate=said.candidate, by=said.by, text=said.note)
                for said in reviews_of(session, song.id)
            ),
        ]
    return SongHistory(
        album=album_id,
        song=song_id,
        title=song.title,
        winner=decisions[-1].winner_id if decisions else None,
        takes=tuple(takes),
        events=tuple(sorted(events, key=lambda event: event.at)),
    )


def _takes(session: Session, song: Song) -> list[TakeEntry]:
    rows = session.execute(
        sa.select(Candidate, Render, Activity, Artifact.pruned_at)
        .join(Render, Render.key == Candidate.render_key)
        .outerjoin(Activity, Activity.id == Render.activity_id)
        .outerjoin(Artifact, Artifact.digest == Render.audio_digest)
        .where(Candidate.song_id == song.id)
        .order_by(Candidate.seed_order, Candidate.id)
    ).tuples()
    return [_take(*row) for row in rows]


def _take(candidate: Candidate, render: Render, made: Activity | None, pruned_at: float | None) -> TakeEntry:
    is_retake = candidate.parent_id is not None
    origin: Origin = "import" if render.engine == IMPORTED else "retake" if is_retake else "render"
    return TakeEntry(
        candidate=candidate.id,
        name=take_name(candidate.seed, IMPORTED if origin == "import" else None, retake=is_retake),
        origin=origin,
        parent=candidate.parent_id,
        recipe=render.key,
        engine=render.engine,
        prompt=candidate.prompt,
        state=render.state,
        at=None if made is None else _stamp(made.started_at + made.seconds),
        active=candidate.active,
        pruned=pruned_at is not None,
    )


def _decided(decision: Decision) -> Event:
    return Event(
        at=_stamp(decision.created_at),
        kind="decision",
        candidate=decision.winner_id,
        text=decision.document.get("sentence"),
    )


def _stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")


def lines_of(history: SongHistory) -> list[str]:
    """The history as lines of plain text: the tree, and below it the time line."""
    tree = [f"{'  ' * depth}{_take_text(take, history)}" for take, depth in _by_depth(history.takes)]
    return [*tree, "", *(f"{event.at}  {_event_text(event)}" for event in history.events)]


def history_fragment(history: SongHistory) -> Markup:
    """The history as HTML to be put into a page: nested lists for the tree, an ordered list for the time line. All
    text is escaped; it needs no style and no script."""
    rows = Markup("").join(
        Markup("<li><time datetime='{}'>{}</time> {}</li>").format(event.at, _minute(event.at), _event_text(event))
        for event in history.events
    )
    return Markup(
        "<section class='history'><h2>Takes</h2>{}<h2>What happened</h2><ol class='events'>{}</ol></section>"
    ).format(_tree(history, None), rows)


def _minute(at: str) -> str:
    """A moment (ISO 8601, UTC) to the minute, for people."""
    return f"{at[:16].replace('T', ' ')} UTC"


def _tree(history: SongHistory, parent: str | None) -> Markup:
    items = Markup("").join(
        Markup("<li class='{}' data-candidate='{}'>{}{}</li>").format(
            take.origin, take.candidate, _take_text(take, history), _tree(history, take.candidate)
        )
        for take in _children(history.takes, parent)
    )
    return Markup("<ul class='takes'>{}</ul>").format(items) if items else Markup("")


def _children(takes: Sequence[TakeEntry], parent: str | None) -> list[TakeEntry]:
    return [take for take in takes if take.parent == parent]


def _by_depth(takes: Sequence[TakeEntry], parent: str | None = None, depth: int = 0) -> list[tuple[TakeEntry, int]]:
    return [
        entry
        for take in _children(takes, parent)
        for entry in ((take, depth), *_by_depth(takes, take.candidate, depth + 1))
    ]


def _take_text(take: TakeEntry, history: SongHistory) -> str:
    notes = [
        *([take.state] if take.state != "rendered" else []),
        *(["winner"] if take.candidate == history.winner else []),
        *(["audio pruned"] if take.pruned else []),
        *(["no longer asked for"] if not take.active else []),
    ]
    suffix = f" ({', '.join(notes)})" if notes else ""
    return f"{take.candidate}: {take.name}, {take.engine}{suffix}"


def _event_text(event: Event) -> str:
    who = f" by {event.by}" if event.by else ""
    subject = event.candidate or ("no winner" if event.kind == "decision" else "")
    return f"{subject} {_VERBS[event.kind]}{who}{f': {event.text}' if event.text else ''}"
