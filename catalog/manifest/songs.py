"""The songs of a manifest: defaults filled in, files read, names and sums checked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath

from pydantic import ValidationError

from catalog.album.album import Song, passed_on_from
from catalog.album.lyrics import MAX_LYRICS_BYTES, Lyrics, LyricsError, parse_lrc, singing_rate_warnings
from catalog.album.notices import Remark
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, tonic_and_mode
from catalog.common.digests import Json
from catalog.common.errors import InputError
from catalog.common.slugs import slug
from catalog.common.text import did_you_mean
from catalog.manifest.context import Setting
from catalog.manifest.deliverables import check_deliverables, deliverables_of
from catalog.manifest.faults import Fault, Path, Place
from catalog.manifest.fields import MAX_SEED
from catalog.manifest.files import find_file, find_reference, find_style, read_file
from catalog.manifest.limits import check_candidates, check_lyrics, check_references
from catalog.manifest.schema import DEFAULT_LENGTH_S, DEFAULT_SEEDS, SeedRange, SongFile
from catalog.manifest.validation import Desk, check

DEFAULT_LANGUAGE = "en"
BPM_TOLERANCE = 0.5
_DEFAULTS: Path = ("defaults",)
_LRC_LINE = re.compile(r"\s*\[[0-9]+:[0-9]")


def read_songs(setting: Setting) -> tuple[Song, ...]:
    """Every song, in order; what is wrong is noted at the desk."""
    _check_default_settings(setting)
    for at in (_DEFAULTS, *(("songs", index) for index in range(len(setting.manifest.songs)))):
        _check_twice(setting.desk, (*at, "seeds"))
    check_candidates(setting.desk, setting.manifest, most=setting.vocabulary.max_candidates)
    check_lyrics(setting.desk, setting.manifest, setting.folder)
    check_references(setting.desk, setting.manifest, setting.folder, needs_ffmpeg=setting.vocabulary.needs_ffmpeg)
    songs = tuple(_read_song(setting, index, song) for index, song in enumerate(setting.manifest.songs))
    _check_unique(setting, songs)
    return songs


def _read_song(setting: Setting, index: int, written: SongFile) -> Song:
    at: Path = ("songs", index)
    faults_before = len(setting.desk.faults)
    defaults = setting.manifest.defaults
    length_s = written.length_s or defaults.length_s or DEFAULT_LENGTH_S
    language = written.language or defaults.language or DEFAULT_LANGUAGE
    engine = _engine(setting, at, written)
    reference, reference_digest = _given_file(setting, (*at, "reference"), written.reference, find_reference)
    style, style_digest = _given_file(setting, (*at, "style"), written.style, find_style)
    _check_prompt(setting.desk, at, written)
    faults_of_others = len(setting.desk.faults)
    lyrics = _lyrics(setting, at, written, length_s=length_s, language=language)
    # Lyrics that cannot be read are no sign of a song without words.
    is_unread = len(setting.desk.faults) > faults_of_others or setting.desk.is_bad((*at, "lyrics"))
    check_deliverables(setting.desk, at, written.deliverables, setting.vocabulary)
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
        settings=_settings(setting, at, written, engine),
        seeds=_seeds(setting, at, written),
        writers=tuple(written.writers),
        isrc=written.isrc,
        style=style,
        style_digest=style_digest,
        explicit=written.explicit,
        credits=tuple((credit.role, credit.name) for credit in written.credits),
        fade_out_s=written.fade_out_s,
        gap_s=written.gap_s or 0.0,
        deliverables=deliverables_of(setting, at, written, is_sung=bool(lyrics.sung) or is_unread),
        **passed_on_from(dict(written)),
    )
    if len(setting.desk.faults) == faults_before and not any(
        setting.desk.is_bad((*at, name)) for name in SongFile.model_fields
    ):
        for remark in setting.vocabulary.remarks(song, setting.manifest):
            _note(setting, at, written, remark)
    return song


def _engine(setting: Setting, at: Path, written: SongFile) -> str:
    """The song's engine; one that is not known is told where it was named."""
    path = (*at, "engine") if written.engine else (*_DEFAULTS, "engine")
    name = written.engine or _default_engine(setting)
    known = setting.vocabulary.engines
    if name not in known:
        setting.desk.add(path, f"there is no engine {name!r}", did_you_mean(name, known))
    return name


def _default_engine(setting: Setting) -> str:
    return setting.manifest.defaults.engine or setting.vocabulary.default_engine


def _check_default_settings(setting: Setting) -> None:
    """The defaults' settings must suit the default engine even where no song takes them."""
    model = setting.vocabulary.engines.get(_default_engine(setting))
    if model is None:
        return
    try:
        check(model, setting.manifest.defaults.settings)
    except ValidationError as error:
        errors = [each for each in error.errors(include_url=False) if each["type"] != "missing"]
        for each in errors:
            each["loc"] = (*_DEFAULTS, "settings", *each["loc"])
        setting.desk.add_errors(errors, known=model.model_fields)


def _settings(setting: Setting, at: Path, written: SongFile, engine: str) -> dict[str, Json]:
    """The engine's settings with every default of its own; the defaults' reach the songs that use the same engine."""
    model = setting.vocabulary.engines.get(engine)
    if model is None:
        return {}
    shared = setting.manifest.defaults.settings if engine == _default_engine(setting) else {}
    try:
        return check(model, {**shared, **written.settings}).model_dump(mode="json")
    except ValidationError as error:
        errors = error.errors(include_url=False)
    for each in errors:
        is_shared = bool(each["loc"]) and each["loc"][0] in shared and each["loc"][0] not in written.settings
        each["loc"] = (*(_DEFAULTS if is_shared else at), "settings", *each["loc"])
    setting.desk.add_errors(errors, known=model.model_fields)
    return {}


def _seeds(setting: Setting, at: Path, written: SongFile) -> tuple[int, ...]:
    """The song's seeds, else the defaults'."""
    given = written.seeds or setting.manifest.defaults.seeds
    path = (*(at if written.seeds else _DEFAULTS), "seeds")
    if given is None:
        seeds: tuple[int, ...] = DEFAULT_SEEDS
    elif isinstance(given, SeedRange):
        seeds = tuple(range(given.start, given.start + given.count))
        if seeds[-1] > MAX_SEED:
            setting.desk.add(path, f"the last seed would be {seeds[-1]}, above {MAX_SEED}", "Start lower")
    else:
        seeds = tuple(given)
    wanted = setting.manifest.selection.min_candidates
    if len(seeds) < wanted:
        message = f"{len(seeds)} seeds give fewer candidates than selection.min_candidates asks for ({wanted})."
        setting.desk.warn(path if given else at, f"{message} Add seeds or lower it.")
    return seeds


def _check_twice(desk: Desk, path: Path) -> None:
    """No seed may stand twice, as written: a list with other faults is looked through too."""
    seen: set[int] = set()
    for index, seed in enumerate(desk.source.list_at(path)):
        if isinstance(seed, int) and not isinstance(seed, bool):
            if seed in seen:
                desk.add(path, f"{seed} stands twice", "Remove one of them", at=desk.place((*path, index)))
            seen.add(seed)


def _given_file(
    setting: Setting, path: Path, name: str | None, find: Callable[[FilePath, str], tuple[FilePath, str]]
) -> tuple[FilePath | None, str | None]:
    """A file that the song names, and its digest."""
    if name is None or setting.desk.is_bad(path):
        return None, None
    try:
        return find(setting.folder, name)
    except InputError as error:
        setting.desk.add(path, error.what, error.remedy)
        return None, None


def _note(setting: Setting, at: Path, written: SongFile, remark: Remark) -> None:
    """Put what a plug-in said where it belongs: at the field, or at the line of the lyrics."""
    path: Path = (*at, *remark.field.split("."))
    place = None
    if remark.line is not None and written.lyrics is not None:
        is_file = "\n" not in written.lyrics.strip("\n")
        place = _lyrics_place(setting.desk, path, written.lyrics if is_file else None, remark.line)
    if remark.kind == "fault":
        setting.desk.add(path, remark.message, remark.remedy, at=place)
    elif remark.kind == "warning":
        setting.desk.warn(path, remark.message, at=place)
    else:
        setting.desk.hint(path, remark.message)


def _check_prompt(desk: Desk, at: Path, written: SongFile) -> None:
    """A song needs something to be made after, and should not contradict itself."""
    names = ("prompt", "reference", "style")
    if not any(getattr(written, name) or desk.is_bad((*at, name)) for name in names):
        desk.add(at, "the song has neither a prompt nor a reference", "Add a prompt that says how it should sound")
    bpm, key = bpm_from_prompt(written.prompt), key_from_prompt(written.prompt)
    if bpm and written.bpm and abs(bpm - written.bpm) > BPM_TOLERANCE:
        desk.warn((*at, "bpm"), f"The prompt says {bpm:g} BPM and bpm says {written.bpm:g}. The field counts.")
    if key and written.key and tonic_and_mode(key) != tonic_and_mode(written.key):
        desk.warn((*at, "key"), f"The prompt says {key} and key says {written.key}. The field counts.")


def _lyrics(setting: Setting, at: Path, song: SongFile, *, length_s: float, language: str) -> Lyrics:
    """Lyrics from the file or the text that is written, none for a song without words; faults and warnings stand at
    their own lines."""
    path = (*at, "lyrics")
    desk, written = setting.desk, song.lyrics
    if desk.is_bad(path):
        return Lyrics(())
    if written is None:
        if song.instrumental is False:
            desk.add(at, "`instrumental` is false and the song has no lyrics", "Add `lyrics`, or leave both out")
        return Lyrics(())
    bounds = ((*at, "length_s"), (*_DEFAULTS, "length_s"))
    limit_s = None if any(desk.is_bad(bound) for bound in bounds) else length_s
    is_file = "\n" not in written.strip("\n")
    try:
        data: bytes | str = _lyrics_file(setting, written.strip("\n")) if is_file else written
        lyrics = parse_lrc(data, length_s=limit_s)
    except LyricsError as error:
        for fault in error.faults:
            place = _lyrics_place(desk, path, written if is_file else None, fault.line)
            desk.faults.append(Fault(place, "" if is_file else f"songs[{at[1]}].lyrics", fault.what, fault.remedy))
        return Lyrics(())
    except InputError as error:
        desk.add(path, error.what, error.remedy)
        return Lyrics(())
    if song.instrumental and lyrics.sung:
        desk.add((*at, "instrumental"), "the song has lyrics, so it is not instrumental", "Remove one of them")
    for line, message in singing_rate_warnings(lyrics, length_s=length_s, language=language):
        desk.warn(path, message, at=_lyrics_place(desk, path, written if is_file else None, line))
    return lyrics


def _lyrics_file(setting: Setting, name: str) -> bytes:
    if _LRC_LINE.match(name):
        remedy = "Put the lyrics into a file, or write more than one line after |"
        raise InputError("lyrics of one line are read as the name of a file", remedy=remedy)
    return read_file(find_file(setting.folder, name, max_bytes=MAX_LYRICS_BYTES), name)


def _lyrics_place(desk: Desk, path: Path, file: str | None, line: int) -> Place:
    """Where a line of lyrics stands: in its file, or in the manifest after the bar that begins it."""
    if file is not None:
        return Place(file.strip("\n"), line, order=int(path[1]) + 1)
    spot = desk.source.spot(path)
    return Place(desk.source.name, spot.line + line if spot.block else spot.line)


def _check_unique(setting: Setting, songs: Sequence[Song]) -> None:
    """No two songs of one id (whatever the case of its letters) or one ISRC."""
    desk = setting.desk
    first_ids: dict[str, int] = {}
    isrcs = Counter[str]()
    for index, (song, written) in enumerate(zip(songs, setting.manifest.songs, strict=True)):
        at: Path = ("songs", index)
        name = "id" if written.id else "title"
        first = first_ids.setdefault(song.id.lower(), index)
        if first != index and not desk.is_bad((*at, name)):
            desk.add((*at, name), f"the id {song.id!r} is also that of songs[{first}]", "Give one of them another id")
        if song.isrc and isrcs[song.isrc]:
            desk.add((*at, "isrc"), f"{song.isrc} stands twice", "Give each recording its own")
        isrcs[song.isrc or ""] += 1
