"""Retakes: candidates that render a passage of another candidate again, and are stored beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.common.errors import InputError
from catalog.common.text import counted
from catalog.lyrics.lines import MAX_LINES, MAX_LYRICS_BYTES
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.reading import stored_lyrics
from catalog.plan.plan import Candidate, candidate_id, candidate_of
from catalog.plan.queries import candidate_by_prefix
from catalog.recipe import Recipe
from db.session import Database
from db.statements import ROW_LOCK
from db.tables.album import Album as AlbumRow
from db.tables.album import Candidate as CandidateRow
from db.tables.album import Render
from db.tables.album import Song as SongRow

AFTER_SEEDS = 10_000
"""Retakes are sorted after every seed that a manifest may add later."""

AFTER_RETAKES = 1_000_000
"""Takes made elsewhere are sorted after every seed and retake, also those that come later."""


@dataclass(frozen=True, slots=True)
class Parent:
    """A candidate of which a passage is rendered again, with its lyrics."""

    id: str
    album_id: str
    song_id: str
    song_title: str
    render_key: str
    language: str
    lyrics: Lyrics


def parent_take(database: Database, prefix: str) -> Parent:
    """The candidate whose id starts with ``prefix``. Raises InputError unless exactly one matches that is still
    planned."""
    row_id, _ = candidate_by_prefix(database, prefix)
    with database.read() as session:
        row = session.get_one(CandidateRow, row_id)
        song = session.get_one(SongRow, row.song_id)
        album = session.get_one(AlbumRow, song.album_id)
        if not (row.active and song.active):
            raise InputError(
                f"{row.id} is no longer planned: the manifest has changed since",
                remedy="See `songline scores` for the candidates there are now",
            )
        song_document = next(entry for entry in album.manifest["songs"] if entry["id"] == song.slug)
        lyrics = stored_lyrics(row.lyrics_lrc or song_document["lyrics"]["lrc"])
        return Parent(row.id, album.id, song.slug, song.title, row.render_key, song_document["language"], lyrics)


def with_words(lyrics: Lyrics, changed: Lyrics, *, start_s: float, end_s: float) -> Lyrics:
    """``lyrics`` with the lines that begin in the passage replaced by those of ``changed`` that begin in it."""

    def inside(line: LyricLine) -> bool:
        return start_s <= line.start_s < end_s

    kept_lines = [line for line in lyrics.lines if not inside(line)]
    new_lines = [line for line in changed.lines if inside(line)]
    return Lyrics(tuple(sorted((*kept_lines, *new_lines), key=lambda line: line.start_s)), lyrics.tags)


def changed_words(parent: Parent, new: Lyrics, *, name: str, start_s: float, end_s: float) -> Lyrics:
    """The parent's words, with those of the file ``name`` in the passage: by their times, or line for line without.

    Where the parent's words have no times, nothing says which of them are in the passage: the file has all of them.
    Raises InputError where nothing changes.
    """
    if not parent.lyrics.sung:
        what = f"{parent.song_title} is a song without words, and {name} would add some"
        raise InputError(what, remedy="Give the song `lyrics` in the manifest, or leave --lyrics out")
    if not parent.lyrics.timed:
        lyrics, changed = new.untimed(), "line"
    else:
        placed = new if new.timed else at_times_of(parent.lyrics, new, start_s=start_s, end_s=end_s)
        if not any(start_s <= line.start_s < end_s for line in placed.lines):
            what = f"{name} has no line that begins in the passage"
            raise InputError(what, remedy="Leave --lyrics out, or move the passage")
        lyrics = with_words(parent.lyrics, placed, start_s=start_s, end_s=end_s)
        changed = "line that begins in the passage"
    if lyrics.digest == parent.lyrics.digest:
        raise InputError(f"{name} changes no {changed}", remedy="Leave --lyrics out, or move the passage")
    return lyrics


def number_of_lines_warning(parent: Parent, new: Lyrics, *, name: str) -> str:
    """A sentence where words without times have another number of lines than the parent's; "" where they have not.

    All words of the song are replaced then, so a file with those of the passage alone would lose the others.
    """
    count, before = len(new.sung), len(parent.lyrics.sung)
    if parent.lyrics.timed or count == before:
        return ""
    takes = f"{counted(count, 'line')} of {name} {'takes' if count == 1 else 'take'} the place of the song's {before}"
    return f"{takes}. Nothing says which lines the passage has, so the file must have all words of the song."


def at_times_of(lyrics: Lyrics, text: Lyrics, *, start_s: float, end_s: float) -> Lyrics:
    """The lines of a text without times, each at the time of a sung line of ``lyrics`` that begins in the passage.

    Rests of the passage stay. Raises InputError where the numbers of lines differ: then it is open which line is sung
    when.
    """
    old_lines = [line for line in lyrics.lines if start_s <= line.start_s < end_s]
    sung_count = sum(bool(line.text) for line in old_lines)
    if sung_count != len(text.sung):
        begin = f"{counted(sung_count, 'line begins', 'lines begin')} in the passage"
        remedy = "Write as many lines, or LRC with the time of each (`songline lyrics time` makes some to start from)"
        raise InputError(f"the text has {counted(len(text.sung), 'line')}, and {begin}", remedy=remedy)
    words = iter(text.sung)
    return Lyrics(tuple(_with_text(line, next(words)) if line.text else line for line in old_lines))


def _with_text(line: LyricLine, new: LyricLine) -> LyricLine:
    return LyricLine(line.start_s, new.text, new.line, new.section or line.section)


def offer_retakes(
    database: Database, parent: Parent, recipes: Sequence[Recipe], *, lyrics: Lyrics | None
) -> tuple[Candidate, ...]:
    """Add a candidate beside its parent for each recipe; an existing one stays unchanged. Their render rows must be
    declared before. ``lyrics`` is set where the words were changed."""
    _refuse_too_long(lyrics)

    def offer(session: Session) -> tuple[Candidate, ...]:
        session.get_one(AlbumRow, parent.album_id, with_for_update=ROW_LOCK)  # excludes other planners
        origin = session.get_one(CandidateRow, parent.id)
        last_order = session.scalar(
            sa.select(sa.func.max(CandidateRow.seed_order)).where(
                CandidateRow.song_id == origin.song_id, CandidateRow.seed_order < AFTER_RETAKES
            )
        )
        first_order = max(last_order or 0, AFTER_SEEDS)
        retakes = tuple(
            Candidate(
                id=candidate_id(parent.album_id, parent.song_id, recipe, mark="r"),
                seed=recipe.seed,
                order=first_order + number,
                recipe=recipe,
                render_key=recipe.digest,
                parent=parent.id,
                lyrics=lyrics,
            )
            for number, recipe in enumerate(recipes, start=1)
        )
        for candidate in retakes:
            _add(session, origin, candidate)
        return retakes

    return database.transact(offer)


def _refuse_too_long(lyrics: Lyrics | None) -> None:
    """Raises InputError for merged lyrics over the limits, since they could not be read back."""
    if lyrics and (len(lyrics.lines) > MAX_LINES or len(lyrics.to_lrc(with_tags=True)) > MAX_LYRICS_BYTES):
        raise InputError(
            f"with the new words the lyrics have more than {MAX_LINES} lines or {MAX_LYRICS_BYTES} characters",
            remedy="Give the passage fewer or shorter lines",
        )


def _add(session: Session, origin: CandidateRow, candidate: Candidate) -> None:
    if session.get(CandidateRow, candidate.id) is not None:
        return
    lyrics = candidate.lyrics
    session.add(
        CandidateRow(
            id=candidate.id,
            song_id=origin.song_id,
            render_key=candidate.render_key,
            seed=candidate.seed,
            seed_order=candidate.order,
            prompt=origin.prompt,
            lyrics_digest=lyrics.digest if lyrics else origin.lyrics_digest,
            lyrics_lrc=lyrics.to_lrc(with_tags=True) if lyrics else origin.lyrics_lrc,
            parent_id=origin.id,
        )
    )


def with_retakes(
    database: Database, album_id: str, planned: Mapping[str, Sequence[Candidate]]
) -> dict[str, tuple[Candidate, ...]]:
    """The candidates of each song followed by their retakes, the retakes of those, and so on."""
    with database.read() as session:
        rows = session.execute(
            sa.select(CandidateRow, Render.recipe)
            .join(Render, Render.key == CandidateRow.render_key)
            .join(SongRow, SongRow.id == CandidateRow.song_id)
            .where(SongRow.album_id == album_id, CandidateRow.parent_id.is_not(None))
            .order_by(CandidateRow.seed_order)
        ).all()
    retakes = [candidate_of(row, Recipe.from_document(recipe)) for row, recipe in rows]
    return {song: _followed(candidates, retakes) for song, candidates in planned.items()}


def parents_of(database: Database, candidates: Sequence[str]) -> dict[str, str]:
    """The parent of each candidate that is a retake, by id."""
    if not candidates:
        return {}
    query = sa.select(CandidateRow.id, CandidateRow.parent_id).where(
        CandidateRow.id.in_(candidates), CandidateRow.parent_id.is_not(None)
    )
    with database.read() as session:
        return {id_: parent for id_, parent in session.execute(query) if parent is not None}


def _followed(candidates: Sequence[Candidate], selected: Sequence[Candidate]) -> tuple[Candidate, ...]:
    takes = list(candidates)
    ids = {candidate.id for candidate in takes}
    for candidate in selected:  # in the order they were made, so that a parent comes before its retakes
        if candidate.parent in ids and candidate.id not in ids:
            takes.append(candidate)
            ids.add(candidate.id)
    return tuple(takes)
