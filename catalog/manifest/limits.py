"""Limits on the totals of an album: limits per song are not enough where an album may have two thousand songs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from catalog.common.errors import InputError
from catalog.manifest.engines import seed_count
from catalog.manifest.faults import FieldPath
from catalog.manifest.files import MAX_REFERENCE_BYTES, find_file
from catalog.manifest.schema import ManifestFile
from catalog.manifest.validation import Diagnostics

MAX_ALBUM_LYRICS_BYTES = 1024 * 1024
"""Total for all songs, in the manifest and in files: about five hundred songs of ordinary length."""

MAX_REFERENCES = 100
MAX_REFERENCES_BYTES = 1024 * 1024 * 1024
"""Number and total size of the audio files that an album's songs reference: each is digested and inspected."""

MAX_FFMPEG_REFERENCES = 8
"""Number of references that ffmpeg must decode: starting it takes a tenth of a second."""


def check_candidates(diagnostics: Diagnostics, manifest: ManifestFile, *, most: int, default_engine: str) -> None:
    """Report a fault at the song with which the album exceeds ``most`` candidates."""
    total, song_index = 0, None
    for index, song in enumerate(manifest.songs):
        total += seed_count(song, manifest, default_engine)
        if total > most and song_index is None:
            song_index = index
    if song_index is None:
        return
    path: FieldPath = ("songs", song_index, "seeds") if manifest.songs[song_index].seeds else ("songs", song_index)
    problem = f"the album asks for {total} candidates, more than {most}"
    diagnostics.add(path, problem, "Use fewer seeds or songs, or set SONGLINE_MAX_CANDIDATES to allow as many")


def check_lyrics(diagnostics: Diagnostics, manifest: ManifestFile, folder: Path) -> None:
    """Report a fault at the first song whose lyrics exceed the total, and exclude it and later ones from reading."""
    total = 0
    for index, song in enumerate(manifest.songs):
        path: FieldPath = ("songs", index, "lyrics")
        if song.lyrics is None or diagnostics.is_bad(path):
            continue
        previous_total, total = total, total + _lyrics_bytes(song.lyrics, folder)
        if total <= MAX_ALBUM_LYRICS_BYTES:
            continue
        if previous_total <= MAX_ALBUM_LYRICS_BYTES:
            problem = f"the lyrics of the album have more than {MAX_ALBUM_LYRICS_BYTES} bytes up to here"
            diagnostics.add(path, problem, "Divide the album")
        diagnostics.bad.add(path)


def check_references(
    diagnostics: Diagnostics, manifest: ManifestFile, folder: Path, *, needs_ffmpeg: Callable[[Path], bool]
) -> None:
    """Report a fault at the first song whose reference exceeds the total, and exclude it and later ones from
    reading."""
    sizes: dict[str, int] = {}
    decoded_count = 0
    is_over = False
    for index, song in enumerate(manifest.songs):
        path: FieldPath = ("songs", index, "reference")
        if song.reference is None or song.reference in sizes or diagnostics.is_bad(path):
            continue
        sizes[song.reference] = _file_bytes(folder, song.reference)
        decoded_count += len(sizes) <= MAX_REFERENCES and _needs(needs_ffmpeg, folder, song.reference)
        is_many = len(sizes) > MAX_REFERENCES or sum(sizes.values()) > MAX_REFERENCES_BYTES
        if not is_many and decoded_count <= MAX_FFMPEG_REFERENCES:
            continue
        if not is_over and is_many:
            problem = f"the songs have more than {MAX_REFERENCES} references, or {MAX_REFERENCES_BYTES} bytes of them"
            diagnostics.add(path, problem, "Divide the album, or let songs share references")
        elif not is_over:
            problem = f"the songs have more than {MAX_FFMPEG_REFERENCES} references that only ffmpeg decodes"
            diagnostics.add(path, problem, "Give the others as FLAC or WAV files, or let songs share references")
        is_over = True
        diagnostics.bad.add(path)


def _lyrics_bytes(lyrics: str, folder: Path) -> int:
    """Bytes of the lyrics; 0 for a file without accessible size, which is reported when it is read."""
    name = lyrics.strip("\n")
    if "\n" in name:
        return len(lyrics.encode("utf-8", "surrogatepass"))
    return _file_bytes(folder, name)


def _needs(needs_ffmpeg: Callable[[Path], bool], folder: Path, name: str) -> bool:
    """Whether ffmpeg is needed for a file; False for an unusable one, which is reported when it is read."""
    try:
        return needs_ffmpeg(find_file(folder, name, max_bytes=MAX_REFERENCE_BYTES))
    except (InputError, OSError):
        return False


def _file_bytes(folder: Path, name: str) -> int:
    try:
        return (folder / name).stat().st_size
    except (OSError, ValueError):
        return 0
