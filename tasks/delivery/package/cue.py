"""The cue sheet of an album with one file per track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.delivery.tags.text import one_line

FRAMES_PER_S = 75
"""Sectors of a compact disc per second (IEC 60908), the time unit of cue sheets."""

MAX_CUE_TRACK = 99
"""The highest track number (IEC 60908)."""

MAX_TEXT_CHARACTERS = 80
"""The length of a title or performer that CD-Text programs read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CueTrack:
    """One track; ``path`` is its file relative to the sheet, with forward slashes, ``gap_s`` the silence after it."""

    position: int
    title: str
    performer: str
    path: str
    duration_s: float
    writers: tuple[str, ...] = ()
    isrc: str | None = None
    gap_s: float = 0.0


def cue_sheet(
    *,
    title: str,
    performer: str,
    tracks: Sequence[CueTrack],
    year: int | None = None,
    genre: str | None = None,
    upc: str | None = None,
) -> str:
    """The sheet's text, with CR LF line ends; to be written as UTF-8.

    Each track begins its own file, so that its INDEX 01 is zero; a REM states where it begins on the album and its
    length. A PREGAP is the silence before a track that is in no file.
    """
    lines = [f"REM GENRE {_quoted(genre)}"] if genre else []
    lines += [f"REM DATE {year}"] if year is not None else []
    lines += [f"CATALOG {upc.zfill(13)}"] if upc else []
    lines += [f"PERFORMER {_quoted(performer)}", f"TITLE {_quoted(title)}"]
    start_s, pregap_s = 0.0, 0.0
    for track in tracks:
        lines += _track(track, start_s, pregap_s)
        start_s, pregap_s = start_s + track.duration_s + track.gap_s, track.gap_s
    return "".join(f"{line}\r\n" for line in lines)


def cue_time(seconds: float) -> str:
    """A time as MM:SS:FF, in whole frames of 1/75 s, to the nearest; minutes may pass 99. Raises ValueError below 0."""
    if seconds < 0:
        raise ValueError(f"{seconds} s is before the start")
    whole_s, frames = divmod(round(seconds * FRAMES_PER_S), FRAMES_PER_S)
    return f"{whole_s // 60:02d}:{whole_s % 60:02d}:{frames:02d}"


def _track(track: CueTrack, start_s: float, pregap_s: float) -> list[str]:
    lines = [
        f"FILE {_quoted(track.path, limit=None)} {'MP3' if track.path.endswith('.mp3') else 'WAVE'}",
        f"  TRACK {track.position:02d} AUDIO",
        f"    TITLE {_quoted(track.title)}",
        f"    PERFORMER {_quoted(track.performer)}",
    ]
    lines += [f"    SONGWRITER {_quoted(', '.join(track.writers))}"] if track.writers else []
    lines += [f"    ISRC {one_line(track.isrc).replace('-', '')}"] if track.isrc else []
    return [
        *lines,
        *([f"    PREGAP {cue_time(pregap_s)}"] if pregap_s else []),
        f"    REM START {cue_time(start_s)}",
        f"    REM LENGTH {cue_time(track.duration_s)}",
        "    INDEX 01 00:00:00",
    ]


def _quoted(text: str, *, limit: int | None = MAX_TEXT_CHARACTERS) -> str:
    """Text between double quotes. A sheet has no escape for one inside, so it becomes two single ones."""
    return f'"{one_line(text).replace(chr(34), chr(39) * 2)[:limit].rstrip()}"'
