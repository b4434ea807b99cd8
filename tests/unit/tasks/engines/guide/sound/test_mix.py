"""The mix: places to both sides, and the equaliser that brings it nearer to a curve."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from pedalboard import (  # type: ignore[attr-defined]  # its stub does not export Pedalboard
    Chorus,
    Compressor,
    Delay,
    HighpassFilter,
    Pedalboard,
    Reverb,
)
from scipy.signal import sosfilt

from catalog.album.mastering import Tone
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.engines.guide.arrangement.score import Stem
from tasks.engines.guide.sound.blocks import Effects, blocks
from tasks.engines.guide.sound.mix import PLACES, mix_stem
from tasks.engines.guide.sound.source import Sound
from tasks.engines.guide.sound.tone import MOST_DB, correction_db, towards
from tasks.engines.guide.sound.width import SIDE_AGAINST_MID_DB, widen
from tasks.mastering.analysis.curves import named_curve
from tasks.mastering.analysis.spectrum import CENTRES_HZ, third_octaves
from tests.support.tones import RATE

FRAMES = 8 * RATE


def noise(seed: int, channels: int = 2) -> Sound:
    """Noise that falls by 3 dB an octave, the same in every channel but for a tenth."""
    rng = np.random.Generator(np.random.PCG64(seed))
    spectrum = np.fft.rfft(rng.standard_normal((3, FRAMES)))
    spectrum /= np.sqrt(np.maximum(1.0, np.arange(spectrum.shape[1])))
    common, *own = np.fft.irfft(spectrum, FRAMES)
    return np.stack([common + 0.1 * each for each in own])[:channels].astype(np.float32) * np.float32(20)


def distance_db(sound: Sound, tone: Tone) -> float:
    """Mean distance of a sound from a curve over 63 Hz to 10 kHz, dB."""
    difference = third_octaves(Audio(sound, RATE)).levels_db - named_curve(tone).levels_db
    difference = difference[(CENTRES_HZ > 60) & (CENTRES_HZ < 10_500)]
    return float(np.abs(difference - difference.mean()).mean())


@pytest.mark.parametrize("tone", ["pop", "rock", "electronic", "jazz", "acoustic"])
def test_the_equaliser_brings_a_mix_nearer_to_its_curve(tone: Tone) -> None:
    stems = [noise(1), noise(2)]
    before = distance_db(stems[0] + stems[1], tone)
    towards(stems, tone)
    assert distance_db(stems[0] + stems[1], tone) < 0.7 * before


def test_all_stems_go_through_one_filter() -> None:
    first, second = noise(1), noise(2)
    both = [first.copy(), second.copy()]
    gains = correction_db(both, "rock")
    assert 0.5 < np.abs(gains).max() <= MOST_DB
    towards(both, "rock")
    whole = [first + second]
    towards(whole, "rock")
    assert np.abs(both[0] + both[1] - whole[0]).max() < 1e-4 * np.abs(whole[0]).max()


def test_what_is_far_from_a_curve_is_moved_by_the_limit_and_no_further() -> None:
    dull = [sosfilt(np.array([[0.002, 0.004, 0.002, 1.0, -1.87, 0.878]], dtype=np.float32), noise(1))]
    assert np.abs(correction_db(dull, "pop")).max() <= MOST_DB


@pytest.mark.parametrize("own_side", [0.25, 0.5, 0.8])
def test_the_sides_of_the_instruments_bring_the_mix_to_its_width(own_side: float) -> None:
    rng = np.random.Generator(np.random.PCG64(5))
    common, apart = rng.standard_normal((2, FRAMES), dtype=np.float32) * np.float32(0.1)
    singer = np.stack([common, common])
    silence = np.zeros_like(singer)
    other = np.stack([common + own_side * apart, common - own_side * apart]).astype(np.float32)
    stems: dict[Stem, Sound] = {"vocals": singer, "drums": silence, "bass": silence.copy(), "other": other}
    before = distances_db(stems)
    widen(stems)
    for was, now in zip(before, distances_db(stems), strict=True):
        assert now < max(0.3, was - 2.5)


def distances_db(stems: Mapping[Stem, Sound]) -> list[float]:
    """How far side against mid of the sum is from its usual value, well below and above 3 kHz, dB."""
    left, right = np.fft.rfft(sum(stems.values()), axis=1)
    hertz = np.fft.rfftfreq(FRAMES, 1 / RATE)
    distances = []
    for (low_hz, high_hz), usual_db in zip(((200, 1500), (3500, 16000)), SIDE_AGAINST_MID_DB, strict=True):
        band = (hertz > low_hz) & (hertz < high_hz)
        side, mid = (float((np.abs(mixed[band]) ** 2).sum()) for mixed in (left - right, left + right))
        distances.append(abs(10 * float(np.log10(side / mid)) - usual_db))
    return distances


def test_the_voice_keeps_its_tone_and_the_band_its_loudness() -> None:
    voice, band = noise(1), noise(2)
    before, sung = integrated_lufs(Audio(band, RATE)), voice.copy()
    towards([band], "rock", voice)
    after = integrated_lufs(Audio(band, RATE))
    assert np.array_equal(voice, sung)
    assert isinstance(before, Measured)
    assert isinstance(after, Measured)
    assert after.value == pytest.approx(before.value, abs=0.3)


def test_a_voice_without_a_band_stays_what_it_is() -> None:
    voice, band = noise(1), np.zeros((2, FRAMES), dtype=np.float32)
    assert not correction_db([band], "rock", voice).any()
    towards([band], "rock", voice)
    assert not band.any()


def test_effects_in_blocks_are_those_of_the_whole() -> None:
    whole = noise(6)[:, : FRAMES - 9000]  # the last block is longer than those before it
    plugins = (HighpassFilter(200), Compressor(-24, 3.0), Reverb(), Delay(0.3, feedback=0.25, mix=0.5), Chorus())
    for plugin in plugins:
        effects = Effects([plugin])
        in_blocks = np.concatenate([effects(whole[:, block]) for block in blocks(whole.shape[1])], axis=1)
        assert np.array_equal(in_blocks, Pedalboard([plugin])(whole, RATE))


def test_a_mix_in_one_place_stays_there() -> None:
    mono: dict[Stem, Sound] = {
        "vocals": noise(1, 1).repeat(2, axis=0),
        "other": np.zeros((2, FRAMES), dtype=np.float32),
    }
    widen(mono)
    assert not mono["other"].any()


def test_silence_and_a_moment_stay_what_they_are() -> None:
    silence = [np.zeros((2, FRAMES), dtype=np.float32)]
    towards(silence, "pop")
    assert not silence[0].any()
    moment = [np.full((2, 5), 0.1, dtype=np.float32)]
    towards(moment, "pop")
    assert np.isfinite(moment[0]).all()


def test_a_doubled_part_stands_at_both_sides_and_a_plain_one_in_its_place() -> None:
    doubled = [name for name, place in PLACES.items() if place.doubled]
    assert doubled
    left_only = np.zeros((2, FRAMES), dtype=np.float32)
    left_only[0] = noise(3, 1)[0]
    sound = mix_stem([(doubled[0], left_only)], "other", frames=FRAMES, reverb=0.0, beat_s=0.5)
    powers = np.square(sound).mean(axis=1)
    assert 10 < 10 * np.log10(powers[0] / powers[1]) < 25
    centred = mix_stem([("bass", noise(3, 1))], "bass", frames=FRAMES, reverb=0.0, beat_s=0.5)
    assert np.ptp(centred, axis=0).max() < 1e-6


@pytest.mark.parametrize("name", PLACES)
def test_only_bass_and_drums_keep_what_is_low(name: str) -> None:
    low = np.sin(2 * np.pi * 40 * np.arange(FRAMES) / RATE).astype(np.float32)[np.newaxis]
    dry = np.repeat(low + noise(4, 1), 2, axis=0)
    before = _low_share_db(dry)
    after = _low_share_db(mix_stem([(name, dry)], "bass", frames=FRAMES, reverb=0.0, beat_s=0.5))
    assert (after > before - 4) == (name in ("drums", "bass"))


def _low_share_db(sound: Sound) -> float:
    """The power around 40 Hz against that of 300 Hz to 3 kHz."""
    power = np.abs(np.fft.rfft(sound.sum(axis=0))) ** 2
    hertz = np.fft.rfftfreq(FRAMES, 1 / RATE)
    low, middle = (power[(hertz > low_hz) & (hertz < high_hz)].sum() for low_hz, high_hz in ((39, 41), (300, 3000)))
    return float(10 * np.log10(low / middle))
