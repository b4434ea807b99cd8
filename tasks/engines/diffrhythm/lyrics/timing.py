"""Place tokens in time: one token per frame, a line at its stamp or right after the line before it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from catalog.common.errors import InputError
from tasks.engines.diffrhythm.network.config import BASE_FRAMES, FULL_FRAMES
from tasks.engines.diffrhythm.network.frames import frame_at
from tasks.phonemes.symbols.vocabulary import COMMA_TOKEN, STOP_TOKEN

BASE_LENGTH_S = 95
LONGEST_S = 285

Runs = list[list[Any]]
"""``[[first frame, [token, …]], …]``: the runs of frames with tokens, in order; values of JSON."""


@dataclass(frozen=True, slots=True)
class TimedTokens:
    """The tokens of one line, and the time at which they should begin."""

    start_s: float
    tokens: Sequence[int]


@dataclass(frozen=True, slots=True)
class Slot:
    """The placement of one line: frames ``first`` to before ``end``; ``timed_frame`` is the frame of its time.

    ``tokens`` are those that fit, the line's full stop included; ``omitted_count`` counts those that did not.
    """

    timed_frame: int
    first: int
    end: int
    tokens: tuple[int, ...]
    omitted_count: int


def frames_of(length_s: float) -> int:
    """The frames of a song: 95 s is the base model's 2048, 96 to 285 s the full model's. Raises InputError."""
    if length_s != int(length_s) or not BASE_LENGTH_S <= length_s <= LONGEST_S:
        problem = f"DiffRhythm makes songs of {BASE_LENGTH_S} to {LONGEST_S} whole seconds, not of {length_s:g} s"
        raise InputError(problem, remedy=f"Set the song's length to {BASE_LENGTH_S} s, or to 96 to {LONGEST_S} s")
    if is_base(length_s):
        return BASE_FRAMES
    return min(FULL_FRAMES, frame_at(length_s))


def is_base(length_s: float) -> bool:
    """Whether the base model makes songs of this length; the full model makes all longer ones."""
    return length_s == BASE_LENGTH_S


def duration_of(length_s: int) -> float:
    """The share of the model's longest song, rounded through float16 as the published pipeline does."""
    most_frames = BASE_FRAMES if is_base(length_s) else FULL_FRAMES
    (rounded_share,) = struct.unpack("<e", struct.pack("<e", frames_of(length_s) / most_frames))
    return float(rounded_share)


def slots(lines: Sequence[TimedTokens], *, frames: int, length_s: float, drop_last: bool) -> list[Slot | None]:
    """Place the lines in their order; None for a line that is not placed at all.

    A line ends with a full stop; those within it become commas. It waits for the line before it to end; tokens that do
    not fit into ``frames`` are lost, and so are lines that begin at ``length_s`` or later. ``drop_last`` leaves the
    last of the others out, as the original does on the base model.
    """
    kept_indices = [index for index, line in enumerate(lines) if line.start_s < length_s]
    if drop_last:
        kept_indices = kept_indices[:-1]
    result: list[Slot | None] = [None] * len(lines)
    cursor = 0
    for index in kept_indices:
        line = lines[index]
        tokens = [COMMA_TOKEN if token == STOP_TOKEN else token for token in line.tokens] + [STOP_TOKEN]
        wanted_frame = frame_at(line.start_s)
        first_frame = max(wanted_frame, cursor)
        tokens_placed = tuple(tokens[: max(0, frames - first_frame)])
        cursor = first_frame + len(tokens_placed)
        result[index] = Slot(
            wanted_frame, first_frame, cursor, tokens_placed, omitted_count=len(tokens) - len(tokens_placed)
        )
    return result


def runs_of(slots: Sequence[Slot | None]) -> Runs:
    """The runs of frames that hold tokens; lines that touch form one run."""
    runs: Runs = []
    end = -1
    for slot in slots:
        if slot is None or not slot.tokens:
            continue
        if slot.first == end:
            runs[-1][1].extend(slot.tokens)
        else:
            runs.append([slot.first, list(slot.tokens)])
        end = slot.end
    return runs
