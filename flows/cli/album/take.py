"""``take add``: a take that was made elsewhere becomes a candidate of a song."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.text import Text

from catalog.album.album import NATIVE_STEMS, Album, Song
from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import InputError, LicenceRefused, error_from
from catalog.common.settings import load_settings
from catalog.common.text import did_you_mean, has_control, hides, reorders, shows_nothing
from catalog.lyrics.lines import MAX_LYRICS_BYTES
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.reading import read_lyrics
from catalog.manifest.files import read_file, regular_file
from catalog.models.licences import stated_licence
from catalog.models.spec import Licence
from catalog.plan.imports import offer_import
from catalog.plan.plan import Candidate
from catalog.plan.storage import stored_plan
from catalog.recipe import Recipe
from flows.cli.console.lookup import album_id, open_store
from flows.console import print_error, print_json, stdout, warn
from flows.pipeline.retry_failed import requeue_failed_renders
from flows.planning.plan_album import AUDIO_TYPES, UNKNOWN_TYPE
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.engines.imported.engine import imported_recipe, kept_rate_hz, take_audio
from tasks.rendering.render_shard import render_shard
from tasks.steps.environment import execution_environment
from tasks.steps.settled import until_settled

MAX_ORIGIN = 200


def add(
    album_name: str,
    song_id: str,
    file: Path,
    *,
    origin: str,
    licence: str,
    commercial: bool | None,
    lyrics: Path | None,
    as_json: bool,
) -> None:
    """Store a file as a candidate of a song; the next render scores it with the others. Exits 1 where it cannot be
    read from the store.

    Nothing is stored where the file, the song or the licence is refused.
    """
    settings = load_settings()
    terms = stated_licence(open_store().table.licence(licence), licence, commercial=commercial, what="the take")
    origin = _checked_origin(origin)
    with open_catalog(settings) as catalog:
        album = stored_plan(catalog.database, album_id(album_name, settings)).album
        song = _song(album, song_id)
        _check_licence(album, file, terms)
        own_lyrics = _own_lyrics(lyrics, song)
        audio = _read(file)
        candidate, is_new = _offer(catalog, album, song, file, audio, origin=origin, terms=terms, lyrics=own_lyrics)
        keys = [candidate.render_key]
        requeue_failed_renders(catalog, keys)
        status = until_settled(lambda: render_shard(catalog, keys, execution_environment()))[candidate.render_key]
    if as_json:
        document = {"album": album.id, "song": song.id, "candidate": candidate.id, "state": status.state}
        print_json({**document, "new": is_new, "duration_s": candidate.recipe.length_s})
    else:
        _print(album, song, candidate, is_new=is_new)
    if status.state != "rendered":
        if not as_json:
            print_error(error_from(status.error or {}), as_json=False)
        sys.exit(1)


def _checked_origin(origin: str) -> str:
    words = " ".join(origin.split())
    if not words or len(words) > MAX_ORIGIN or shows_nothing(words):
        raise InputError("the origin is empty or too long", remedy=f"Say in 1 to {MAX_ORIGIN} characters what made it")
    if has_control(words) or reorders(words) or hides(words):
        raise InputError("the origin has characters that cannot be seen", remedy="Leave them out")
    return words


def _song(album: Album, song_id: str) -> Song:
    songs = {song.id: song for song in album.songs}
    if song_id not in songs:
        raise InputError(f"{album.title} has no song {song_id!r}", remedy=did_you_mean(song_id, songs))
    return songs[song_id]


def _check_licence(album: Album, file: Path, terms: Licence) -> None:
    if album.commercial and not terms.commercial:
        raise LicenceRefused(
            f"the album is commercial, and {file.name} comes under {terms.id}, which is not stated to allow that",
            remedy="Add --commercial where the terms of its maker allow it to be sold",
        )


def _own_lyrics(file: Path | None, song: Song) -> Lyrics | None:
    """The words of the take, where a file has others than the song."""
    if file is None:
        return None
    lyrics = read_lyrics(read_file(regular_file(file, str(file), max_bytes=MAX_LYRICS_BYTES), str(file)))
    return None if lyrics.digest == song.lyrics.digest else lyrics


def _read(file: Path) -> Audio:
    """The file's sound as it will be kept. Raises InputError where it cannot be a take."""
    audio = read_audio(file)
    try:
        return take_audio(audio, kept_rate_hz(audio.rate))
    except InputError as error:
        raise InputError(f"{file.name} cannot be a take: {error.what}", remedy=error.remedy) from error


def _offer(
    catalog: Catalog,
    album: Album,
    song: Song,
    file: Path,
    audio: Audio,
    *,
    origin: str,
    terms: Licence,
    lyrics: Lyrics | None,
) -> tuple[Candidate, bool]:
    digest = catalog.add_file(file, media_type=AUDIO_TYPES.get(file.suffix.lower(), UNKNOWN_TYPE))

    def recipe_of(number: int) -> Recipe:
        return imported_recipe(
            digest,
            number=number,
            length_s=round(audio.duration_s, 3),
            rate_hz=audio.rate,
            origin=origin,
            licence=terms.id,
            commercial=terms.commercial,
        )

    return offer_import(
        catalog.database,
        album.id,
        song.id,
        take_digest=digest,
        recipe_of=recipe_of,
        prompt=song.prompt,
        lyrics=lyrics or song.lyrics,
        own_lyrics=lyrics is not None,
    )


def _print(album: Album, song: Song, candidate: Candidate, *, is_new: bool) -> None:
    stated = candidate.recipe.inputs
    verb = "Added" if is_new else "Already there"
    kept = f"{candidate.recipe.length_s:.1f} s at {stated['rate_hz'] / 1000:g} kHz, {stated['origin']}"
    stdout().print(Text(f"{verb}: {candidate.id} of {song.title} ({kept}, {stated['licence']})."), soft_wrap=True)
    if album.stems == NATIVE_STEMS:
        warn("`stems: native` are those of an engine: where this take wins, its song is delivered without stems.")
    stdout().print("`songline render` with the album's manifest scores it and decides again.", soft_wrap=True)
