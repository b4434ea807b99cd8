"""Tokens by frame, as DiffRhythm's network takes them."""

from __future__ import annotations

from tasks.engines.diffrhythm.lyrics.timing import Runs


def in_frames(runs: Runs, frames: int) -> list[int]:
    """The token of every frame, 0 where nothing is sung, in the form of the model's input."""
    row = [0] * frames
    for first, tokens in runs:
        row[first : first + len(tokens)] = tokens
    return row
