"""The times at which words were sung that had none in the lyrics, as the judge of lyrics found them in the take."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from catalog.ledger.results import score_windows
from catalog.lyrics.lyrics import LyricLine, Lyrics
from tasks.steps.run_step import StepContext

METRICS = ("lyric_cer", "lyric_mix_cer")
"""The metrics whose windows are those of the lines; the first that was measured counts."""

LEAST_FOUND = 0.5
"""Share of the lines that must be found: with fewer the times of the others would be invented."""

RIGHT = 0.5
"""The most character errors with which a line counts as found, as in the judge's coverage."""

LINE_S = 2.0
"""Seconds that a line lasts at least where those beside it were not found."""


def with_found_times(context: StepContext, audio_digest: str, lyrics: Lyrics, *, head_s: float) -> Lyrics:
    """The lyrics with the times found in a take, shifted by ``head_s`` that was cut from it; unchanged where no judge
    found enough lines."""
    windows = score_windows(context.catalog.database, [audio_digest]).get(audio_digest, {})
    for metric in METRICS:
        if metric in windows:
            return timed_by(lyrics, windows[metric]).earlier(head_s)
    return lyrics


def timed_by(lyrics: Lyrics, windows: Sequence[Sequence[float]]) -> Lyrics:
    """Lyrics timed by one window (start, end, character errors) for each line that has letters or digits.

    A line that was not found lies evenly between its neighbours. Unchanged where fewer than :data:`LEAST_FOUND` of the
    lines were found, or the windows are not those of these lines.
    """
    sung = [line for line in lyrics.lines if _has_characters(line.text)]
    if len(sung) != len(windows) or not sung:
        return lyrics
    starts: list[float | None] = [start_s if errors < RIGHT else None for start_s, _, errors in windows]
    starts = _rising(starts)
    if sum(start is not None for start in starts) < LEAST_FOUND * len(starts):
        return lyrics
    times = dict(zip((id(line) for line in sung), _filled(starts), strict=True))
    return Lyrics(tuple(_placed(lyrics.lines, times)), lyrics.tags)


def _rising(starts: Sequence[float | None]) -> list[float | None]:
    """The starts without those that lie before an earlier line's."""
    rising: list[float | None] = []
    latest = -1.0
    for start in starts:
        is_later = start is not None and start > latest
        rising.append(start if is_later else None)
        latest = start if start is not None and is_later else latest
    return rising


def _filled(starts: Sequence[float | None]) -> list[float]:
    """A start for every line, in rising order, hundredths apart at least."""
    known = [(index, start) for index, start in enumerate(starts) if start is not None]
    filled = []
    for index, start in enumerate(starts):
        if start is not None:
            filled.append(start)
            continue
        before = [pair for pair in known if pair[0] < index]
        after = [pair for pair in known if pair[0] > index]
        if before and after:
            (first, first_s), (last, last_s) = before[-1], after[0]
            filled.append(first_s + (last_s - first_s) * (index - first) / (last - first))
        elif before:
            filled.append(before[-1][1] + LINE_S * (index - before[-1][0]))
        else:
            filled.append(max(0.0, after[0][1] - LINE_S * (after[0][0] - index)))
    return filled


def _placed(lines: Sequence[LyricLine], times: dict[int, float]) -> list[LyricLine]:
    """The lines that have a time, each with its section; a section without words begins with the line after it."""
    placed: list[LyricLine] = []
    section, earliest_cs = "", 0
    for line in lines:
        section = line.section or section
        if id(line) not in times:
            continue
        start_cs = max(round(times[id(line)] * 100), earliest_cs)
        placed.append(replace(line, start_s=start_cs / 100, section=section))
        section, earliest_cs = "", start_cs + 1
    return placed


def _has_characters(text: str) -> bool:
    """Whether a line has letters, marks or digits, as the judge counts them."""
    return any(unicodedata.category(character)[0] in "LMN" for character in unicodedata.normalize("NFKC", text))
