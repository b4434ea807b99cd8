"""Lead sheets for tests: of songs that the guide arranges, and made of anything."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from catalog.notation.lead_sheet import ChordSpan, FormSpan, LeadSheet, MelodyNote
from tasks.engines.guide.arrangement.arrange import arrange
from tasks.engines.guide.lead_sheet import lead_sheet_of
from tasks.notation.music_xml import SheetHead
from tests.support.guide_songs import recipe, song_lines

HEAD = SheetHead("Last Bus Home", "Ada Vale", "Bo Lind", "2026 Ada Vale. Made with Songline.")
HOSTILE = "</text><script>alert(1)</script>&\"'\x00\x0b\ud800\ufffe\n]]> <!ENTITY x> \u202e" + "very long " * 60

SYMBOLS = ("C", "F#m", "Bbmaj7", "G/B", "Am7", "C7sus4", "Eb9sus4", "Dm7b5", "G7b9", "Cadd9", "Em(add9)", "A13", "Fm11")
KEYS = ("C major", "A minor", "Eb major", "F# minor", "F# major", "G# minor", "Eb minor", "B major", "Db major")
SYLLABLES = ("la", "run", "ning", "99", "ей", "好", "ки", "", "o'", "—", "<b>&amp;", "\x00\x07", "\u200f")


def guide_sheet(lines: Any = None, **changes: Any) -> LeadSheet:
    """The lead sheet of a song of the guide, of 130 s and of six sections where no lines are given."""
    fields = {"length_s": 130.0, "bpm": 97.3} | changes
    made = recipe(song_lines() if lines is None else lines, **fields)
    return lead_sheet_of(made, arrange(made))


@st.composite
def sheets(draw: st.DrawFn) -> LeadSheet:
    """Melodies that no singer sings and no bar expects: any times, any tempo, any words."""
    bpm = draw(st.sampled_from((40.0, 61.3, 97.3, 120.0, 184.0)))
    first_bar_s = draw(st.floats(0, 4 * 60 / bpm, exclude_max=True))
    gaps = draw(st.lists(st.tuples(st.floats(0.03, 2.5), st.floats(0, 1.5)), max_size=40))
    at, melody = draw(st.floats(0, 6)), []
    for sung_s, rest_s in gaps:
        text, joined = draw(st.sampled_from(SYLLABLES)), draw(st.booleans())
        pitch = draw(st.integers(40, 90))
        melody.append(MelodyNote(start_s=at, end_s=at + sung_s, pitch=pitch, text=text, joined=joined, line=0))
        at += sung_s + (rest_s if draw(st.booleans()) else 0.0)
    length_s = at + 3
    chords = sorted(draw(st.lists(st.tuples(st.floats(0, length_s), st.sampled_from((*SYMBOLS, "N.C."))), max_size=9)))
    sections = sorted(
        draw(st.lists(st.tuples(st.floats(0, length_s), st.sampled_from(("verse", "chorus"))), max_size=4))
    )
    return LeadSheet(
        bpm=bpm,
        first_bar_s=first_bar_s,
        key=draw(st.sampled_from(KEYS)),
        length_s=length_s,
        melody=tuple(melody),
        chords=tuple(ChordSpan(start_s=start_s, end_s=start_s, symbol=symbol) for start_s, symbol in chords),
        sections=tuple(FormSpan(start_s=start_s, end_s=length_s, kind=kind) for start_s, kind in sections),
    )
