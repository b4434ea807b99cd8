"""WebVTT (.vtt), the W3C's format of text tracks: cues with times, between notes, styles and regions."""

from __future__ import annotations

import html
import re

from catalog.common.text import has_control
from catalog.lyrics.formats.cues import Cue, cues_of, lyrics_of
from catalog.lyrics.formats.subrip import blocks_of
from catalog.lyrics.lines import LyricsError, LyricsFault
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.stamps import shown

_TIME = r"(?:(\d{2,4}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMES = re.compile(rf"{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t]+(?!.*-->).*)?", re.ASCII)
_HEADER = re.compile(r"WEBVTT(?:[ \t].*)?")
_OTHER_BLOCK = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t].*)?")
_TAG = re.compile(r"<[^<>]*>")
_FORM = "Write a line of times such as 00:12.500 --> 00:15.000, and the words below it, with an empty line after"


def is_webvtt(first_line: str) -> bool:
    """Whether a file that begins with this line is WebVTT."""
    return bool(_HEADER.fullmatch(first_line))


def parse_webvtt(data: bytes | str, *, length_s: float | None = None) -> Lyrics:
    """Lyrics from WebVTT, without its tags, notes, styles and regions. With ``length_s``, a cue that begins after the
    end of the song is a fault. Raises LyricsError with every fault."""
    faults: list[LyricsFault] = []
    blocks = blocks_of(data, faults)
    if not blocks or not is_webvtt(blocks[0][0].text):
        line = blocks[0][0].number if blocks else 1
        raise LyricsError([*faults, LyricsFault(line, "the file does not begin with WEBVTT", "Write it as first line")])
    cues = []
    for block in blocks[1:]:
        if _OTHER_BLOCK.fullmatch(block[0].text):
            continue
        has_name = len(block) > 1 and "-->" not in block[0].text
        times_line, texts = block[int(has_name)], block[int(has_name) + 1 :]
        times = _TIMES.fullmatch(times_line.text)
        if times is None:
            faults.append(LyricsFault(times_line.number, f"{shown(times_line.text)} begins no cue", _FORM))
            continue
        start_ms, end_ms = _milliseconds(times.groups()[:4]), _milliseconds(times.groups()[4:])
        if end_ms <= start_ms:
            faults.append(LyricsFault(times_line.number, "the cue does not end after it begins", "Correct its times"))
            continue
        cues.append(Cue(start_ms, end_ms, tuple(_plain(line.text) for line in texts), times_line.number))
    return lyrics_of(cues, faults, length_s=length_s)


def write_webvtt(lyrics: Lyrics, *, length_s: float | None) -> str:
    """Lyrics with times as WebVTT; the last line ends at ``length_s``, see :func:`cues_of`."""
    parts = ["WEBVTT\n"]
    for cue in cues_of(lyrics, length_s=length_s):
        texts = [html.escape(text, quote=False) for text in cue.texts]
        parts.append("\n".join([f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}", *texts, ""]))
    return "\n".join(parts)


def _plain(text: str) -> str:
    """Cue text without tags, with its character references resolved; control characters become spaces."""
    resolved = html.unescape(_TAG.sub("", text))
    return "".join(" " if has_control(character) else character for character in resolved)


def _milliseconds(parts: tuple[str | None, ...]) -> int:
    hours, minutes, seconds, milliseconds = (int(part or 0) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def _time(time_ms: int) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milliseconds:03d}"
