"""Times for the words of a song that has none, where one of its engines sings at the times of the lyrics."""

from __future__ import annotations

import shlex
from pathlib import PurePath

from catalog.album.tempo_and_key import bpm_from_prompt
from catalog.common.errors import InputError
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.timing.times import DEFAULT_BPM, Timed, WordsDoNotFit, time_lyrics
from catalog.manifest.context import ManifestContext
from catalog.manifest.faults import FieldPath
from catalog.manifest.fields import MAX_LENGTH_S
from catalog.manifest.lyrics.read import is_length_bad, names_file
from catalog.manifest.schema import DEFAULT_LANGUAGE, SongFile


def with_times(
    context: ManifestContext,
    field_path: FieldPath,
    song: SongFile,
    lyrics: Lyrics,
    *,
    length_s: float,
    language: str,
) -> tuple[Lyrics, float | None]:
    """The lyrics with times on the bars of the song's tempo, and that tempo as the song's own where none is stated.

    An engine that chooses its tempo would otherwise play other bars than those that the lines lie on.
    """
    diagnostics, path = context.diagnostics, (*field_path, "lyrics")
    stated_bpm = song.bpm or bpm_from_prompt(song.prompt)
    if is_length_bad(diagnostics, field_path) or diagnostics.is_bad((*field_path, "bpm")):
        return lyrics, song.bpm
    bpm = stated_bpm or DEFAULT_BPM
    try:
        timed = time_lyrics(lyrics, bpm=bpm, length_s=length_s, language=language)
    except WordsDoNotFit as error:
        longer_s = next((s for s in (error.usual_s, error.least_s) if s <= MAX_LENGTH_S), None)
        fields = [f"`length_s: {longer_s:g}`"] if longer_s else []
        fields += [f"`bpm: {error.faster_bpm:g}`"] if error.faster_bpm else []
        written = f"Write {' or '.join(fields)}, or shorten" if fields else "Shorten"
        diagnostics.add(path, error.what, f"{written} the words")
        return lyrics, song.bpm
    except InputError as error:
        diagnostics.add(path, error.what, error.remedy)
        return lyrics, song.bpm
    diagnostics.hint(path, _timed_hint(song, timed, language=language, states_tempo=stated_bpm is not None))
    return timed.lyrics, song.bpm if stated_bpm else bpm


def _timed_hint(song: SongFile, timed: Timed, *, language: str, states_tempo: bool) -> str:
    name = (song.lyrics or "").strip("\n")
    is_file = names_file(name)
    file = name if is_file else "words.txt"
    options = f"--bpm {timed.bpm:g} --length {timed.length_s:g}"
    options += "" if language == DEFAULT_LANGUAGE else f" --language {language}"
    out = PurePath(file).with_suffix(".lrc" if PurePath(file).suffix != ".lrc" else ".timed.lrc")
    command = f"songline lyrics time {shlex.quote(file)} {options} --out {shlex.quote(str(out))}"
    tempo = "the song's tempo" if states_tempo else "the song's tempo from now on, as it states none"
    return (
        f"The words have no times. They are timed at {timed.bpm:g} BPM, {tempo}, and end at {timed.sung_until_s:.0f} s "
        f"of {timed.length_s:g}. To edit the times, {'' if is_file else 'put the words into a file and '}run "
        f"`{command}`."
    )
