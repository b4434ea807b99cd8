"""What a separation is told by: residual, null, cross-talk, correlation, signal to distortion."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.selection.metrics import Measured, NotMeasurable
from tasks.separation.demucs.residual import FLOOR_DB, Tally, residual_of, summed
from tasks.separation.demucs.silence import passages_without_lines
from tests.bench.distortion import global_sdr

RATE = 1000


def noise(seed, *shape, scale=0.1):
    return (scale * np.random.Generator(np.random.PCG64(seed)).standard_normal(shape)).astype(np.float32)


def tally_of(mix, stems, passages=()):
    names = ("drums", "vocals")[: len(stems)]
    tally = Tally(names, RATE, passages)
    for start in range(0, mix.shape[1], 700):
        part = slice(start, start + 700)
        blocks = [stem[:, part] for stem in stems]
        tally.add(start, mix[:, part], blocks, residual=residual_of(mix[:, part], summed(blocks)))
    return tally.document()


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 6), st.floats(1e-6, 1.0), st.floats(1e-6, 1.0))
def test_stems_and_residual_sum_to_the_mix(seed, count, mix_level, stem_level) -> None:
    mix = noise(seed, 2, 500, scale=mix_level).clip(-1, 1)
    stems = [noise(seed + n + 1, 2, 500, scale=stem_level).clip(-1, 1) / np.float32(count) for n in range(count)]
    residual = residual_of(mix, summed(stems))
    assert residual.dtype == np.float32
    missed = np.abs(mix.astype(np.float64) - summed([*stems, residual])).max()
    assert missed <= 10 ** (-140 / 20)


def test_the_sum_is_exact_where_the_stems_come_near_the_mix() -> None:
    mix = noise(1, 2, 5000)
    stems = [mix * np.float32(0.6), mix * np.float32(0.3)]
    document = tally_of(mix, stems)
    assert document["null_dbfs"] == FLOOR_DB
    assert document["residual_db"] == pytest.approx(-20.0, abs=0.01)
    assert document["correlation"]["rows"][0][1] == 1.0


def test_correlation_is_that_of_numpy_and_unknown_for_a_silent_stem() -> None:
    mix, drums = noise(1, 2, 3000), noise(2, 2, 3000)
    voice = drums + noise(3, 2, 3000)
    rows = tally_of(mix, [drums, voice])["correlation"]["rows"]
    # Both have next to no mean, so that their cosine is their correlation.
    assert rows[0][1] == pytest.approx(np.corrcoef(drums.ravel(), voice.ravel())[0, 1], abs=0.01)
    assert tally_of(mix, [drums, 0 * voice])["correlation"]["rows"] == [[1.0, None], [None, None]]


def test_cross_talk_is_the_voice_where_nobody_sings() -> None:
    mix, drums, voice = noise(1, 2, 6000), noise(2, 2, 6000), noise(3, 2, 6000)
    voice[:, :2500] = mix[:, :2500] * np.float32(0.01)
    found = tally_of(mix, [drums, voice], passages=((0.0, 2.5),))["cross_talk"]
    assert found == {"value": pytest.approx(-40.0, abs=0.01), "unit": "dB", "passages_s": 2.5}


@pytest.mark.parametrize(
    ("silent", "stems", "passages", "reason"),
    [
        (False, 1, ((0.0, 1.0),), "no vocals"),
        (False, 2, (), "no passage"),
        (True, 2, ((0.0, 1.0),), "silent where nobody sings"),
    ],
)
def test_cross_talk_that_cannot_be_measured_says_why(silent, stems, passages, reason) -> None:
    mix = noise(1, 2, 3000)
    mix[:, :1000] *= 0 if silent else 1
    assert reason in tally_of(mix, [noise(2, 2, 3000)] * stems, passages)["cross_talk"]["not_measurable"]


def test_lines_take_the_time_before_and_after_their_stamp() -> None:
    assert passages_without_lines((20.0, 12.0, 60.0), 90.0) == ((0.0, 11.0), (28.0, 59.0), (68.0, 90.0))
    assert passages_without_lines((1.0,), 10.0) == ()
    assert passages_without_lines((), 60.0) == ()
    assert passages_without_lines((70.0,), 30.0) == ((0.0, 30.0),)


@given(st.lists(st.floats(0, 300), max_size=12), st.floats(1, 300))
def test_passages_are_in_order_inside_the_song_and_touch_no_line(starts, duration_s) -> None:
    found = passages_without_lines(starts, duration_s)
    assert all(0 <= begin < end <= duration_s for begin, end in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    assert not any(begin <= start < end for begin, end in found for start in starts)


def test_signal_to_distortion_is_the_challenges() -> None:
    reference = noise(1, 2, 40_000)
    error = noise(2, 2, 40_000, scale=0.01)
    expected = 10 * np.log10(np.square(reference, dtype=float).sum() / np.square(error, dtype=float).sum())
    measured = global_sdr(reference, reference + error)
    assert isinstance(measured, Measured)
    assert measured.value == pytest.approx(expected, abs=0.01)
    # No filter forgives a wrong level, as museval's would: half of it is 6.02 dB.
    half = global_sdr(reference, reference / 2)
    assert isinstance(half, Measured)
    assert half.value == pytest.approx(6.02, abs=0.01)


def test_signal_to_distortion_has_defined_ends() -> None:
    reference = noise(1, 2, 1000)
    perfect, none = global_sdr(reference, reference), global_sdr(reference, 0 * reference)
    assert isinstance(perfect, Measured)
    assert 60 < perfect.value < 200
    assert none == Measured(0.0)
    assert isinstance(global_sdr(0 * reference, reference), NotMeasurable)
    with pytest.raises(ValueError, match="shape"):
        global_sdr(reference, reference[:, 1:])
