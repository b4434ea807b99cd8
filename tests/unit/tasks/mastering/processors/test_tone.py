"""Tone: bounded, smooth, linked, level-neutral, and only where there is something to correct."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.album.mastering import MasteringSpec, Tone
from catalog.common.errors import AudioRefused
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.mastering.analysis.admission import loudness_or_refusal
from tasks.mastering.analysis.curves import OCTAVE_LEVELS_DB, Curve, curve_of, named_curve
from tasks.mastering.analysis.reference import measure_reference, reference_from
from tasks.mastering.analysis.spectrum import CENTRES_HZ, Spectrum, third_octaves
from tasks.mastering.chain import master_file
from tasks.mastering.processors.tone import Correction, correction, filtered, minimum_phase
from tasks.mastering.stages import Stages
from tests.support.signals.mastering import RATE, audio, noise, song, tone


def shaped(curve: Curve, tilt_db: float = 0.0, duration_s: float = 4.0) -> Audio:
    """Noise with the spectrum of a curve, ``tilt_db`` an octave added to it."""
    white = np.random.Generator(np.random.PCG64(4)).standard_normal((2, round(duration_s * RATE)))
    lines = np.fft.rfft(white)
    hz = np.maximum(np.fft.rfftfreq(white.shape[1], 1 / RATE), CENTRES_HZ[0])
    octaves = np.log2(hz / 1000)
    # a band's width grows by 3 dB an octave, which white noise gains and a curve does not
    levels_db = np.interp(np.log2(hz), np.log2(CENTRES_HZ), curve.levels_db) + (tilt_db - 3.0103) * octaves
    samples = np.fft.irfft(lines * 10 ** (levels_db / 20))
    return audio(0.1 * samples / np.abs(samples).std())


def away_db(sound: Audio, curve: Curve) -> float:
    """Mean distance from a curve over the bands, both at one mean level."""
    levels = third_octaves(sound).levels_db
    return float(np.abs(levels - levels.mean() - curve.levels_db + curve.levels_db.mean()).mean())


def test_third_octaves_of_known_sounds() -> None:
    found = third_octaves(audio(tone(1000, peak=0.5)))
    top = int(np.argmax(found.levels_db))
    assert CENTRES_HZ[top] == 1000
    assert found.levels_db[top] == pytest.approx(10 * np.log10(2 * 0.5**2 / 2), abs=0.1)
    white = third_octaves(audio(noise(-20))).levels_db
    assert np.diff(white)[3:].mean() == pytest.approx(10 * np.log10(2) / 3, abs=0.05)


def test_pauses_do_not_count() -> None:
    sound = song(4)
    gaps = np.concatenate([sound, np.zeros((2, 8 * RATE)), 1e-3 * noise(-10, 4)], axis=1)
    whole, paused = third_octaves(audio(sound)).levels_db, third_octaves(audio(gaps)).levels_db
    assert np.abs(whole - paused).max() < 1.0


def test_every_tone_has_a_curve() -> None:
    assert set(OCTAVE_LEVELS_DB) == set(get_args(Tone)) - {"none"}
    for name in OCTAVE_LEVELS_DB:
        levels = named_curve(name).levels_db
        assert 15 < levels.max() - levels[-1] < 40


@settings(max_examples=40, deadline=None)
@given(
    song_db=st.lists(st.floats(-80, 20), min_size=27, max_size=27),
    curve_db=st.lists(st.floats(-80, 20), min_size=27, max_size=27),
    max_db=st.floats(0, 6),
    tolerance_db=st.floats(0, 6),
)
def test_a_correction_keeps_its_bound(
    song_db: list[float], curve_db: list[float], max_db: float, tolerance_db: float
) -> None:
    curve = Curve(np.array(curve_db), tolerance_db)
    change = correction(Spectrum(np.array(song_db)), curve, max_db=max_db, rate=RATE)
    if change is None:
        return
    assert change.most_db <= max_db + 1e-9
    assert np.abs(np.diff(change.gains_db)).max() <= 2 * max_db / 3 + 1e-9
    response = 20 * np.log10(np.abs(np.fft.rfft(minimum_phase(change, RATE), 1 << 14)))
    assert np.abs(response).max() <= max_db + 0.3


def test_the_filter_has_the_response_asked_for_and_no_delay() -> None:
    gains = 3 * np.sin(np.arange(27) / 4)
    taps = minimum_phase(Correction(gains), RATE)
    hz = np.fft.rfftfreq(1 << 15, 1 / RATE)
    response = 20 * np.log10(np.abs(np.fft.rfft(taps, 1 << 15)))
    assert np.interp(CENTRES_HZ, hz, response) == pytest.approx(gains, abs=0.1)
    assert np.abs(taps).argmax() == 0
    click = np.zeros((2, RATE))
    click[:, 1000] = 0.5
    through = filtered(audio(click), Correction(gains)).samples
    assert np.abs(through[:, :1000]).max() < 1e-6
    assert through.shape == (2, RATE)


@pytest.mark.slow
def test_long_sound_is_filtered_in_parts_without_seams() -> None:
    line = audio(noise(-20, 41.0))
    gains = Correction(np.linspace(-3, 3, 27))
    from_parts = filtered(line, gains).samples[0]
    whole = np.convolve(line.samples[0], minimum_phase(gains, RATE))[: line.frames]
    assert np.abs(from_parts - whole).max() < 1e-5


@pytest.mark.parametrize("name", ["balanced", "rock", "classical"])
def test_what_strays_comes_nearer_and_what_fits_stays(name: Tone) -> None:
    curve = named_curve(name)
    fitting = correction(third_octaves(shaped(curve)), curve, max_db=3, rate=RATE)
    assert fitting is not None
    assert fitting.most_db < 0.1
    for tilt_db in (-4.0, 4.0):
        stray = shaped(curve, tilt_db)
        change = correction(third_octaves(stray), curve, max_db=3, rate=RATE)
        assert change is not None
        assert change.gains_db[-1] * tilt_db < 0
        assert away_db(filtered(stray, change), curve) < away_db(stray, curve) - 1


@pytest.mark.parametrize("samples", [tone(997), tone(RATE / 4, degrees=45)], ids=["sine", "fs/4"])
def test_too_little_spectrum_is_left_alone(samples: np.ndarray) -> None:
    assert correction(third_octaves(audio(samples)), named_curve("pop"), max_db=3, rate=RATE) is None


def test_an_empty_top_is_not_lifted() -> None:
    dull = shaped(named_curve("pop"))
    lines = np.fft.rfft(dull.samples)
    lines[:, np.fft.rfftfreq(dull.frames, 1 / RATE) > 10_000] = 0
    change = correction(third_octaves(audio(np.fft.irfft(lines))), named_curve("pop"), max_db=3, rate=RATE)
    assert change is not None
    assert np.abs(change.gains_db[CENTRES_HZ > 12_500]).max() < 0.5


def test_a_level_neutral_stage_keeps_loudness_and_image() -> None:
    line = song(4)[0]
    run = Stages(audio(np.stack([line, 0.5 * line])))
    run.to_working_level(-18.0)
    run.linear("tone", {}, lambda sound: filtered(sound, Correction(np.linspace(3, -3, 27))), neutral=True)
    assert loudness_or_refusal(run.audio) == pytest.approx(-18.0, abs=0.001)
    assert np.allclose(run.audio.samples[1], 0.5 * run.audio.samples[0], atol=1e-6)
    assert abs(float(str(run.done[-1].parameters["makeup_db"]))) > 0.2


@pytest.mark.parametrize("loudness", [False, True])
def test_a_reference_gives_the_tone_and_on_request_the_loudness(tmp_path: Path, loudness: bool) -> None:
    dark = shaped(named_curve("balanced"), -3.0)
    write_wav(tmp_path / "dark.wav", dark, subtype="FLOAT")
    reference = reference_from(tmp_path / "dark.wav")
    spec = MasteringSpec(reference="dark.wav", reference_loudness=loudness, compression={"enabled": False})  # type: ignore[arg-type]
    source = shaped(named_curve("balanced"), 1.0)
    report = master_file(source, tmp_path / "master.wav", spec=spec, reference=reference)
    written = read_audio(tmp_path / "master.wav")
    assert away_db(written, reference.curve) < away_db(source, reference.curve) - 1
    assert report.target_lufs == (reference.loudness_lufs if loudness else -14)
    assert report.integrated_lufs == pytest.approx(report.target_lufs, abs=0.05)
    assert [stage.parameters["curve"] for stage in report.stages if stage.name == "tone"] == ["reference"]


@pytest.mark.slow
def test_a_loud_reference_brings_the_loud_ceiling(tmp_path: Path) -> None:
    reference = measure_reference(audio(np.clip(song(4) * 6, -1, 1)))
    assert reference.loudness_lufs > -12
    spec = MasteringSpec(reference="hot.wav", reference_loudness=True)
    report = master_file(audio(song(4)), tmp_path / "master.wav", spec=spec, reference=reference)
    assert report.ceiling_dbtp == -2


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((2, 4 * RATE)), "silent"),
        (noise(-20, 2.0), "too_short"),
        (noise(-20, 0.2), "too_short"),
        (noise(-20) * np.nan, "invalid"),
        (np.repeat(noise(-20), 2, axis=0), "invalid"),
    ],
)
def test_a_reference_that_cannot_serve_is_refused_by_name(samples: np.ndarray, reason: str) -> None:
    with pytest.raises(AudioRefused, match="reference") as refused:
        measure_reference(audio(samples))
    assert refused.value.reason == reason


def test_a_reference_that_is_no_audio_is_refused(tmp_path: Path) -> None:
    (tmp_path / "reference.wav").write_text("not a sound")
    with pytest.raises(AudioRefused, match="the reference cannot be used") as refused:
        reference_from(tmp_path / "reference.wav")
    assert refused.value.reason == "invalid"


def test_a_reference_named_and_not_given_is_a_mistake_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reference"):
        master_file(audio(song(1)), tmp_path / "a.wav", spec=MasteringSpec(reference="a.wav"))


def test_an_unusable_curve_is_that_of_nothing() -> None:
    nothing = curve_of(third_octaves(audio(np.zeros((2, RATE)))))
    assert correction(third_octaves(audio(song(2))), nothing, max_db=3, rate=RATE) is None
