"""The songs of a manifest: fills in defaults, reads files, checks names and totals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path as FilePath

from catalog.album.album import Song, passed_on_from
from catalog.album.notices import Notice
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, tonic_and_mode
from catalog.common.errors import InputError
from catalog.common.slugs import slug
from catalog.manifest.context import ManifestContext
from catalog.manifest.deliverables import check_deliverables, deliverables_of
from catalog.manifest.engines import check_defaults, engines_of
from catalog.manifest.faults import FieldPath
from catalog.manifest.files import find_reference, find_style
from catalog.manifest.limits import check_candidates, check_lyrics, check_references
from catalog.manifest.lyrics.read import lyrics_place, names_file, read_song_lyrics, warn_of_lines
from catalog.manifest.lyrics.times import with_times
from catalog.manifest.schema import DEFAULT_LANGUAGE, DEFAULT_LENGTH_S, SongFile
from catalog.manifest.validation import Diagnostics

BPM_TOLERANCE = 0.5
_DEFAULTS: FieldPath = ("defaults",)


def read_songs(context: ManifestContext) -> tuple[Song, ...]:
    """Every song, in order; faults are added to the diagnostics."""
    check_defaults(context)
    check_candidates(
        context.diagnostics,
        context.manifest,
        most=context.vocabulary.max_candidates,
        default_engine=context.vocabulary.default_engine,
    )
    check_lyrics(context.diagnostics, context.manifest, context.folder)
    check_references(
        context.diagnostics, context.manifest, context.folder, needs_ffmpeg=context.vocabulary.needs_ffmpeg
    )
    songs = tuple(_read_song(context, index, song) for index, song in enumerate(context.manifest.songs))
    _check_unique(context, songs)
    return songs


def _read_song(context: ManifestContext, index: int, song_file: SongFile) -> Song:
    path: FieldPath = ("songs", index)
    faults_before = len(context.diagnostics.faults)
    defaults = context.manifest.defaults
    length_s = song_file.length_s or defaults.length_s or DEFAULT_LENGTH_S
    language = song_file.language or defaults.language or DEFAULT_LANGUAGE
    engines = first_engine, *other_engines = engines_of(context, path, song_file)
    reference, reference_digest = _given_file(context, (*path, "reference"), song_file.reference, find_reference)
    style, style_digest = _given_file(context, (*path, "style"), song_file.style, find_style)
    _check_prompt(context.diagnostics, path, song_file)
    faults_of_others = len(context.diagnostics.faults)
    words = lyrics = read_song_lyrics(context, path, song_file, length_s=length_s)
    bpm = song_file.bpm
    if not words.timed and any(choice.keeps_times for choice in engines):
        lyrics, bpm = with_times(context, path, song_file, words, length_s=length_s, language=language)
    warn_of_lines(context, path, song_file, lyrics, length_s=length_s, language=language)
    # Unreadable lyrics do not mean a song without words.
    is_unread = len(context.diagnostics.faults) > faults_of_others or context.diagnostics.is_bad((*path, "lyrics"))
    check_deliverables(context.diagnostics, path, song_file.deliverables, context.vocabulary)
    song = Song(
        id=song_file.id or slug(song_file.title, fallback="song"),
        position=index + 1,
        title=song_file.title,
        artist=context.manifest.album.artist,
        lyrics=lyrics,
        prompt=song_file.prompt,
        reference=reference,
        reference_digest=reference_digest,
        bpm=bpm,
        key=song_file.key,
        language=language,
        length_s=length_s,
        engine=first_engine.engine,
        settings=first_engine.settings,
        seeds=first_engine.seeds,
        keeps_times=first_engine.keeps_times,
        other_engines=tuple(other_engines),
        words=words if lyrics.timed and not words.timed and not all(each.keeps_times for each in engines) else None,
        writers=tuple(song_file.writers),
        isrc=song_file.isrc,
        style=style,
        style_digest=style_digest,
        explicit=song_file.explicit,
        credits=tuple((credit.role, credit.name) for credit in song_file.credits),
        fade_out_s=song_file.fade_out_s,
        gap_s=song_file.gap_s or 0.0,
        deliverables=deliverables_of(context, path, song_file, is_sung=bool(lyrics.sung) or is_unread),
        **passed_on_from(dict(song_file)),
    )
    if len(context.diagnostics.faults) == faults_before and not any(
        context.diagnostics.is_bad((*path, name)) for name in SongFile.model_fields
    ):
        for notice in context.vocabulary.notices(song, context.manifest):
            _note(context, path, song_file, notice)
    return song


def _given_file(
    context: ManifestContext, path: FieldPath, name: str | None, finder: Callable[[FilePath, str], tuple[FilePath, str]]
) -> tuple[FilePath | None, str | None]:
    """A file that the song names, and its digest."""
    if name is None or context.diagnostics.is_bad(path):
        return None, None
    try:
        return finder(context.folder, name)
    except InputError as error:
        context.diagnostics.add(path, error.what, error.remedy)
        return None, None


def _note(context: ManifestContext, field_path: FieldPath, song_file: SongFile, notice: Notice) -> None:
    """Add a plug-in's notice to the diagnostics: at the field, or at the line of the lyrics."""
    path: FieldPath = (*field_path, *notice.field.split("."))
    place = None
    if notice.line is not None and song_file.lyrics is not None:
        file = song_file.lyrics if names_file(song_file.lyrics) else None
        place = lyrics_place(context.diagnostics, path, file, notice.line)
    if notice.kind == "fault":
        context.diagnostics.add(path, notice.message, notice.remedy, at=place)
    elif notice.kind == "warning":
        context.diagnostics.warn(path, notice.message, at=place)
    else:
        context.diagnostics.hint(path, notice.message)


def _check_prompt(diagnostics: Diagnostics, field_path: FieldPath, song_file: SongFile) -> None:
    """Checks that a song has a prompt, a reference or a style, and does not contradict itself."""
    names = ("prompt", "reference", "style")
    if not any(getattr(song_file, name) or diagnostics.is_bad((*field_path, name)) for name in names):
        diagnostics.add(
            field_path, "the song has neither a prompt nor a reference", "Add a prompt that says how it should sound"
        )
    bpm, key = bpm_from_prompt(song_file.prompt), key_from_prompt(song_file.prompt)
    if bpm and song_file.bpm and abs(bpm - song_file.bpm) > BPM_TOLERANCE:
        diagnostics.warn(
            (*field_path, "bpm"), f"The prompt says {bpm:g} BPM and bpm says {song_file.bpm:g}. The field counts."
        )
    if key and song_file.key and tonic_and_mode(key) != tonic_and_mode(song_file.key):
        diagnostics.warn((*field_path, "key"), f"The prompt says {key} and key says {song_file.key}. The field counts.")


def _check_unique(context: ManifestContext, songs: Sequence[Song]) -> None:
    """Reports songs with the same id (ignoring case) or the same ISRC."""
    diagnostics = context.diagnostics
    first_ids: dict[str, int] = {}
    isrcs = Counter[str]()
    for index, (song, song_file) in enumerate(zip(songs, context.manifest.songs, strict=True)):
        path: FieldPath = ("songs", index)
        name = "id" if song_file.id else "title"
        first_index = first_ids.setdefault(song.id.lower(), index)
        if first_index != index and not diagnostics.is_bad((*path, name)):
            diagnostics.add(
                (*path, name), f"the id {song.id!r} is also that of songs[{first_index}]", "Give one of them another id"
            )
        if song.isrc and isrcs[song.isrc]:
            diagnostics.add((*path, "isrc"), f"{song.isrc} occurs twice", "Give each recording its own")
        isrcs[song.isrc or ""] += 1
