"""A file heard in blocks is read as a loaded one is, to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.audio.metering.loudness import unit_powers
from tasks.audio.metering.meter import meter_file, read_measurement, series_document
from tasks.audio.metering.streamed import StreamedPowers
from tasks.audio.stream import open_stream
from tasks.mastering.analysis.reference import measure_reference, reference_from


def noise(frames: int, channels: int = 2, rate: int = 44100, *, scale: float = 0.3) -> Audio:
    samples = np.random.default_rng(frames).standard_normal((channels, frames)) * scale
    return Audio.of(samples * np.linspace(0.1, 1, frames), rate)


@pytest.mark.parametrize(("rate", "channels"), [(44100, 2), (48000, 1), (11025, 2), (22050, 6)])
def test_powers_of_blocks_are_those_of_the_whole(rate: int, channels: int) -> None:
    audio = noise(5 * rate + 77, channels, rate)
    streamed = StreamedPowers(rate, channels)
    for start in range(0, audio.frames, 7001):
        streamed.take(audio.samples[:, start : start + 7001])
    assert np.array_equal(streamed.powers(), unit_powers(audio))


@pytest.mark.slow
@pytest.mark.parametrize("frames", [0, 100, 20_000, 300_001, 700_000])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_file_is_metered_as_loaded_audio_is(tmp_path: Path, frames: int, channels: int) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, noise(frames, channels), subtype="FLOAT")
    audio, read = read_audio(path), meter_file(path, series=True)
    assert read.meter == read_measurement(audio)
    assert read.series == series_document(audio)
    assert (read.duration_s, read.rate, read.channels) == (audio.duration_s, audio.rate, audio.channels)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30, 0.0, 1e-42])
def test_samples_out_of_the_ordinary_are_metered_alike(tmp_path: Path, value: float) -> None:
    audio = noise(50_000)
    audio.samples[:, 20_000:] = value
    write_wav(tmp_path / "a.wav", audio, subtype="FLOAT")
    assert meter_file(tmp_path / "a.wav").meter == read_measurement(audio)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_reference_is_heard_in_blocks_as_whole(tmp_path: Path, channels: int) -> None:
    audio = noise(400_000, channels)
    write_wav(tmp_path / "a.wav", audio, subtype="FLOAT")
    streamed, loaded = reference_from(tmp_path / "a.wav"), measure_reference(audio)
    assert np.array_equal(streamed.curve.levels_db, loaded.curve.levels_db)
    assert streamed.loudness_lufs == loaded.loudness_lufs


@pytest.mark.slow
@pytest.mark.parametrize("form", ["wav", "flac", "mp3"])
def test_the_middle_alone_is_read(tmp_path: Path, form: str) -> None:
    audio = noise(441_000)
    soundfile.write(tmp_path / f"a.{form}", audio.samples.T, 44100)
    whole = read_audio(tmp_path / f"a.{form}").samples
    with open_stream(tmp_path / f"a.{form}") as stream:
        middle = np.concatenate(list(stream.middle(2 * stream.rate, 5000)))
    start = (whole.shape[1] - 88_200) // 2 if form != "mp3" or stream.frames else 0
    assert np.abs(middle.T - whole[:, start : start + 88_200]).max() < (0.01 if form == "mp3" else 1e-9)
    with open_stream(tmp_path / f"a.{form}") as stream:
        assert sum(len(block) for block in stream.middle(60 * stream.rate)) == whole.shape[1]
