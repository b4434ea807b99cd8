"""SubRip (.srt): numbered cues, each with a line of times ``00:01:02,500 --> 00:01:05,000`` and its text."""

from __future__ import annotations

import re

from catalog.lyrics.formats.cues import Cue, cues_of, lyrics_of
from catalog.lyrics.lines import LyricsFault, TextLine, read_lines
from catalog.lyrics.lyrics import Lyrics
from catalog.lyrics.stamps import shown

_TIME = r"(\d{1,3}):([0-5]\d):([0-5]\d)[,.](\d{3})"
TIMES = re.compile(rf"{_TIME}[ \t]*-->[ \t]*{_TIME}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_MARKUP = re.compile(r"</?(?:b|i|u|s|font)(?:\s[^<>]*)?>|\{\\[^{}]*\}", re.IGNORECASE)
_FORM = "Write a number, a line of times such as 00:00:12,500 --> 00:00:15,000, and the words, with an empty line after"


def parse_subrip(data: bytes | str, *, length_s: float | None = None) -> Lyrics:
    """Lyrics from SubRip, whose markup is left out. With ``length_s``, a cue that begins after the end of the song is
    a fault. Raises LyricsError with every fault."""
    faults: list[LyricsFault] = []
    cues = []
    for block in blocks_of(data, faults):
        has_number = bool(_NUMBER.fullmatch(block[0].text))
        times_line = block[1] if has_number and len(block) > 1 else block[0]
        times = TIMES.fullmatch(times_line.text)
        if times is None or not has_number:
            faults.append(LyricsFault(block[0].number, f"{shown(block[0].text)} begins no cue", _FORM))
            continue
        texts = tuple(_MARKUP.sub("", line.text) for line in block[2:])
        cues.append(Cue(_milliseconds(times.groups()[:4]), _milliseconds(times.groups()[4:]), texts, times_line.number))
    return lyrics_of(cues, faults, length_s=length_s)


def write_subrip(lyrics: Lyrics, *, length_s: float | None) -> str:
    """Lyrics with times as SubRip; the last line ends at ``length_s``, see :func:`cues_of`."""
    cues = cues_of(lyrics, length_s=length_s)
    return "\n".join(
        "\n".join([str(number), f"{_time(cue.start_ms)} --> {_time(cue.end_ms)}", *cue.texts, ""])
        for number, cue in enumerate(cues, start=1)
    )


def blocks_of(data: bytes | str, faults: list[LyricsFault]) -> list[list[TextLine]]:
    """The runs of lines between empty lines."""
    blocks: list[list[TextLine]] = [[]]
    for line in read_lines(data, faults):
        if line.text:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return [block for block in blocks if block]


def _milliseconds(parts: tuple[str, ...]) -> int:
    hours, minutes, seconds, milliseconds = (int(part) for part in parts)
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds


def _time(time_ms: int) -> str:
    seconds, milliseconds = divmod(time_ms, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d},{milliseconds:03d}"
