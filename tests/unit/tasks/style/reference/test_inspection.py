"""What the inspection of a reference finds, and what it lets pass."""

from __future__ import annotations

import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from catalog.common.errors import InputError
from tasks.style.reference.inspection import inspect

Signal = NDArray[np.float64]

RATE = 44100


@cache
def pink() -> Signal:
    """Stereo noise that falls by 3 dB an octave, as music does on the whole; shape (2^20, 2)."""
    generator = np.random.Generator(np.random.PCG64(1))
    spectra = np.fft.rfft(generator.standard_normal((3, 1 << 20)))
    spectra /= np.sqrt(np.maximum(np.arange(spectra.shape[1]), 1))
    middle, left, right = np.fft.irfft(spectra)
    both = np.stack([middle + 0.4 * left, middle + 0.4 * right], axis=1)
    return np.asarray(0.5 * both / np.abs(both).max())


def music(length_s: float = 12.0, *, rate: int = RATE) -> Signal:
    """Pink noise of a length, played at a rate; shape (frames, 2)."""
    return np.resize(pink(), (round(length_s * rate), 2))


def low_pass(signal: Signal, hz: float, order: int) -> Signal:
    return np.asarray(sosfilt(butter(order, hz, fs=RATE, output="sos"), signal, axis=0))


def sines(*frequencies: float, amplitude: float = 0.5, length_s: float = 12.0) -> Signal:
    """The first tone left, the others right."""
    times = np.arange(round(length_s * RATE)) / RATE
    left, *right = (np.sin(2 * np.pi * hz * times) for hz in frequencies)
    return amplitude * np.stack([left, np.sum(right, axis=0)], axis=1)


class Shelf:
    """Writes signals as files of a test's own and inspects them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(
        self, signal: Signal, name: str = "a.wav", subtype: str = "PCM_16", *, rate: int = RATE, **how: object
    ) -> Path:
        path = self.folder / name
        channels = 1 if signal.ndim == 1 else signal.shape[1]
        with soundfile.SoundFile(path, "w", rate, channels, subtype, **how) as file:
            for start in range(0, len(signal), 65536):
                file.write(signal[start : start + 65536].astype(np.float32))
        return path

    def mp3(self, signal: Signal, *, level: float) -> Path:
        return self.write(signal, "a.mp3", "MPEG_LAYER_III", compression_level=level, bitrate_mode="CONSTANT")

    def rip(self, path: Path) -> Path:
        """A lossless file of what a lossy one holds."""
        samples, rate = soundfile.read(path)
        return self.write(samples, "rip.wav", rate=rate)

    def found(self, signal: Signal, subtype: str = "PCM_16", *, rate: int = RATE) -> dict[str, str]:
        return found(self.write(signal, subtype=subtype, rate=rate))


def found(path: Path) -> dict[str, str]:
    return {finding.check: finding.message for finding in inspect(path)}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


class TestHonestMaterialPasses:
    @pytest.mark.slow
    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
    def test_full_band_music(self, shelf: Shelf, subtype: str) -> None:
        assert shelf.found(music(), subtype) == {}

    @pytest.mark.slow
    def test_flac(self, shelf: Shelf) -> None:
        assert found(shelf.write(music(), "a.flac", "PCM_24")) == {}

    @pytest.mark.parametrize(("hz", "order"), [(9000, 2), (4000, 2), (4000, 4), (10000, 4), (15000, 4), (8000, 8)])
    @pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
    def test_dark_recordings_roll_off_and_are_no_rips(self, shelf: Shelf, hz: float, order: int, subtype: str) -> None:
        assert shelf.found(low_pass(music(), hz, order), subtype) == {}

    @pytest.mark.slow
    def test_pure_tones_and_their_harmonics_have_no_edge(self, shelf: Shelf) -> None:
        assert shelf.found(sines(440, 660), "FLOAT") == {}
        assert shelf.found(sines(440, *(330 * k for k in range(1, 34)), amplitude=0.02), "PCM_24") == {}

    @pytest.mark.parametrize(("source", "target"), [(48000, 44100), (44100, 48000), (44100, 96000), (96000, 44100)])
    def test_ordinary_conversions(self, shelf: Shelf, source: int, target: int) -> None:
        converted = soxr.resample(music(rate=source), source, target, quality="HQ")
        assert shelf.found(converted, "PCM_24", rate=target) == {}

    def test_deep_loud_tones_are_round_and_not_clipped(self, shelf: Shelf) -> None:
        assert shelf.found(sines(20, 25, amplitude=1.0)) == {}

    def test_saturation_without_flat_tops(self, shelf: Shelf) -> None:
        assert shelf.found(0.99 * np.tanh(3 * music())) == {}

    def test_a_handful_of_overs_in_a_song(self, shelf: Shelf) -> None:
        signal = music()
        signal[[[50_000], [50_001], [50_002]], 0] = 1.0
        assert shelf.found(signal) == {}

    def test_narrow_stereo(self, shelf: Shelf) -> None:
        signal = music()
        middle, side = signal.mean(axis=1), 0.03 * signal[::-1, 0]
        assert shelf.found(np.stack([middle + side, middle - side], axis=1)) == {}


class TestLossySources:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("level", "kilohertz"), [(0.4, (18.4, 19.2)), (0.6, (17.0, 18.0)), (0.7, (15.0, 16.5)), (0.9, (10.5, 12.0))]
    )
    def test_a_rip_of_an_mp3_is_found_with_its_frequency(
        self, shelf: Shelf, level: float, kilohertz: tuple[float, float]
    ) -> None:
        told = found(shelf.rip(shelf.mp3(music(), level=level)))
        assert list(told) == ["lossy"]
        assert "like a wall" in told["lossy"]
        assert kilohertz[0] <= frequency(told["lossy"]) <= kilohertz[1]

    def test_a_wall_of_16_khz_is_a_low_bitrate_one_and_of_18_khz_is_not(self, shelf: Shelf) -> None:
        def walled(hz: int) -> str:
            return shelf.found(soxr.resample(music(rate=2 * hz), 2 * hz, RATE))["lossy"]

        assert "a low-bitrate source" in walled(16_000)
        assert "a lossy source" in walled(18_500)

    def test_music_of_a_low_rate_in_a_file_of_a_high_one(self, shelf: Shelf) -> None:
        told = shelf.found(soxr.resample(music(rate=16000), 16000, RATE))
        assert frequency(told["lossy"]) == pytest.approx(7.8, abs=0.3)

    def test_a_wall_under_silence_above_is_found_in_quiet_music_too(self, shelf: Shelf) -> None:
        quiet = 0.02 * music(rate=32000)
        assert "lossy" in shelf.found(soxr.resample(quiet, 32000, RATE), "PCM_24")

    @pytest.mark.slow
    def test_lossy_files_say_so_themselves(self, shelf: Shelf) -> None:
        assert found(shelf.mp3(music(), level=0.0)) == {"lossy": "It is an MP3 file, which has lost detail for good."}
        low = found(shelf.mp3(music(), level=0.7))["lossy"]
        assert low.startswith("It is an MP3 file")
        assert frequency(low) < 16.5
        assert "an OGG file" in found(shelf.write(music(), "a.ogg", "VORBIS"))["lossy"]
        assert "IMA ADPCM" in found(shelf.write(music(), "b.wav", "IMA_ADPCM"))["lossy"]


class TestForm:
    def test_low_rates(self, shelf: Shelf) -> None:
        assert shelf.found(music(rate=32000), rate=32000)["sample_rate"] == (
            "It is sampled at 32 kHz, which is under 44.1 kHz."
        )

    @pytest.mark.parametrize("subtype", ["PCM_U8", "ULAW", "ALAW"])
    def test_eight_bits(self, shelf: Shelf, subtype: str) -> None:
        assert "8-bit" in shelf.found(music(), subtype)["bit_depth"]

    def test_short_files(self, shelf: Shelf) -> None:
        assert shelf.found(music(9.996)) == {"length": "It lasts 9.99 s, and 10 s are needed."}
        assert shelf.found(music(10.0)) == {}
        assert "length" in shelf.found(np.zeros((0, 2)))

    def test_mono_and_surround(self, shelf: Shelf) -> None:
        assert shelf.found(music()[:, 0]) == {"channels": "It is mono, and a stereo recording is wanted."}
        assert "4 channels" in shelf.found(np.tile(music(), (1, 2)))["channels"]

    def test_mono_written_as_stereo_even_with_dither(self, shelf: Shelf) -> None:
        same = np.tile(music()[:, :1], (1, 2))
        dither = np.random.Generator(np.random.PCG64(5)).uniform(-1, 1, same.shape) / 32768
        for signal in (same, same + dither):
            assert "mono written as stereo" in shelf.found(signal)["stereo"]
        assert "silent" in shelf.found(music() * [1, 0])["stereo"]

    @pytest.mark.parametrize("gain", [1.0, 0.4])
    def test_clipping_also_where_it_was_turned_down(self, shelf: Shelf, gain: float) -> None:
        message = shelf.found(gain * np.clip(4 * music(), -1, 1))["clipping"]
        assert f"at {20 * np.log10(gain):.1f} dBFS" in message

    def test_silence_where_it_counts(self, shelf: Shelf) -> None:
        signal = music(24)
        signal[6 * RATE : 18 * RATE] = 0
        assert list(shelf.found(signal)) == ["silence"]

    def test_every_message_is_a_sentence(self, shelf: Shelf) -> None:
        worst = np.clip(6 * music(8, rate=32000)[:, 0], -0.9, 0.9)
        told = shelf.found(worst, "PCM_U8", rate=32000)
        assert list(told) == ["sample_rate", "bit_depth", "length", "clipping", "channels"]
        assert all(message[0].isupper() and message.endswith(".") for message in told.values())


class TestUnreadable:
    def test_what_is_no_audio(self, tmp_path: Path) -> None:
        (tmp_path / "a.wav").write_bytes(b"no sound in here " * 50)
        with pytest.raises(InputError, match=r"a\.wav cannot be read as audio") as caught:
            inspect(tmp_path / "a.wav")
        assert caught.value.remedy
        with pytest.raises(InputError, match="is not a file"):
            inspect(tmp_path / "b.wav")

    def test_a_cut_file(self, shelf: Shelf) -> None:
        path = shelf.write(music(), "a.flac", "PCM_24")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        with pytest.raises(InputError):
            inspect(path)

    def test_samples_that_are_not_numbers(self, shelf: Shelf) -> None:
        signal = music()
        signal[400_000] = np.nan
        with pytest.raises(InputError, match="not finite"):
            shelf.found(signal, "FLOAT")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length(shelf: Shelf) -> None:
    def peak_bytes(repeats: int) -> int:
        path = shelf.write(np.tile(music(), (repeats, 1)))
        tracemalloc.start()
        inspect(path)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    inspect(shelf.write(music()))
    decoded_bytes = 40 * 12 * RATE * 2 * 4
    assert peak_bytes(40) < decoded_bytes / 6


def frequency(message: str) -> float:
    words = message.rstrip(".").replace(",", "").split()
    return float(words[words.index("kHz") - 1])
