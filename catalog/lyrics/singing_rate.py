"""Whether lines can be sung in their time: warnings for those with too many or too few syllables."""

from __future__ import annotations

import math

from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.stamps import stamp
from catalog.lyrics.syllables import count_syllables

FAST_SYLLABLES_PER_S = 6.0
"""Above this rate words are likely to be swallowed (comfortable singing ends near 4, rap reaches 9 to 12)."""
PHYSICAL_SYLLABLES_PER_S = 9.0
SLOW_SYLLABLES_PER_S = 0.7
SLOW_GAP_S = 12.0
"""A line with this much time and few syllables is often repeated by a singing model."""

DENSE_SYLLABLES_PER_S = 4.0
"""Above this rate over the whole of a song there is no room for breath, intro and pauses."""


def singing_rate_warnings(lyrics: Lyrics, *, length_s: float, language: str) -> tuple[tuple[int, str], ...]:
    """The lines with too many or too few syllables for the time they have, as (line, message).

    Lyrics without times have none.
    """
    if not (lyrics.timed and lyrics.lines):
        return ()
    warnings = []
    ends_s = [line.start_s for line in lyrics.lines[1:]] + [length_s]
    for line, end_s in zip(lyrics.lines, ends_s, strict=True):
        is_last = line is lyrics.lines[-1]
        message = _rate_warning(line, end_s - line.start_s, language=language, is_last=is_last) if line.text else ""
        if message:
            warnings.append((line.line, message))
    return tuple(warnings)


def dense_words_warning(lyrics: Lyrics, *, length_s: float, language: str) -> str:
    """A sentence where the song has too many syllables for its length, whatever times they are sung at; else ""."""
    syllables = sum(count_syllables(line.text, language) for line in lyrics.sung)
    if syllables <= DENSE_SYLLABLES_PER_S * length_s:
        return ""
    least_s = math.ceil(syllables / DENSE_SYLLABLES_PER_S)
    return (
        f"The words have {syllables} syllables in {length_s:g} s, {syllables / length_s:.1f} a second without a pause, "
        f"so some may be left out. Make the song at least {least_s} s long, or give it fewer words."
    )


def _rate_warning(line: LyricLine, time_s: float, *, language: str, is_last: bool) -> str:
    syllables = count_syllables(line.text, language)
    facts = f"{stamp(line.start_s)} has {syllables} syllables in {time_s:.1f} s"
    if time_s <= 0 or syllables / time_s > PHYSICAL_SYLLABLES_PER_S:
        return f"{facts}, faster than anyone sings. Give the line more time or fewer words."
    rate = syllables / time_s
    if rate > FAST_SYLLABLES_PER_S:
        return f"{facts}, {rate:.1f} a second, so words may be swallowed. Give the line more time or fewer words."
    if rate < SLOW_SYLLABLES_PER_S and time_s > SLOW_GAP_S and not is_last:
        return f"{facts}, so it may be repeated or drawn out. Put a stamp without words where the singing stops."
    return ""
