"""Clicks are found where they are, and drums, noise and tones are none."""

from __future__ import annotations

import numpy as np
import pytest
from acceptance_signals import RATE, beats
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.acceptance.clicks import click_finding, clicks
from tasks.audio.audio import Audio

SONG = beats(4).astype(np.float32)
QUIET = (0.1 * np.sin(2 * np.pi * 220 * np.arange(2 * RATE) / RATE)).astype(np.float32)


def test_drums_are_no_clicks() -> None:
    assert [clicks(channel) for channel in SONG] == [[], []]


@pytest.mark.parametrize("kind", ["white noise", "square wave", "chirp", "silence", "drum alone"])
def test_other_sounds_are_no_clicks(kind: str) -> None:
    time = np.arange(2 * RATE) / RATE
    noise = np.random.Generator(np.random.PCG64(1)).standard_normal(len(time))
    lines = {
        "white noise": 0.2 * noise,
        "square wave": 0.5 * np.sign(np.sin(2 * np.pi * 110 * time + 0.1)),
        "chirp": 0.5 * np.sin(2 * np.pi * 4000 * time**2),
        "silence": 0 * time,
        "drum alone": 0.5 * noise * np.exp(-30 * (time % 0.5)) * (time % 0.5 > 0.02),
    }
    assert clicks(lines[kind].astype(np.float32)) == []


@settings(deadline=None, max_examples=25)
@given(frame=st.integers(1000, 2 * RATE - 1000), size=st.floats(0.02, 0.8), jump=st.booleans())
def test_a_click_over_a_tone_is_found_at_its_place_with_its_size(frame: int, size: float, jump: bool) -> None:
    line = QUIET.copy()
    line[frame : None if jump else frame + 1] += np.float32(size)
    (click,) = clicks(line)
    assert abs(click.frame - frame) <= 3
    assert click.size == pytest.approx(size, rel=0.1)


def test_most_wrong_samples_between_drum_hits_are_found() -> None:
    rng = np.random.Generator(np.random.PCG64(9))
    places = np.sort(rng.choice(np.arange(2000, SONG.shape[1] - 2000, 1500), 30, replace=False))
    line = SONG[0].copy()
    line[places] += 0.3
    found = np.array([click.frame for click in clicks(line)])
    assert sum(np.abs(found - place).min() < 4 for place in places) >= 24
    assert all(np.abs(places - frame).min() < 4 for frame in found)


def test_a_click_in_both_channels_counts_once_and_large_ones_fail() -> None:
    lines = np.stack([QUIET, QUIET])
    lines[:, RATE] += 0.2
    warned = click_finding(Audio(lines, RATE))
    assert (warned.verdict, warned.value) == ("warn", 1.0)
    lines[0, RATE // 2] -= 0.8
    worse = click_finding(Audio(lines, RATE))
    assert (worse.verdict, worse.value) == ("fail", 2.0)
    assert "0:00.5, 0:01.0" in worse.sentence
