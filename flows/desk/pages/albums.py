"""What the pages of the catalog, an album and a song's takes show."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catalog.common.errors import InputError
from catalog.monitoring.album_list import albums_of
from catalog.monitoring.changes import counted_albums, newest_activity
from catalog.plan.queries import require_album
from catalog.plan.status import CandidateRow, SongRow, candidate_counts, song_of_slug, songs_of
from catalog.release.queries import current_release
from catalog.selection.reviews import Review, Reviews
from catalog.selection.stored_reviews import reviews_of_album
from flows.desk.context import Context
from flows.desk.not_there import NotThere

ALBUMS_A_PAGE = 50
SONGS_A_PAGE = 100
STATES = ("rendered", "leased", "planned", "failed")
"""The states of candidates in the order of a progress bar."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The page ``number`` of a long list, of ``count`` pages; ``first`` is the place of its first entry, from 0."""

    number: int
    count: int
    total: int
    first: int
    most: int

    @classmethod
    def of(cls, number: int, total: int, most: int) -> Pages:
        """The page of this number. Raises NotThere where there are fewer."""
        count = max(1, math.ceil(total / most))
        if number > count:
            raise NotThere(f"there is no page {number}", remedy=f"The last one is {count}")
        return cls(number, count, total, (number - 1) * most, most)


@dataclass(frozen=True, slots=True)
class Progress:
    """How many candidates are in each state; ``parts`` are their shares of a bar 100 wide: state, start, width."""

    counts: Counter[str]

    @property
    def total(self) -> int:
        """All candidates."""
        return self.counts.total()

    @property
    def parts(self) -> list[tuple[str, float, float]]:
        """State, start and width of each part."""
        start, parts = 0.0, []
        for state in STATES:
            width = 100 * self.counts[state] / self.total if self.total else 0.0
            if width:
                parts.append((state, round(start, 3), round(width, 3)))
            start += width
        return parts


def progress_of(candidates: Sequence[CandidateRow]) -> Progress:
    """The progress of some candidates."""
    return Progress(Counter(candidate.state for candidate in candidates))


def catalog_values(context: Context, page: int) -> dict[str, Any]:
    """The albums of a page, with the state of each."""
    database = context.catalog.database
    pages = Pages.of(page, counted_albums(database), ALBUMS_A_PAGE)
    albums = albums_of(database, from_place=pages.first, most=pages.most)
    newest = newest_activity(database, [album.id for album in albums])
    return {"title": "Albums", "albums": albums, "newest": newest, "pages": pages, "jobs": context.jobs.all()}


def album_values(context: Context, album: str, page: int) -> dict[str, Any]:
    """The songs of a page, and the album's progress as a whole."""
    database = context.catalog.database
    _require(context, album)
    entry = albums_of(database, album=album)[0]
    pages = Pages.of(page, entry.songs, SONGS_A_PAGE)
    songs = songs_of(database, album, from_place=pages.first, most=pages.most)
    return {
        "title": entry.title,
        "album": entry,
        "songs": [(song, progress_of(song.candidates)) for song in songs],
        "progress": Progress(candidate_counts(database, album)),
        "newest": newest_activity(database, [album]).get(album),
        "pages": pages,
        "manifest": context.manifests.by_album.get(album),
        "has_release": current_release(database, album) is not None,
        "jobs": [job for job in context.jobs.all() if job.work.album == album],
    }


def takes_values(context: Context, album: str, song: str) -> dict[str, Any]:
    """The takes of a song with their place in its decision, and what was said of each."""
    database = context.catalog.database
    _require(context, album)
    found = _song(context, album, song)
    said = reviews_of_album(database, album).get(song, [])
    return {
        "title": found.title,
        "album": album,
        "song": found,
        "takes": _by_rank(found),
        "said": said,
        "standing": standing_of(said),
        "jobs": [job for job in context.jobs.all() if job.work.album == album and job.work.song == song],
    }


def standing_of(said: Sequence[Review]) -> dict[str, str]:
    """``pick`` or ``reject`` for each candidate of a song of which one of them stands."""
    reviews = Reviews()
    for review in said:
        reviews = reviews.after(review)
    picked = {reviews.picked.candidate: "pick"} if reviews.picked else {}
    return {review.candidate: "reject" for review in reviews.rejected} | picked


def _by_rank(song: SongRow) -> list[tuple[CandidateRow, int | None]]:
    """The candidates with their rank in the newest decision, the best first, those without one after them."""
    ranks = {entry["id"]: entry.get("rank") for entry in (song.decision or {}).get("candidates", ())}
    takes = [(candidate, ranks.get(candidate.id)) for candidate in song.candidates]
    return sorted(takes, key=lambda take: (take[1] is None, take[1] or 0))


def _song(context: Context, album: str, song: str) -> SongRow:
    found = song_of_slug(context.catalog.database, album, song)
    if found is None:
        raise NotThere(f"{album} has no song {song!r}", remedy="See the album's page")
    return found


def _require(context: Context, album: str) -> None:
    try:
        require_album(context.catalog.database, album)
    except InputError as error:
        raise NotThere(error.what, remedy=error.remedy) from error
