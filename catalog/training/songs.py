"""The songs of a training's manifest: reads their files, and checks what a training asks of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from catalog.common.errors import InputError, SonglineError
from catalog.common.slugs import slug
from catalog.lyrics.lines import MAX_LYRICS_BYTES, LyricsError
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.reading import is_stamped
from catalog.lyrics.singing_rate import singing_rate_warnings
from catalog.manifest.faults import Fault, FieldPath, SourceLocation
from catalog.manifest.files import find_file, find_reference, find_style, read_file
from catalog.manifest.validation import Diagnostics
from catalog.training.schema import AUDIO_STYLE, TrainingFile, TrainingSongFile
from catalog.training.style import Recording, StyleSong, TrainingVocabulary

MAX_TOTAL_S = 24 * 3600.0
"""Length of all songs together: beyond it, encoding alone takes hours."""

MAX_LYRICS_TOTAL_BYTES = 1024 * 1024
LEAST_SHARE = 4
"""A song lasts at least this part of a crop: shorter ones would be silence for the most part."""

_UNHEARD = Recording(0.0, "")
_LRC_LINE = re.compile(r"\s*\[[0-9]+:[0-9]")


def read_training_songs(
    manifest: TrainingFile, vocabulary: TrainingVocabulary, folder: Path, diagnostics: Diagnostics
) -> tuple[StyleSong, ...]:
    """Every song, in order; faults and warnings are added to the diagnostics."""
    reader = _Reader(manifest, vocabulary, folder, diagnostics)
    songs = tuple(reader.song(index, written) for index, written in enumerate(manifest.songs))
    _check_unique(manifest, songs, diagnostics)
    if sum(song.recording.duration_s for song in songs) > MAX_TOTAL_S:
        hours = MAX_TOTAL_S / 3600
        diagnostics.add(("songs",), f"the songs last more than {hours:.0f} hours together", "Leave some out")
    return songs


@dataclass(slots=True)
class _Reader:
    """Reads one song after another; ``lyrics_bytes`` is the size of all lyrics so far."""

    manifest: TrainingFile
    vocabulary: TrainingVocabulary
    folder: Path
    diagnostics: Diagnostics
    lyrics_bytes: int = 0

    def song(self, index: int, written: TrainingSongFile) -> StyleSong:
        at: FieldPath = ("songs", index)
        audio, audio_digest, recording = self._audio(at, written)
        lyrics = self._lyrics(at, written, length_s=recording.duration_s or None)
        style, style_digest = self._style(at, written, recording)
        return StyleSong(
            name=written.name or slug(Path(written.audio).stem, fallback="song"),
            audio=audio,
            audio_digest=audio_digest,
            recording=recording,
            lyrics=lyrics,
            language=written.language,
            prompt=written.prompt,
            style=style,
            style_digest=style_digest,
        )

    def _audio(self, at: FieldPath, written: TrainingSongFile) -> tuple[Path, str, Recording]:
        path = (*at, "audio")
        if self.diagnostics.is_bad(path):
            return Path(), "", _UNHEARD
        try:
            file, digest = find_reference(self.folder, written.audio)
            recording = self.vocabulary.read_recording(file)
        except SonglineError as error:
            self.diagnostics.add(path, error.what, error.remedy)
            return Path(), "", _UNHEARD
        self._check_length(path, recording)
        for remark in recording.remarks:
            self.diagnostics.warn(path, remark)
        return file, digest, recording

    def _check_length(self, path: FieldPath, recording: Recording) -> None:
        """Report a song that is shorter than a quarter of a crop; warn of one that does not fill a crop."""
        crop_s = self.manifest.training.crop_frames * self.vocabulary.frame_s
        lasts = f"it lasts {recording.duration_s:.1f} s"
        if recording.duration_s < crop_s / LEAST_SHARE:
            problem = f"{lasts}, less than a quarter of the {crop_s:.1f} s that are learned at a time"
            self.diagnostics.add(path, problem, "Use a longer recording, or leave the song out")
        elif recording.duration_s < crop_s:
            message = f"It lasts {recording.duration_s:.1f} s and does not fill the {crop_s:.1f} s learned at a time."
            self.diagnostics.warn(path, f"{message} What is missing is left out of the loss.")

    def _style(self, at: FieldPath, written: TrainingSongFile, recording: Recording) -> tuple[Path | None, str | None]:
        """The file of the style vector, if any; a song has a prompt or a style, and not both."""
        path = (*at, "style")
        is_unknown = any(self.diagnostics.is_bad((*at, name)) for name in ("prompt", "style"))
        if written.prompt and written.style:
            self.diagnostics.add(path, "the song has a prompt and a style", "Remove one of them")
        elif not written.prompt and not written.style and not is_unknown:
            remedy = "Add `prompt`, `style: vector.npy`, or `style: audio` for that of the recording"
            self.diagnostics.add(at, "the song has neither a prompt nor a style", remedy)
        if written.style == AUDIO_STYLE and 0 < recording.duration_s < self.vocabulary.style_s:
            lasts = f"the song has {recording.duration_s:.1f} s"
            problem = f"a style is made from {self.vocabulary.style_s:g} s of audio, and {lasts}"
            self.diagnostics.add(path, problem, "Write a prompt instead")
        if written.style in (None, AUDIO_STYLE) or self.diagnostics.is_bad(path):
            return None, None
        try:
            file, digest = find_style(self.folder, str(written.style))
            self.vocabulary.check_style(file)
        except SonglineError as error:
            self.diagnostics.add(path, error.what, error.remedy)
            return None, None
        return file, digest

    def _lyrics(self, at: FieldPath, written: TrainingSongFile, *, length_s: float | None) -> Lyrics:
        path = (*at, "lyrics")
        if written.lyrics is None or self.diagnostics.is_bad(path):
            return Lyrics(())
        name = written.lyrics.strip("\n")
        file = name if "\n" not in name else None
        try:
            data = written.lyrics.encode() if file is None else self._lyrics_file(file)
            self._count(data)
            if not is_stamped(data):
                remedy = "Put the time at which the recording sings it before every line, such as [00:12.50]"
                raise InputError("the lyrics have no times", remedy=remedy)
            lyrics = parse_lrc(data, length_s=length_s)
        except LyricsError as error:
            for fault in error.faults:
                place = _lyrics_place(self.diagnostics, path, file, fault.line)
                where = "" if file else f"songs[{at[1]}].lyrics"
                self.diagnostics.faults.append(Fault(place, where, fault.what, fault.remedy))
            return Lyrics(())
        except InputError as error:
            self.diagnostics.add(path, error.what, error.remedy)
            return Lyrics(())
        if length_s is not None:
            for line, message in singing_rate_warnings(lyrics, length_s=length_s, language=written.language):
                self.diagnostics.warn(path, message, at=_lyrics_place(self.diagnostics, path, file, line))
        return lyrics

    def _lyrics_file(self, name: str) -> bytes:
        if _LRC_LINE.match(name):
            remedy = "Put the lyrics into a file, or write more than one line after |"
            raise InputError("lyrics of one line are read as the name of a file", remedy=remedy)
        return read_file(find_file(self.folder, name, max_bytes=MAX_LYRICS_BYTES), name)

    def _count(self, data: bytes) -> None:
        self.lyrics_bytes += len(data)
        if self.lyrics_bytes > MAX_LYRICS_TOTAL_BYTES:
            problem = f"the lyrics of all songs up to here have more than {MAX_LYRICS_TOTAL_BYTES} bytes"
            raise InputError(problem, remedy="Leave songs out")


def _lyrics_place(diagnostics: Diagnostics, path: FieldPath, file: str | None, line: int) -> SourceLocation:
    """The location of a line of lyrics: in its file, or in the manifest after the ``|`` that begins the text."""
    if file is not None:
        return SourceLocation(file, line, order=int(path[1]) + 1)
    spot = diagnostics.source.spot(path)
    return SourceLocation(diagnostics.source.name, spot.line + line if spot.block else spot.line)


def _check_unique(manifest: TrainingFile, songs: tuple[StyleSong, ...], diagnostics: Diagnostics) -> None:
    """Report songs with the same name (ignoring case), and recordings with the same samples."""
    first_names: dict[str, int] = {}
    first_samples: dict[str, int] = {}
    for index, (song, written) in enumerate(zip(songs, manifest.songs, strict=True)):
        path: FieldPath = ("songs", index)
        name_field = "name" if written.name else "audio"
        first = first_names.setdefault(song.name.lower(), index)
        if first != index and not diagnostics.is_bad((*path, name_field)):
            problem = f"the name {song.name!r} is also that of songs[{first}]"
            diagnostics.add((*path, name_field), problem, "Give one of them another `name`")
        if samples := song.recording.sample_digest:
            first = first_samples.setdefault(samples, index)
            if first != index:
                problem = f"it holds the same samples as songs[{first}].audio"
                diagnostics.add((*path, "audio"), problem, "Remove one of them")
