"""A passage in seconds becomes frames, and a re-rendered passage joins its parent without a click."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, sosfiltfilt

from catalog.common.errors import InputError
from tasks.audio.audio import Audio, Samples
from tasks.engines.diffrhythm.network.frames import FRAME_RATE, LEAST_FRAMES, frame_at, passage_between
from tasks.engines.passages import FrameSpan, splice

FRAME = 2048
RATE = 44_100
FRAMES = 24

spans = st.tuples(st.integers(0, FRAMES), st.integers(0, FRAMES)).filter(lambda span: span[0] != span[1]).map(sorted)


def tones(seed: int, frames: int = FRAMES) -> Audio:
    """Stereo tones of 60 Hz to 4 kHz that differ by seed: smooth, so that any click stands out above them."""
    rng = np.random.Generator(np.random.PCG64(seed))
    time = np.arange(frames * FRAME) / RATE
    frequency, phase = np.geomspace(60, 4000, 12), rng.uniform(0, 2 * np.pi, (2, 12))
    level = rng.uniform(0.3, 1.0, (2, 12, 1)) * 0.05
    return Audio.of((level * np.sin(2 * np.pi * frequency[:, None] * time + phase[:, :, None])).sum(axis=1), RATE)


PARENT, FRESH = tones(1), tones(2)
CLICK_BAND = butter(6, 12_000, "highpass", fs=RATE, output="sos")


def clicks(samples: Samples) -> float:
    """The highest level above 12 kHz, away from the song's own ends."""
    return float(np.abs(sosfiltfilt(CLICK_BAND, samples)[:, FRAME // 2 : -FRAME // 2]).max())


def frames(start: int, end: int) -> FrameSpan:
    return FrameSpan(start, end, FRAME_RATE)


def joined(start: int, end: int) -> Samples:
    return splice(PARENT, FRESH, start_frame=start, end_frame=end, frame_samples=FRAME).samples


@settings(deadline=None)
@given(span=spans)
def test_outside_is_the_parent_bit_for_bit_and_inside_the_new_rendering(span: tuple[int, int]) -> None:
    start, end = span[0] * FRAME, span[1] * FRAME
    samples = joined(*span)
    fade = min(FRAME, (end - start) // 4)
    inside = slice(start + fade if start else 0, end - fade if span[1] < FRAMES else None)
    assert samples[:, :start].tobytes() == PARENT.samples[:, :start].tobytes()
    assert samples[:, end:].tobytes() == PARENT.samples[:, end:].tobytes()
    assert samples[:, inside].tobytes() == FRESH.samples[:, inside].tobytes()
    low, high = np.minimum(PARENT.samples, FRESH.samples), np.maximum(PARENT.samples, FRESH.samples)
    assert np.all((low - 1e-6 <= samples) & (samples <= high + 1e-6))


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(span=spans)
def test_the_joins_make_no_click(span: tuple[int, int]) -> None:
    samples, material = joined(*span), max(clicks(PARENT.samples), clicks(FRESH.samples))
    assert clicks(samples) < material + 10 ** (-90 / 20)
    steps = [np.abs(np.diff(audio)).max() for audio in (PARENT.samples, FRESH.samples)]
    assert np.abs(np.diff(samples)).max() <= max(steps) + 2 * np.pi / FRAME


def test_the_measure_of_clicks_sees_a_hard_cut() -> None:
    cut = PARENT.samples.copy()
    cut[:, 10 * FRAME :] = FRESH.samples[:, 10 * FRAME :]
    assert clicks(cut) > 10 ** (-50 / 20)
    assert max(clicks(PARENT.samples), clicks(FRESH.samples)) < 10 ** (-90 / 20)


@given(span=spans)
def test_the_same_rendering_changes_nothing(span: tuple[int, int]) -> None:
    same = splice(PARENT, PARENT, start_frame=span[0], end_frame=span[1], frame_samples=FRAME)
    assert same.samples.tobytes() == PARENT.samples.tobytes()


def test_the_parent_is_left_as_it_was_and_levels_hold_through_a_fade() -> None:
    before = PARENT.samples.tobytes()
    louder = Audio(PARENT.samples * np.float32(2), RATE)
    ratio = splice(PARENT, louder, start_frame=4, end_frame=12, frame_samples=FRAME).samples[0] / PARENT.samples[0]
    assert PARENT.samples.tobytes() == before
    rise = ratio[4 * FRAME : 5 * FRAME]
    assert np.all(np.diff(rise) > -1e-4)
    assert (rise[0], rise[FRAME // 2], rise[-1]) == pytest.approx((1.0, 1.5, 2.0), abs=1e-3)
    assert ratio[11 * FRAME : 12 * FRAME] == pytest.approx(rise[::-1], abs=1e-5)


def test_a_song_that_ends_off_the_frame_grid_keeps_its_last_samples() -> None:
    parent, fresh = (Audio(audio.samples[:, :-1000], RATE) for audio in (PARENT, FRESH))
    samples = splice(parent, fresh, start_frame=FRAMES - 3, end_frame=FRAMES, frame_samples=FRAME).samples
    assert samples.shape == parent.samples.shape
    assert np.array_equal(samples[:, -FRAME:], fresh.samples[:, -FRAME:])


@pytest.mark.parametrize("span", [(3, 3), (5, 2), (-1, 4), (FRAMES, FRAMES + 2)])
def test_no_passage_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no passage"):
        joined(*span)


def test_renderings_that_do_not_match_are_refused() -> None:
    for other in (tones(2, FRAMES - 1), Audio(FRESH.samples, 48_000), Audio(FRESH.samples[:1], RATE)):
        with pytest.raises(ValueError, match="differ"):
            splice(PARENT, other, start_frame=2, end_frame=9, frame_samples=FRAME)


@given(song_frames=st.integers(1, 6144), data=st.data(), least_frames=st.integers(1, 50))
def test_a_passage_covers_what_was_named_and_stays_in_the_song(
    song_frames: int, data: st.DataObject, least_frames: int
) -> None:
    song_s = song_frames / FRAME_RATE
    start_s = data.draw(st.floats(0, song_s, exclude_max=True))
    end_s = data.draw(st.floats(start_s, 2 * song_s, exclude_min=True))
    passage = passage_between(start_s, end_s, song_frames=song_frames, least_frames=least_frames)
    assert 0 <= passage.start_frame < passage.end_frame <= song_frames
    assert passage.start_s <= start_s + 1e-6
    assert passage.end_s >= min(end_s, song_s) - 1e-6
    assert passage.frames >= min(least_frames, song_frames)
    if passage.frames > least_frames:
        assert passage.frames <= (min(end_s, song_s) - start_s) * FRAME_RATE + 2


@given(start=st.integers(0, 6000), length=st.integers(LEAST_FRAMES, 144))
def test_a_passage_named_by_its_own_seconds_is_itself(start: int, length: int) -> None:
    passage = frames(start, start + length)
    assert passage_between(passage.start_s, passage.end_s, song_frames=6144) == passage


def test_seconds_are_rounded_outwards_and_short_passages_widened() -> None:
    assert passage_between(45.0, 52.0, song_frames=2048) == frames(968, 1120)
    assert frame_at(45.0) == 968
    assert passage_between(90.0, 400.0, song_frames=2048) == frames(1937, 2048)
    assert passage_between(45.0, 45.01, song_frames=2048) == frames(965, 973)
    assert passage_between(0.0, 0.01, song_frames=2048) == frames(0, LEAST_FRAMES)
    assert passage_between(0.1, 0.2, song_frames=5) == frames(0, 5)


@pytest.mark.parametrize(
    ("start_s", "end_s", "what"),
    [
        (10.0, 10.0, "ends before"),
        (12.0, 10.0, "ends before"),
        (-1.0, 10.0, "outside the song"),
        (95.2, 96.0, "outside the song"),
        (math.nan, 10.0, "not between two times"),
        (1.0, math.inf, "not between two times"),
    ],
)
def test_times_that_name_no_passage_are_refused(start_s: float, end_s: float, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        passage_between(start_s, end_s, song_frames=2048)
    assert caught.value.remedy


def test_a_passage_without_frames_cannot_be() -> None:
    for start, end in ((4, 4), (5, 4), (-1, 4)):
        with pytest.raises(InputError, match="is empty"):
            frames(start, end)
