"""Reading and placing LRC as the original does; a case that the folder lacks gives no test."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from typing import Any

from tasks.engines.diffrhythm.lyrics.timing import TimedTokens, duration_of, frames_of
from tests.support.diffrhythm.frames import in_frames
from tests.support.diffrhythm.parity import load_index, over
from tests.support.diffrhythm.published_lrc import parse_published_lrc, place_published

INDEX: Mapping[str, Any] = load_index("lrc.json")
CASES: Mapping[str, Any] = {case["name"]: case for case in INDEX.get("cases", [])}
TEXTS: Mapping[str, Any] = {f"text{number}": each for number, each in enumerate(INDEX.get("parse", []))}


@over("name", CASES)
def test_lines_fall_on_the_frames_of_the_original(name: str) -> None:
    case = CASES[name]
    seconds = case["audio_seconds"]
    runs = place_published([TimedTokens(float(start_s), tokens) for start_s, tokens in case["lines"]], length_s=seconds)
    row = in_frames(runs, frames_of(seconds))
    assert frames_of(seconds) == case["frames"]
    assert duration_of(seconds) == case["duration"]
    assert runs == case["runs"]
    assert hashlib.sha256(struct.pack(f"<{len(row)}q", *row)).hexdigest() == case["sha256_int64"]


@over("name", TEXTS)
def test_lines_are_those_that_the_original_reads(name: str) -> None:
    found = parse_published_lrc(TEXTS[name]["text"])
    as_written = [["nan" if seconds != seconds else seconds, lyric] for seconds, lyric in found]
    assert as_written == TEXTS[name]["lines"]
