"""The metrics of the optional judges, without loading the judges: light enough for ``validate`` and ``plan``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.selection.metrics import Direction, MetricSpec

if TYPE_CHECKING:
    pass

Row = tuple[str, Direction, str, str]
"""Name, direction that is better, description, and the words for it in sentences."""

_CLAP: tuple[Row, ...] = (
    (
        "clap_similarity",
        "higher",
        "Nearness to the prompt as LAION-CLAP hears it: mean cosine of 10 s windows",
        "prompt match by CLAP",
    ),
    (
        "clap_similarity_p10",
        "higher",
        "Nearness to the prompt that nine in ten of the 10 s windows reach",
        "prompt match by CLAP of the weaker windows",
    ),
    (
        "clap_worst",
        "higher",
        "Nearness to the prompt of the 10 s window that is furthest from it",
        "prompt match by CLAP of the worst window",
    ),
    (
        "clap_reference_similarity",
        "higher",
        "Nearness to the reference audio: mean cosine of 10 s windows",
        "reference match by CLAP",
    ),
)

_ENJOYMENT: tuple[Row, ...] = (
    ("audiobox_ce", "higher", "Content enjoyment, 1 to 10: how much listeners like it", "enjoyment"),
)

_CRAFT: tuple[Row, ...] = (
    ("audiobox_cu", "higher", "Content usefulness, 1 to 10: of use to one who makes media", "usefulness"),
    ("audiobox_pc", "none", "Production complexity, 1 to 10: how much sounds at once", "complexity"),
    ("audiobox_pq", "higher", "Production quality, 1 to 10, heard in mono up to 8 kHz", "production quality"),
)


def _lyric_rows(prefix: str, heard: str) -> tuple[Row, ...]:
    return (
        (
            f"{prefix}_per",
            "lower",
            f"Phonemes sung wrong, left out or added, per phoneme of the lyrics; {heard}. Characters in a language "
            "without rules for phonemes",
            "phoneme errors",
        ),
        (
            f"{prefix}_cer",
            "lower",
            f"Characters heard wrong, left out or added, per character of the lyrics; {heard}",
            "character errors",
        ),
        (
            f"{prefix}_coverage",
            "higher",
            f"Share of the lines of which half or more is heard, and in time; {heard}",
            "lines heard",
        ),
    )


def _specs(family: str, rows: tuple[Row, ...]) -> tuple[MetricSpec, ...]:
    return tuple(
        MetricSpec(name, "", direction, family, description, words=words)
        for name, direction, description, words in rows
    )


CLAP: tuple[MetricSpec, ...] = _specs("adherence", _CLAP)
AESTHETICS: tuple[MetricSpec, ...] = (*_specs("musicality", _ENJOYMENT), *_specs("production", _CRAFT))
UNWANTED_VOICE = MetricSpec(
    "unwanted_voice_lu",
    "LU",
    "lower",
    "technical",
    "Loudness of the separated voice against the mix of a song without lyrics: over -15 somebody sings, -60 nobody",
    words="voice in an instrumental",
)
LYRICS: tuple[MetricSpec, ...] = (
    *_specs("lyrics", _lyric_rows("lyric", "transcribed from the separated voice")),
    UNWANTED_VOICE,
)
LYRICS_MIX: tuple[MetricSpec, ...] = _specs("lyrics", _lyric_rows("lyric_mix", "transcribed from the whole mix"))


AXES = ("CE", "CU", "PC", "PQ")
