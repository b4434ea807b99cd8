"""The grooves of the guide: drum, bass and chord figures of one bar in sixteenths, and their tempos.

In a figure ``X`` is an accent, ``x`` a plain stroke, ``o`` a soft one and ``.`` silence; in a bass figure ``R`` is the
root, ``5`` the fifth and ``8`` the octave, held until the next sign.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from numpy.random import Generator


@dataclass(frozen=True, slots=True)
class Beat:
    """One bar of drums: which sixteenths the kick, the backbeat and the time-keeper play."""

    kick: str
    snare: str
    hat: str


@dataclass(frozen=True, slots=True)
class Groove:
    """One groove: a calm and a full form of each figure, drum kit, instruments and the prompt words that select it."""

    name: str
    tempos_bpm: tuple[int, int]
    calm: tuple[Beat, ...]
    full: tuple[Beat, ...]
    bass_calm: tuple[str, ...]
    bass_full: tuple[str, ...]
    chords: tuple[str, ...]
    kit: int
    bass: tuple[int, ...]
    keys: tuple[int, ...]
    pads: tuple[int, ...]
    plucks: tuple[int, ...]
    voices: tuple[str, ...]
    words: tuple[str, ...]
    swing: float = 0.0
    rich: bool = False
    sustained: bool = False


_ALL = (
    Groove(
        name="pop",
        tempos_bpm=(94, 122),
        calm=(
            Beat("X.......x.......", "....X.......X...", "x.o.x.o.x.o.x.o."),
            Beat("X.....x.x.......", "....X.......X...", "x.x.x.x.x.x.x.x."),
        ),
        full=(
            Beat("X.....x.x.x.....", "....X.......X...", "X.x.X.x.X.x.X.x."),
            Beat("X.x...x.X.......", "....X.......X..o", "X.x.X.x.X.x.X.x."),
        ),
        bass_calm=("R.......R.......", "R.....R.R......."),
        bass_full=("R.R.R.R.R.R.R.R.", "R..R..R.R..R..8.", "R.R.R.R.R.8.R.5."),
        chords=("X.......x.......", "X.....x...x.....", "X...x...x...x..."),
        kit=8,
        bass=(33, 34),
        keys=(0, 4, 1),
        pads=(48, 90, 50),
        plucks=(27, 11, 46),
        voices=("oohs", "sax", "oboe", "flute"),
        words=("pop", "indie", "radio", "synth pop"),
    ),
    Groove(
        name="ballad",
        tempos_bpm=(66, 84),
        calm=(Beat("X.........x.....", "........x.......", "x...o...x...o..."),),
        full=(
            Beat("X......xx.....x.", "....X.......X...", "x.o.x.o.x.o.x.o."),
            Beat("X.....x.x.......", "....X.......X...", "x.x.x.x.x.x.x.x."),
        ),
        bass_calm=("R...............", "R.......5......."),
        bass_full=("R.......R...5...", "R.....R.R......."),
        chords=("X...x...x...x...", "x.x.x.x.x.x.x.x."),
        kit=0,
        bass=(33, 32, 35),
        keys=(0, 0, 5),
        pads=(48, 48, 89),
        plucks=(46, 24, 11),
        voices=("oohs", "violin", "oboe", "choir"),
        words=("ballad", "piano", "slow", "sad", "lullaby", "cinematic", "wistful", "orchestral"),
        sustained=True,
    ),
    Groove(
        name="rock",
        tempos_bpm=(112, 146),
        calm=(Beat("X.......X.......", "....X.......X...", "X.x.X.x.X.x.X.x."),),
        full=(
            Beat("X.X...X.X.X.....", "....X.......X...", "X...X...X...X..."),
            Beat("X..X....X.X.....", "....X.......X...", "X.x.X.x.X.x.X.x."),
        ),
        bass_calm=("R.R.R.R.R.R.R.R.",),
        bass_full=("R.R.R.R.R.R.R.R.", "R.R.R.R.R.R.8.5."),
        chords=("X.x.x.x.X.x.x.x.", "X..x..x.X...x..."),
        kit=16,
        bass=(34, 33),
        keys=(29, 29, 30),
        pads=(18, 48, 16),
        plucks=(27, 25),
        voices=("sax", "synth", "oohs", "violin"),
        words=("rock", "punk", "metal", "grunge", "guitar", "garage", "anthem"),
    ),
    Groove(
        name="dance",
        tempos_bpm=(116, 128),
        calm=(Beat("X...X...X...X...", "............x...", "..x...x...x...x."),),
        full=(
            Beat("X...X...X...X...", "....X.......X...", "o.X.o.X.o.X.o.Xo"),
            Beat("X...X...X...X.x.", "....X.......X...", "ooXoooXoooXoooXo"),
        ),
        bass_calm=("R.......R.......",),
        bass_full=("R.R8R.R8R.R8R.R8", "R..R..R.R..R..R.", "R.8.R.8.R.8.R.8."),
        chords=("X..x..x.X..x..x.", "..X...X...X...X."),
        kit=24,
        bass=(38, 39),
        keys=(81, 62, 90),
        pads=(50, 89, 91),
        plucks=(80, 98, 46),
        voices=("synth", "choir", "oohs", "flute"),
        words=("dance", "house", "techno", "electro", "edm", "disco", "club", "trance", "synthwave", "electronic"),
    ),
    Groove(
        name="folk",
        tempos_bpm=(86, 116),
        calm=(Beat("X.......X.......", "....o.......o...", "o.o.x.o.o.o.x.o."),),
        full=(
            Beat("X.....x.X.......", "....X..o....X..o", "x.x.X.x.x.x.X.x."),
            Beat("X.......X...x...", "....X.......X...", "xoxoXoxoxoxoXoxo"),
        ),
        bass_calm=("R.......5.......",),
        bass_full=("R...5...R...5...", "R.....R.5.......", "R...R...5...5..."),
        chords=("X.x.xox.x.x.xox.", "X...xoxo..xoxoxo"),
        kit=0,
        bass=(32, 33),
        keys=(25, 24, 25),
        pads=(48, 21, 49),
        plucks=(105, 46, 24),
        voices=("violin", "flute", "clarinet", "oohs"),
        words=("folk", "country", "acoustic", "americana", "bluegrass", "singer-songwriter", "campfire"),
        swing=0.15,
    ),
    Groove(
        name="soul",
        tempos_bpm=(76, 98),
        calm=(Beat("X.........x.....", "....X.......X...", "x.o.x.o.x.o.x.oo"),),
        full=(
            Beat("X..x......x..x..", "....X..o.o..X...", "xoxoxoxoxoxoxoxo"),
            Beat("X.....xx..x.....", "....X.......X..o", "x.oox.oox.oox.oo"),
        ),
        bass_calm=("R.........R.....",),
        bass_full=("R..R......8..5..", "R.....RR..R...5.", "R..8..R...5.R..."),
        chords=("X.....x...x.....", "..x...X...x..x.."),
        kit=8,
        bass=(33, 36, 35),
        keys=(4, 5, 16),
        pads=(89, 48, 52),
        plucks=(11, 27, 26),
        voices=("sax", "oohs", "flute", "clarinet"),
        words=(
            "soul",
            "r&b",
            "rnb",
            "funk",
            "hip hop",
            "hip-hop",
            "jazz",
            "lo-fi",
            "lofi",
            "neo-soul",
            "trap",
            "chill",
        ),
        swing=0.3,
        rich=True,
    ),
)

GROOVES: Mapping[str, Groove] = {groove.name: groove for groove in _ALL}

HUMAN_VOICES = frozenset({"oohs", "choir"})
"""The sung ones of ``VOICES``; a tune of a song without words is left to the instruments."""

VOICES: Mapping[str, int] = {
    "oohs": 53,
    "choir": 52,
    "synth": 80,
    "flute": 73,
    "sax": 65,
    "violin": 40,
    "oboe": 68,
    "clarinet": 71,
}
"""General MIDI programs that may stand in for the singer."""


def choose_groove(setting: str, *, prompt: str | None, bpm: float | None, rng: Generator) -> Groove:
    """The groove of the settings, else the prompt's by its words, else one that suits the tempo, by seed."""
    if setting in GROOVES:
        return GROOVES[setting]
    text = (prompt or "").casefold()
    scores = {groove.name: sum(word in text for word in groove.words) for groove in _ALL}
    best_score = max(scores.values())
    if best_score:
        pool = [groove for groove in _ALL if scores[groove.name] == best_score]
    else:
        pool = [
            groove for groove in _ALL if bpm is None or groove.tempos_bpm[0] - 12 <= bpm <= groove.tempos_bpm[1] + 12
        ]
    return (pool or list(_ALL))[int(rng.integers(len(pool or _ALL)))]
