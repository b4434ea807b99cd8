"""``preview-lyrics`` and ``retake``: the timing of a song's lyrics, and a passage of it sung again."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from catalog.album.album import Song
from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import InputError, MachineError, RefusedError, error_from, remedy_of_writing
from catalog.common.settings import Settings, load_settings
from catalog.common.takes import pruned_error
from catalog.common.text import counted
from catalog.files.confined import confined
from catalog.files.permissions import users_file_mode, users_umask
from catalog.files.whole_file import copy_whole
from catalog.ledger.results import pruned_among, render_products
from catalog.ledger.work import WorkStatus
from catalog.lyrics.lines import MAX_LYRICS_BYTES
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.reading import read_lyrics
from catalog.manifest.fields import MAX_SEED
from catalog.manifest.files import read_file, regular_file
from catalog.plan.plan import Candidate
from catalog.plan.queries import recipe_of
from catalog.plan.retakes import Parent, changed_words, number_of_lines_warning, offer_retakes, parent_take
from flows.cli.console.times import seconds_of
from flows.console import SafeTable, print_error, print_json, stdout, warn
from flows.pipeline.retry_failed import requeue_failed_renders
from flows.planning.read_manifest import read_album
from tasks.engines.base import Passage, Retakes
from tasks.engines.diffrhythm.engine import DiffRhythmEngine
from tasks.engines.diffrhythm.lyrics.place import PreviewRow
from tasks.engines.diffrhythm.lyrics.place import preview as preview_rows
from tasks.engines.registry import get_engine
from tasks.rendering.render_shard import render_shard
from tasks.steps.environment import execution_environment
from tasks.steps.settled import until_settled


def preview(path: Path, song_id: str | None, *, as_json: bool) -> None:
    """Print every line of the album's songs (or of one) with its time and phonemes."""
    settings = load_settings()
    album = read_album(path, settings)
    songs = [song for song in album.songs if song_id in (None, song.id)]
    if not songs:
        known_ids = ", ".join(song.id for song in album.songs)
        raise InputError(f"the album has no song {song_id!r}", remedy=f"Its songs are {known_ids}")
    previews = [(song, _rows(song, settings)) for song in songs]
    if as_json:
        documents = [
            {"id": previewed_song.id, "title": previewed_song.title, "lines": [asdict(row) for row in rows]}
            for previewed_song, rows in previews
        ]
        print_json({"album": album.id, "songs": documents})
        return
    for song, rows in previews:
        _print_rows(song, rows)


def _rows(song: Song, settings: Settings) -> Sequence[PreviewRow]:
    """The lines as DiffRhythm would sing them, also where the song names another engine for a trial."""
    engine = DiffRhythmEngine(settings)
    own = next((variant for variant in song.for_engines() if variant.engine == engine.name), None)
    sung = own or replace(song, engine=engine.name, settings={}, other_engines=())
    try:
        if not sung.lyrics.timed:
            remedy = "Run `songline lyrics time` on them, or preview one song that has times with --song"
            raise InputError("the words have no times", remedy=remedy)
        return preview_rows(engine.place(sung))
    except InputError as error:
        note = "" if own else f", as DiffRhythm would sing it (the manifest asks for {song.engine})"
        raise InputError(f"{song.title}{note}: {error.what}", remedy=error.remedy) from error


def _print_rows(song: Song, rows: Sequence[PreviewRow]) -> None:
    table = SafeTable("stamp", "sung", "frames", "line", "phonemes", title=song.title, title_justify="left")
    for row in rows:
        time_text = f"{row.start_s:.2f}-{row.end_s:.2f} s" if row.phonemes else ""
        frames = f"{row.first_frame}-{row.end_frame}" if row.phonemes else ""
        table.add_row(row.stamp, time_text, frames, Text(row.text), Text(row.phonemes, style="dim"))
        for notice in row.remarks:
            table.add_row("", "", "", Text(f"{notice}.", style="yellow"), "")
    stdout().print(table)


def retake(
    prefix: str, start: str, end: str, *, seeds: int, lyrics: Path | None, out: Path | None, as_json: bool
) -> None:
    """Add takes of a passage as candidates beside their parent, and render them on this machine. Exits 1 where some
    could not be rendered."""
    settings = load_settings()
    start_s, end_s = seconds_of(start), seconds_of(end)
    if out is not None:
        _make_folder(out)
    with open_catalog(settings) as catalog:
        parent = parent_take(catalog.database, prefix)
        new_lyrics = _new_lyrics(parent, lyrics, start_s=start_s, end_s=end_s) if lyrics else None
        retakes = _declare_retakes(catalog, parent, new_lyrics, start_s=start_s, end_s=end_s, seeds=seeds)
        candidates = offer_retakes(catalog.database, parent, retakes.recipes, lyrics=new_lyrics)
        keys = [candidate.render_key for candidate in candidates]
        requeue_failed_renders(catalog, keys)
        if not as_json:
            count_text = counted(len(candidates), "take")
            passage = f"{retakes.start_s:.2f} to {retakes.end_s:.2f} s, everything else stays"
            stdout().print(f"{parent.song_title}: {count_text} of {passage}")
        statuses = until_settled(lambda: render_shard(catalog, keys, execution_environment()))
        takes = [_take_document(catalog, candidate, statuses[candidate.render_key], out) for candidate in candidates]
    if as_json:
        document = {"album": parent.album_id, "song": parent.song_id, "parent": parent.id}
        print_json({**document, "passage_s": [retakes.start_s, retakes.end_s], "candidates": takes})
    else:
        for take in takes:
            stdout().print(f"{take['id']}: {take.get('audio', take['state'])}", soft_wrap=True)
            if "failure" in take:
                print_error(error_from(take["failure"]), as_json=False)
        stdout().print("`songline render` with the album's manifest scores them and decides again.", soft_wrap=True)
    if any(take["state"] != "rendered" for take in takes):
        sys.exit(1)


def _new_lyrics(parent: Parent, path: Path, *, start_s: float, end_s: float) -> Lyrics:
    """The parent's words with those of the file. Raises InputError where nothing changes."""
    new_lyrics = read_lyrics(read_file(regular_file(path, str(path), max_bytes=MAX_LYRICS_BYTES), str(path)))
    lyrics = changed_words(parent, new_lyrics, name=path.name, start_s=start_s, end_s=end_s)
    if warning := number_of_lines_warning(parent, lyrics, name=path.name):
        warn(warning)
    return lyrics


def _declare_retakes(
    catalog: Catalog, parent: Parent, lyrics: Lyrics | None, *, start_s: float, end_s: float, seeds: int
) -> Retakes:
    """Declare the recipes of the takes."""
    recipe = recipe_of(catalog.database, parent.render_key)
    products = render_products(catalog.database, parent.render_key)
    if not products:
        raise RefusedError(f"{parent.id} is not rendered yet", remedy="Run `songline render` first")
    if products["audio"] in pruned_among(catalog.database, [products["audio"]]):
        raise pruned_error(parent.id, "sung again in part")
    passage = Passage(recipe, products, start_s, end_s, parent.language, lyrics)
    # The parent's own seed would start from the same noise.
    seeds_of_takes = [(recipe.seed + 1 + number) % (MAX_SEED + 1) for number in range(seeds)]
    retakes = get_engine(recipe.engine, catalog.settings).retakes(passage, seeds_of_takes)
    for line in retakes.warnings:
        warn(line)
    catalog.ledger.declare_renders(retakes.recipes)
    return retakes


def _make_folder(out: Path) -> None:
    try:
        with users_umask():
            out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}", remedy="Choose another folder") from error


def _take_document(catalog: Catalog, candidate: Candidate, status: WorkStatus, out: Path | None) -> dict[str, Any]:
    """A take as JSON, with the reason where it failed; its audio is written to ``out`` if given."""
    document: dict[str, Any] = {"id": candidate.id, "seed": candidate.seed, "state": status.state}
    if status.state == "failed":
        document["failure"] = status.error
    digest = render_products(catalog.database, candidate.render_key).get("audio")
    if out is not None and digest is not None:
        audio = confined(out, f"{candidate.id}.wav", named_by="the catalog")
        try:
            copy_whole(catalog.store.local(digest), audio, mode=users_file_mode())
        except OSError as error:
            raise MachineError(
                f"{audio} cannot be written: {error.strerror}",
                remedy=remedy_of_writing(error, "Choose another folder"),
            ) from error
        document["audio"] = str(audio)
    return document
