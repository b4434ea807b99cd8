"""The songs of a manifest: fills in defaults, reads files, checks names and totals."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath

from pydantic import ValidationError

from catalog.album.album import Song, passed_on_from
from catalog.album.lyrics import MAX_LYRICS_BYTES, Lyrics, LyricsError, parse_lrc, singing_rate_warnings
from catalog.album.notices import Notice
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, tonic_and_mode
from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.slugs import slug
from catalog.common.text import did_you_mean
from catalog.manifest.context import ManifestContext
from catalog.manifest.deliverables import check_deliverables, deliverables_of
from catalog.manifest.faults import Fault, FieldPath, SourceLocation
from catalog.manifest.fields import MAX_SEED
from catalog.manifest.files import find_file, find_reference, find_style, read_file
from catalog.manifest.limits import check_candidates, check_lyrics, check_references
from catalog.manifest.schema import DEFAULT_LENGTH_S, DEFAULT_SEEDS, SeedRange, SongFile
from catalog.manifest.validation import Diagnostics, check

DEFAULT_LANGUAGE = "en"
BPM_TOLERANCE = 0.5
_DEFAULTS: FieldPath = ("defaults",)
_LRC_LINE = re.compile(r"\s*\[[0-9]+:[0-9]")


def read_songs(setting: ManifestContext) -> tuple[Song, ...]:
    """Every song, in order; faults are added to the diagnostics."""
    _check_default_settings(setting)
    for path in (_DEFAULTS, *(("songs", index) for index in range(len(setting.manifest.songs)))):
        _check_twice(setting.diagnostics, (*path, "seeds"))
    check_candidates(setting.diagnostics, setting.manifest, most=setting.vocabulary.max_candidates)
    check_lyrics(setting.diagnostics, setting.manifest, setting.folder)
    check_references(
        setting.diagnostics, setting.manifest, setting.folder, needs_ffmpeg=setting.vocabulary.needs_ffmpeg
    )
    songs = tuple(_read_song(setting, index, song) for index, song in enumerate(setting.manifest.songs))
    _check_unique(setting, songs)
    return songs


def _read_song(setting: ManifestContext, index: int, written: SongFile) -> Song:
    path: FieldPath = ("songs", index)
    faults_before = len(setting.diagnostics.faults)
    defaults = setting.manifest.defaults
    length_s = written.length_s or defaults.length_s or DEFAULT_LENGTH_S
    language = written.language or defaults.language or DEFAULT_LANGUAGE
    engine = _engine(setting, path, written)
    reference, reference_digest = _given_file(setting, (*path, "reference"), written.reference, find_reference)
    style, style_digest = _given_file(setting, (*path, "style"), written.style, find_style)
    _check_prompt(setting.diagnostics, path, written)
    faults_of_others = len(setting.diagnostics.faults)
    lyrics = _lyrics(setting, path, written, length_s=length_s, language=language)
    # Unreadable lyrics do not mean a song without words.
    is_unread = len(setting.diagnostics.faults) > faults_of_others or setting.diagnostics.is_bad((*path, "lyrics"))
    check_deliverables(setting.diagnostics, path, written.deliverables, setting.vocabulary)
    song = Song(
        id=written.id or slug(written.title, fallback="song"),
        position=index + 1,
        title=written.title,
        artist=setting.manifest.album.artist,
        lyrics=lyrics,
        prompt=written.prompt,
        reference=reference,
        reference_digest=reference_digest,
        bpm=written.bpm,
        key=written.key,
        language=language,
        length_s=length_s,
        engine=engine,
        settings=_settings(setting, path, written, engine),
        seeds=_seeds(setting, path, written),
        writers=tuple(written.writers),
        isrc=written.isrc,
        style=style,
        style_digest=style_digest,
        explicit=written.explicit,
        credits=tuple((credit.role, credit.name) for credit in written.credits),
        fade_out_s=written.fade_out_s,
        gap_s=written.gap_s or 0.0,
        deliverables=deliverables_of(setting, path, written, is_sung=bool(lyrics.sung) or is_unread),
        **passed_on_from(dict(written)),
    )
    if len(setting.diagnostics.faults) == faults_before and not any(
        setting.diagnostics.is_bad((*path, name)) for name in SongFile.model_fields
    ):
        for notice in setting.vocabulary.notices(song, setting.manifest):
            _note(setting, path, written, notice)
    return song


def _engine(setting: ManifestContext, at: FieldPath, written: SongFile) -> str:
    """The song's engine; an unknown one is reported where it was named."""
    path = (*at, "engine") if written.engine else (*_DEFAULTS, "engine")
    name = written.engine or _default_engine(setting)
    engines = setting.vocabulary.engines
    if name not in engines:
        setting.diagnostics.add(path, f"there is no engine {name!r}", did_you_mean(name, engines))
    return name


def _default_engine(setting: ManifestContext) -> str:
    return setting.manifest.defaults.engine or setting.vocabulary.default_engine


def _check_default_settings(setting: ManifestContext) -> None:
    """Checks the defaults' settings against the default engine, even where no song uses them."""
    model = setting.vocabulary.engines.get(_default_engine(setting))
    if model is None:
        return
    try:
        check(model, setting.manifest.defaults.settings)
    except ValidationError as error:
        errors = [detail for detail in error.errors(include_url=False) if detail["type"] != "missing"]
        for detail in errors:
            detail["loc"] = (*_DEFAULTS, "settings", *detail["loc"])
        setting.diagnostics.add_errors(errors, known=model.model_fields)


def _settings(setting: ManifestContext, at: FieldPath, written: SongFile, engine: str) -> dict[str, Json]:
    """The engine's settings with all its defaults; the defaults' settings apply to songs that use the same engine."""
    model = setting.vocabulary.engines.get(engine)
    if model is None:
        return {}
    default_settings = setting.manifest.defaults.settings if engine == _default_engine(setting) else {}
    try:
        return check(model, {**default_settings, **written.settings}).model_dump(mode="json")
    except ValidationError as error:
        errors = error.errors(include_url=False)
    for detail in errors:
        is_shared = (
            bool(detail["loc"]) and detail["loc"][0] in default_settings and detail["loc"][0] not in written.settings
        )
        detail["loc"] = (*(_DEFAULTS if is_shared else at), "settings", *detail["loc"])
    setting.diagnostics.add_errors(errors, known=model.model_fields)
    return {}


def _seeds(setting: ManifestContext, at: FieldPath, written: SongFile) -> tuple[int, ...]:
    """The song's seeds, else the defaults'."""
    requested_seeds = written.seeds or setting.manifest.defaults.seeds
    path = (*(at if written.seeds else _DEFAULTS), "seeds")
    if requested_seeds is None:
        seeds: tuple[int, ...] = DEFAULT_SEEDS
    elif isinstance(requested_seeds, SeedRange):
        seeds = tuple(range(requested_seeds.start, requested_seeds.start + requested_seeds.count))
        if seeds[-1] > MAX_SEED:
            setting.diagnostics.add(path, f"the last seed would be {seeds[-1]}, above {MAX_SEED}", "Start lower")
    else:
        seeds = tuple(requested_seeds)
    minimum = setting.manifest.selection.min_candidates
    if len(seeds) < minimum:
        message = f"{len(seeds)} seeds give fewer candidates than selection.min_candidates asks for ({minimum})."
        setting.diagnostics.warn(path if requested_seeds else at, f"{message} Add seeds or lower it.")
    return seeds


def _check_twice(diagnostics: Diagnostics, path: FieldPath) -> None:
    """Reports repeated seeds, as written, even in a list with other faults."""
    seen_seeds: set[int] = set()
    for index, seed in enumerate(diagnostics.source.list_at(path)):
        if isinstance(seed, int) and not isinstance(seed, bool):
            if seed in seen_seeds:
                diagnostics.add(
                    path, f"{seed} stands twice", "Remove one of them", at=diagnostics.place((*path, index))
                )
            seen_seeds.add(seed)


def _given_file(
    setting: ManifestContext, path: FieldPath, name: str | None, find: Callable[[FilePath, str], tuple[FilePath, str]]
) -> tuple[FilePath | None, str | None]:
    """A file that the song names, and its digest."""
    if name is None or setting.diagnostics.is_bad(path):
        return None, None
    try:
        return find(setting.folder, name)
    except InputError as error:
        setting.diagnostics.add(path, error.what, error.remedy)
        return None, None


def _note(setting: ManifestContext, at: FieldPath, written: SongFile, notice: Notice) -> None:
    """Add a plug-in's notice to the diagnostics: at the field, or at the line of the lyrics."""
    path: FieldPath = (*at, *notice.field.split("."))
    place = None
    if notice.line is not None and written.lyrics is not None:
        is_file = "\n" not in written.lyrics.strip("\n")
        place = _lyrics_place(setting.diagnostics, path, written.lyrics if is_file else None, notice.line)
    if notice.kind == "fault":
        setting.diagnostics.add(path, notice.message, notice.remedy, at=place)
    elif notice.kind == "warning":
        setting.diagnostics.warn(path, notice.message, at=place)
    else:
        setting.diagnostics.hint(path, notice.message)


def _check_prompt(diagnostics: Diagnostics, at: FieldPath, written: SongFile) -> None:
    """Checks that a song has a prompt, a reference or a style, and does not contradict itself."""
    names = ("prompt", "reference", "style")
    if not any(getattr(written, name) or diagnostics.is_bad((*at, name)) for name in names):
        diagnostics.add(
            at, "the song has neither a prompt nor a reference", "Add a prompt that says how it should sound"
        )
    bpm, key = bpm_from_prompt(written.prompt), key_from_prompt(written.prompt)
    if bpm and written.bpm and abs(bpm - written.bpm) > BPM_TOLERANCE:
        diagnostics.warn((*at, "bpm"), f"The prompt says {bpm:g} BPM and bpm says {written.bpm:g}. The field counts.")
    if key and written.key and tonic_and_mode(key) != tonic_and_mode(written.key):
        diagnostics.warn((*at, "key"), f"The prompt says {key} and key says {written.key}. The field counts.")


def _lyrics(setting: ManifestContext, at: FieldPath, song: SongFile, *, length_s: float, language: str) -> Lyrics:
    """Lyrics from a file or from inline text, none for a song without words; faults and warnings have their own
    lines."""
    path = (*at, "lyrics")
    diagnostics, lyrics_field = setting.diagnostics, song.lyrics
    if diagnostics.is_bad(path):
        return Lyrics(())
    if lyrics_field is None:
        if song.instrumental is False:
            diagnostics.add(at, "`instrumental` is false and the song has no lyrics", "Add `lyrics`, or leave both out")
        return Lyrics(())
    bounds = ((*at, "length_s"), (*_DEFAULTS, "length_s"))
    limit_s = None if any(diagnostics.is_bad(bound) for bound in bounds) else length_s
    is_file = "\n" not in lyrics_field.strip("\n")
    try:
        data: bytes | str = _lyrics_file(setting, lyrics_field.strip("\n")) if is_file else lyrics_field
        lyrics = parse_lrc(data, length_s=limit_s)
    except LyricsError as error:
        for fault in error.faults:
            place = _lyrics_place(diagnostics, path, lyrics_field if is_file else None, fault.line)
            diagnostics.faults.append(
                Fault(place, "" if is_file else f"songs[{at[1]}].lyrics", fault.what, fault.remedy)
            )
        return Lyrics(())
    except InputError as error:
        diagnostics.add(path, error.what, error.remedy)
        return Lyrics(())
    if song.instrumental and lyrics.sung:
        diagnostics.add((*at, "instrumental"), "the song has lyrics, so it is not instrumental", "Remove one of them")
    for line, message in singing_rate_warnings(lyrics, length_s=length_s, language=language):
        diagnostics.warn(path, message, at=_lyrics_place(diagnostics, path, lyrics_field if is_file else None, line))
    return lyrics


def _lyrics_file(setting: ManifestContext, name: str) -> bytes:
    if _LRC_LINE.match(name):
        remedy = "Put the lyrics into a file, or write more than one line after |"
        raise InputError("lyrics of one line are read as the name of a file", remedy=remedy)
    return read_file(find_file(setting.folder, name, max_bytes=MAX_LYRICS_BYTES), name)


def _lyrics_place(diagnostics: Diagnostics, path: FieldPath, file: str | None, line: int) -> SourceLocation:
    """The location of a line of lyrics: in its file, or in the manifest after the ``|`` that begins the text."""
    if file is not None:
        return SourceLocation(file.strip("\n"), line, order=int(path[1]) + 1)
    spot = diagnostics.source.spot(path)
    return SourceLocation(diagnostics.source.name, spot.line + line if spot.block else spot.line)


def _check_unique(setting: ManifestContext, songs: Sequence[Song]) -> None:
    """Reports songs with the same id (ignoring case) or the same ISRC."""
    diagnostics = setting.diagnostics
    first_ids: dict[str, int] = {}
    isrcs = Counter[str]()
    for index, (song, song_file) in enumerate(zip(songs, setting.manifest.songs, strict=True)):
        path: FieldPath = ("songs", index)
        name = "id" if song_file.id else "title"
        first_index = first_ids.setdefault(song.id.lower(), index)
        if first_index != index and not diagnostics.is_bad((*path, name)):
            diagnostics.add(
                (*path, name), f"the id {song.id!r} is also that of songs[{first_index}]", "Give one of them another id"
            )
        if song.isrc and isrcs[song.isrc]:
            diagnostics.add((*path, "isrc"), f"{song.isrc} stands twice", "Give each recording its own")
        isrcs[song.isrc or ""] += 1
