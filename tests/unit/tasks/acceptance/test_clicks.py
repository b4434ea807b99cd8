"""Clicks are found where they are, and drums, noise and tones are none."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.acceptance.clicks import LOUD, click_finding, clicks
from tasks.audio.audio import Audio
from tests.support.signals.acceptance import RATE, beats

SONG = beats(4).astype(np.float32)
SECONDS = 4
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


@pytest.mark.slow
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


@cache
def edged(kind: str, hz: float) -> np.ndarray:
    """A saw or square of 0.9 of full scale from top to bottom, ``naive`` or without anything over half the rate."""
    time = np.arange(SECONDS * RATE) / RATE
    if kind.startswith("naive"):
        line = 2 * (hz * time % 1) - 1 if kind.endswith("saw") else np.sign(np.sin(2 * np.pi * hz * time + 0.1))
        return 0.45 * line
    harmonics = range(1, int(RATE / 2 / hz) + 1, 1 if kind.endswith("saw") else 2)
    line = sum(np.sin(2 * np.pi * hz * n * time) / n for n in harmonics)  # type: ignore[assignment]
    return 0.45 * line * (2 if kind.endswith("saw") else 4) / np.pi


@pytest.mark.slow
@pytest.mark.parametrize("mixed", [False, True], ids=["alone", "mixed"])
@pytest.mark.parametrize("hz", [40.0, 49.0, 55.0])
@pytest.mark.parametrize("kind", ["saw", "square", "naive saw", "naive square"])
def test_the_edges_of_a_bass_are_no_clicks(kind: str, hz: float, mixed: bool) -> None:
    lines = np.stack([edged(kind, hz)] * 2) + (0.5 * beats(SECONDS) if mixed else 0)
    finding = click_finding(Audio.of(lines, RATE))
    assert (finding.verdict, finding.value) == ("pass", 0), finding.sentence


@pytest.mark.slow
def test_bass_notes_with_rests_between_never_fail() -> None:
    gate = np.arange(SECONDS * RATE) / RATE % 0.5 < 0.22
    for kind in ("saw", "square", "naive saw", "naive square"):
        lines = np.stack([edged(kind, 50.7) * gate] * 2) + 0.5 * beats(SECONDS)
        assert click_finding(Audio.of(lines, RATE)).verdict != "fail", kind


@pytest.mark.parametrize("mixed", [False, True], ids=["alone", "mixed"])
def test_a_drum_loop_whose_sample_starts_off_zero_does_not_fail(mixed: bool) -> None:
    since = np.arange(SECONDS * RATE) / RATE % 0.5
    kick = 0.9 * np.cos(2 * np.pi * 50 * since) * np.exp(-9 * since)
    audio = Audio.of(np.stack([kick] * 2) + (0.5 * beats(SECONDS) if mixed else 0), RATE)
    assert max(click.size for click in clicks(audio.samples[0])) > LOUD
    assert click_finding(audio).verdict == "pass"


@pytest.mark.parametrize("kind", ["wrong sample", "jump", "dropout"])
@pytest.mark.parametrize("count", [1, 3, 10])
@pytest.mark.parametrize("song", ["drums", "tone"])
def test_a_handful_of_damages_fails(song: str, count: int, kind: str) -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    lines = beats(6) if song == "drums" else np.stack([np.tile(QUIET, 3)] * 2).astype(np.float64)
    for number, place in enumerate(np.sort(rng.choice(np.arange(RATE // 2, 5 * RATE, 3000), count, replace=False))):
        if kind == "wrong sample":
            lines[:, place] += 0.8
        elif kind == "jump":
            lines[:, place:] += 0.7 * (-1) ** number
        else:
            lines[:, place : place + 400] = 0
            lines[:, place + 200] = 0.9
    finding = click_finding(Audio.of(lines, RATE))
    assert finding.verdict == "fail", finding
    assert (finding.value or 0) >= count / 2


def test_damage_within_a_bass_is_told_by_its_other_shape() -> None:
    lines = np.stack([edged("naive saw", 55)] * 2)
    lines[:, round(110 * RATE / 55) + 250] += 0.9
    finding = click_finding(Audio.of(lines, RATE))
    assert (finding.verdict, finding.value) == ("fail", 1), finding
    assert "0:02.0" in finding.sentence


def test_so_many_that_none_is_an_accident_are_a_warning() -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    line = np.tile(QUIET, 5)
    places = np.arange(1000, len(line) - 1000, RATE // 6)
    line[places] += (rng.uniform(0.6, 0.9, len(places)) * rng.choice([-1, 1], len(places))).astype(np.float32)
    finding = click_finding(Audio.of(line, RATE))
    assert finding.verdict == "warn", finding
    assert "more likely its sound" in finding.sentence
