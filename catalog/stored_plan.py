"""An album's plan as the catalog holds it: what other machines work from, without the manifest and its files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from catalog.album import Album, Song
from catalog.albums import Candidate, PlannedAlbum, PlannedSong, candidate_of
from catalog.applied_policy import applied_by, row_policy
from catalog.digests import Json
from catalog.errors import InputError
from catalog.lyrics import stored_lyrics
from catalog.mastering import MasteringSpec
from catalog.policy import Policy
from catalog.recipe import Recipe
from db.production import Album as AlbumRow
from db.production import Candidate as CandidateRow
from db.production import Render
from db.production import Song as SongRow
from db.session import Database


def stored_plan(database: Database, album_id: str) -> PlannedAlbum:
    """The newest plan of an album with the candidates it asks for now. Raises InputError where there is none.

    Files of the manifest stand as bare names: their bytes are in the store under their digests.
    """
    with database.read() as session:
        row = session.get(AlbumRow, album_id)
        if row is None:
            raise InputError(f"there is no album {album_id!r} in this catalog", remedy="Name one that was planned here")
        album = album_of(row.manifest)
        offered = _offered(session, album_id)
        songs = tuple(PlannedSong(ids, song, found) for song in album.songs for ids, found in (offered[song.id],))
        policy, identities = row_policy(row, album.selection), row.model_identities or {}
        applied = applied_by(session, row, album.selection)
        return PlannedAlbum(album, row.manifest_digest, policy, row.cover_digest, songs, identities, applied)


def part_of(
    planned: PlannedAlbum, *, songs: Collection[str] | None = None, renders: Collection[str] | None = None
) -> PlannedAlbum:
    """The plan with only the ``songs`` of these ids, and only the candidates of these ``renders``."""
    kept = [song for song in planned.songs if songs is None or song.song.id in songs]
    if renders is not None:
        some = (replace(s, candidates=tuple(c for c in s.candidates if c.render_key in renders)) for s in kept)
        kept = [song for song in some if song.candidates]
    return replace(planned, songs=tuple(kept))


def album_of(document: Mapping[str, Json]) -> Album:
    """The inverse of :func:`catalog.manifest.manifest_document`."""
    head, reference = document["album"], document.get("mastering_reference") or {}
    return Album(
        id=head["id"],
        title=head["title"],
        artist=head["artist"],
        year=head["year"],
        genre=head["genre"],
        cover=_bare(head["cover"]) if head["cover"] else None,
        commercial=document["commercial"],
        release=document["release"],
        songs=tuple(_song(song) for song in document["songs"]),
        selection=Policy.from_document(document["selection"]),
        mastering=MasteringSpec.model_validate(document["mastering"]),
        stems=document["stems"],
        deliverables=tuple(document["deliverables"]),
        licences={each["model"]: each["agreement"] for each in document["licences"]},
        reference_check=document["reference_check"],
        upc=head.get("upc"),
        label=head.get("label"),
        enhance=document.get("enhance", "none"),
        two_stems=document.get("two_stems"),
        mastering_reference=_bare(reference["name"]) if reference else None,
        mastering_reference_digest=reference.get("digest"),
        wav_tags=document.get("wav", {}).get("tags", "all"),
    )


def _song(document: Mapping[str, Json]) -> Song:
    reference, style = document["reference"] or {}, document["style"] or {}
    return Song(
        id=document["id"],
        position=document["position"],
        title=document["title"],
        artist=document["artist"],
        lyrics=stored_lyrics(document["lyrics"]["lrc"]),
        prompt=document["prompt"],
        reference=_bare(reference["name"]) if reference else None,
        reference_digest=reference.get("digest"),
        bpm=document["bpm"],
        key=document["key"],
        language=document["language"],
        length_s=document["length_s"],
        engine=document["engine"],
        settings=document["settings"],
        seeds=tuple(document["seeds"]),
        writers=tuple(document["writers"]),
        isrc=document["isrc"],
        style=_bare(style["name"]) if style else None,
        style_digest=style.get("digest"),
        explicit=document.get("explicit"),
        credits=tuple((credit["role"], credit["name"]) for credit in document.get("credits", ())),
        fade_out_s=document.get("fade_out_s"),
        gap_s=document.get("gap_s", 0.0),
        deliverables=tuple(document.get("deliverables", ())),
    )


def _bare(name: str) -> Path:
    """A file's name to be shown, never a path: whoever wrote the row does not choose a file of this machine."""
    return Path(Path(name).name)


def _offered(session: Session, album_id: str) -> dict[str, tuple[int, tuple[Candidate, ...]]]:
    """Row id and active candidates of each song, in the order they were asked for."""
    of_album = sa.and_(SongRow.album_id == album_id, SongRow.active)
    songs = {row.id: row.slug for row in session.execute(sa.select(SongRow.id, SongRow.slug).where(of_album))}
    rows = session.execute(
        sa.select(CandidateRow, Render.recipe)
        .join(Render, Render.key == CandidateRow.render_key)
        .join(SongRow, SongRow.id == CandidateRow.song_id)
        .where(of_album, CandidateRow.active)
        .order_by(CandidateRow.song_id, CandidateRow.seed_order)
    )
    found: dict[int, list[Candidate]] = {row_id: [] for row_id in songs}
    for row, recipe in rows:
        found[row.song_id].append(candidate_of(row, Recipe.from_document(recipe)))
    return {slug: (row_id, tuple(found[row_id])) for row_id, slug in songs.items()}
