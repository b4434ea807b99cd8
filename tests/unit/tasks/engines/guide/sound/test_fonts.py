"""SoundFonts: layers, presets over instruments, stereo pairs, loops, compressed samples, and files that lie."""

from __future__ import annotations

import io
import os
import struct
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catalog.common.errors import MachineError
from catalog.common.settings import Settings
from tasks.engines.guide.arrangement.score import Note, Part
from tasks.engines.guide.engine import GuideEngine
from tasks.engines.guide.instruments import instruments
from tasks.engines.guide.sound.fonts.soundfont import SoundFont, zones_at
from tasks.engines.guide.sound.sampler import Sampler
from tests.support.guide_songs import song
from tests.support.soundfonts import RATE, FontParts, Generators, soundfont, span, tone

PAN, INSTRUMENT, KEYS, VELOCITIES, ATTENUATION, FINE, SAMPLE, MODES, SCALE = 17, 41, 43, 44, 48, 52, 53, 54, 56
SINES_HZ = (440.0, 550.0, 660.0, 770.0)
SPLIT_KEY, SPLIT_VELOCITY = 60, 64


def layered() -> FontParts:
    """Program 0: two layers by velocity and two ranges of keys, a mono pair; program 1: a stereo pair; program 2:
    program 0 through a preset that halves its keys, tunes it up by 50 cents and makes it 20 dB softer."""
    one_pitch = {SCALE: 0}
    layers: list[Generators] = [one_pitch]
    for index in range(4):
        keys = span(0, SPLIT_KEY - 1) if index < 2 else span(SPLIT_KEY, 127)
        velocities = span(0, SPLIT_VELOCITY - 1) if index % 2 == 0 else span(SPLIT_VELOCITY, 127)
        layers.append({KEYS: keys, VELOCITIES: velocities, SAMPLE: index})
    pair: list[Generators] = [{PAN: -500, SCALE: 0, SAMPLE: 0}, {PAN: 500, SCALE: 0, SAMPLE: 1}]
    looped: list[Generators] = [{MODES: 1, SCALE: 0, SAMPLE: 0}]
    presets: dict[tuple[int, int], list[Generators]] = {
        (0, 0): [{INSTRUMENT: 0}],
        (1, 0): [{INSTRUMENT: 1}],
        (2, 0): [{FINE: 25}, {KEYS: span(48, 127), FINE: 50, ATTENUATION: 500, INSTRUMENT: 0}],
        (3, 0): [{INSTRUMENT: 2}],
        (0, 128): [{INSTRUMENT: 0}],
    }
    return FontParts([tone(hertz) for hertz in SINES_HZ], [layers, pair, looped], presets)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("fonts") / "layers.sf2"
    path.write_bytes(soundfont(layered()))
    return path


def heard(path: Path, program: int, pitch: int, velocity: int, *, seconds: float = 0.5) -> NDArray[np.float32]:
    """The stereo sound of one note."""
    part = Part("chords", "other", program, (Note(0.0, seconds, pitch, velocity),))
    return Sampler(SoundFont(path)).play(part, frames=round(seconds * RATE))


def pitches_hz(sound: NDArray[np.float32]) -> list[float]:
    """The frequencies within 20 dB of the strongest, to 2 Hz."""
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    peaks = [i for i in range(1, len(power) - 1) if power[i] >= power[i - 1] and power[i] > power[i + 1]]
    return [i * RATE / len(sound) for i in peaks if power[i] > power.max() / 10]


@pytest.mark.parametrize("program", [0, 1, 2])
def test_every_key_and_velocity_has_its_one_zone_or_its_pair(path: Path, program: int) -> None:
    zones = SoundFont(path).zones(program)
    for key in range(128):
        for velocity in range(1, 128):
            sounding = zones_at(zones, key, velocity)
            assert len(sounding) == (2 if program == 1 else 1), (key, velocity)


@pytest.mark.parametrize(
    ("pitch", "velocity", "expected_hz"),
    [(59, 63, 440.0), (59, 64, 550.0), (60, 63, 660.0), (60, 64, 770.0), (0, 1, 440.0), (127, 127, 770.0)],
)
def test_velocity_and_key_choose_the_sample(path: Path, pitch: int, velocity: int, expected_hz: float) -> None:
    (found_hz,) = pitches_hz(heard(path, 0, pitch, velocity)[0])
    assert found_hz == pytest.approx(expected_hz, abs=2.5)


def test_a_stereo_pair_goes_left_and_right(path: Path) -> None:
    left, right = heard(path, 1, 60, 100)
    assert pitches_hz(left) == [pytest.approx(440.0, abs=2.5)]
    assert pitches_hz(right) == [pytest.approx(550.0, abs=2.5)]


def test_a_preset_is_added_to_its_instrument_and_narrows_it(path: Path) -> None:
    plain, changed = (heard(path, program, 60, 100)[0] for program in (0, 2))
    assert 20 * np.log10(np.abs(plain).max() / np.abs(changed).max()) == pytest.approx(20.0, abs=0.3)
    (found_hz,) = pitches_hz(changed)
    assert found_hz == pytest.approx(770.0 * 2 ** (50 / 1200), abs=2.5)  # its own 50 cents in place of the shared 25
    zones = SoundFont(path).zones(2)
    assert min(zone.keys[0] for zone in zones) == 48


def test_loops_hold_and_others_end(path: Path) -> None:
    held, plain = heard(path, 3, 60, 100, seconds=3.0), heard(path, 1, 60, 100, seconds=3.0)
    assert np.abs(held[0, -RATE:]).max() > 0.1
    assert not plain[:, -RATE:].any()


def test_a_missing_program_is_named(path: Path) -> None:
    with pytest.raises(MachineError, match="no instrument 99"):
        SoundFont(path).zones(99)


def test_compressed_samples_are_read(tmp_path: Path) -> None:
    stream = io.BytesIO()
    soundfile.write(stream, tone(440.0), RATE, format="OGG", subtype="VORBIS")
    parts = FontParts([], [[{MODES: 1, SCALE: 0, SAMPLE: 0}]], {(0, 0): [{INSTRUMENT: 0}]}, [stream.getvalue()])
    path = tmp_path / "small.sf3"
    path.write_bytes(soundfont(parts))
    sound = heard(path, 0, 60, 100, seconds=2.0)[0]
    assert pitches_hz(sound[: RATE // 2])[0] == pytest.approx(440.0, abs=2.5)
    assert np.abs(sound[-RATE // 2 :]).max() > 0.1
    path.write_bytes(soundfont(FontParts([], parts.instruments, parts.presets, [b"OggS" + bytes(90)])))
    with pytest.raises(MachineError, match=r"small\.sf3"):
        heard(path, 0, 60, 100)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2000), st.binary(min_size=1, max_size=6), st.integers(0, 400_000))
def test_a_damaged_file_is_refused_or_played_within_bounds(
    tmp_path: Path, from_the_end: int, noise: bytes, cut_at: int
) -> None:
    data = bytearray(soundfont(layered()))
    start = max(0, len(data) - from_the_end - len(noise))
    data[start : start + len(noise)] = noise
    path = tmp_path / "damaged.sf2"
    path.write_bytes(data[:cut_at] if cut_at > 350_000 else data)
    with suppress(MachineError):
        sounds = [heard(path, program, 60, 100) for program in (0, 1, 2, 3)]
        assert all(np.isfinite(sound).all() and sound.shape == (2, RATE // 2) for sound in sounds)


def test_endless_envelopes_and_lists_take_no_memory(tmp_path: Path) -> None:
    slow: Generators = {34: 32767, 38: 32767, 36: 32767, 51: 32767, 8: -32768, SAMPLE: 0}
    path = tmp_path / "slow.sf2"
    path.write_bytes(soundfont(FontParts([tone(440.0)], [[slow]], {(0, 0): [{INSTRUMENT: 0}]})))
    assert np.isfinite(heard(path, 0, 60, 100)).all()
    nested = b"sfbk" + b"".join(b"LIST" + struct.pack("<I", 1 << 31) + b"sdta" for _ in range(50_000))
    path.write_bytes(b"RIFF" + struct.pack("<I", len(nested)) + nested)
    with pytest.raises(MachineError):
        SoundFont(path)


def test_the_setting_chooses_the_font_and_changes_the_recipe(path: Path) -> None:
    chosen, usual = GuideEngine(Settings(soundfont=path)), GuideEngine(Settings())
    recipe = chosen.recipe(song(), 1)
    assert recipe.inputs["instruments"] == instruments(path)
    assert recipe.digest != usual.recipe(song(), 1).digest
    assert usual.models(usual.recipe(song(), 1))[0].licence == "GPL-2.0"
    used, _ = chosen.models(recipe)
    assert used.digest == recipe.inputs["instruments"]["soundfont"]
    assert "GPL" not in used.licence


def test_a_setting_that_names_no_file_says_so(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.sf2"
    os.mkfifo(pipe)
    for wrong in (tmp_path / "none.sf2", tmp_path, pipe):
        with pytest.raises(MachineError, match="SONGLINE_SOUNDFONT") as caught:
            GuideEngine(Settings(soundfont=wrong)).recipe(song(), 1)
        assert "unset" in caught.value.remedy
