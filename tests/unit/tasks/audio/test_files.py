"""Audio files: what is written is read back, what is broken says so, the same samples give the same bytes."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from catalog.common.errors import AudioRefused, InputError
from tasks.audio.audio import Audio
from tasks.audio.errors import AudioFileError
from tasks.audio.files import (
    Subtype,
    read_audio,
    resample,
    sample_digest,
    wav_bytes,
    write_flac24,
    write_wav,
)
from tasks.audio.stream import READ_VALUES
from tests.support.services.processes import not_tested


def noise(frames: int = 5000, channels: int = 2, rate: int = 44100) -> Audio:
    rng = np.random.Generator(np.random.PCG64(7))
    return Audio.of(rng.uniform(-1, 1, (channels, frames)), rate)


@pytest.mark.slow
@given(st.integers(0, 50), st.integers(1, 3), st.sampled_from(["FLOAT", "PCM_24", "PCM_16"]))
def test_a_wav_reads_back_within_half_a_step(frames: int, channels: int, subtype: Subtype) -> None:
    audio = noise(frames, channels)
    data = wav_bytes(audio, subtype=subtype)
    back = read_audio(io.BytesIO(data))
    step = {"FLOAT": 0.0, "PCM_24": 2.0**-23, "PCM_16": 2.0**-15}[subtype]
    assert (back.rate, back.samples.shape) == (audio.rate, audio.samples.shape)
    # at +1.0 the highest step is a whole step away
    assert np.all(np.abs(back.samples - audio.samples) <= step * np.where(audio.samples > 1 - step, 1, 0.5))
    assert len(data) % 2 == 0
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8


def test_libsndfile_sees_the_subtype(tmp_path: Path) -> None:
    for subtype in ("FLOAT", "PCM_24", "PCM_16"):
        write_wav(tmp_path / "a.wav", noise(), subtype=subtype)
        info = soundfile.info(tmp_path / "a.wav")
        assert (info.subtype, info.frames, info.channels, info.samplerate) == (subtype, 5000, 2, 44100)


def test_flac_holds_the_samples_of_the_wav(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", noise(), subtype="PCM_24")
    write_flac24(tmp_path / "a.flac", noise())
    assert np.array_equal(read_audio(tmp_path / "a.wav").samples, read_audio(tmp_path / "a.flac").samples)


@pytest.mark.parametrize("peak", [1.0001, -1.0001, np.nan, np.inf])
def test_what_does_not_fit_is_not_clipped_but_refused(tmp_path: Path, peak: float) -> None:
    audio = Audio.of(np.array([0.0, peak]), 44100)
    for write in (lambda: wav_bytes(audio, subtype="PCM_24"), lambda: write_flac24(tmp_path / "a.flac", audio)):
        with pytest.raises(AudioRefused) as refused:
            write()
        assert refused.value.reason == "invalid"
    assert not list(tmp_path.iterdir())


def test_float_files_keep_what_no_integer_can() -> None:
    audio = Audio.of(np.array([2.5, np.nan, -np.inf]), 44100)
    back = read_audio(io.BytesIO(wav_bytes(audio, subtype="FLOAT")))
    assert np.array_equal(back.samples, audio.samples, equal_nan=True)


def test_dither_is_seeded_and_takes_the_distortion_out_of_16_bits() -> None:
    time = np.arange(1 << 16) / 44100
    audio = Audio.of(10 ** (-80 / 20) * np.sin(2 * np.pi * 1000 * time), 44100)
    plain, first, again, other = (wav_bytes(audio, subtype="PCM_16", dither_seed=seed) for seed in (None, 1, 1, 2))
    assert first == again
    assert len({plain, first, other}) == 3

    def third_harmonic_db(data: bytes) -> float:
        line = read_audio(io.BytesIO(data)).samples[0].astype(np.float64)
        return float(20 * np.log10(2 * abs(np.mean(line * np.exp(-2j * np.pi * 3000 * time))) + 1e-12))

    assert third_harmonic_db(plain) > -115
    assert third_harmonic_db(first) < -122
    error = read_audio(io.BytesIO(first)).samples - audio.samples
    assert np.abs(error).max() <= 1.5 * 2**-15
    assert wav_bytes(audio, subtype="PCM_24", dither_seed=1) == wav_bytes(audio, subtype="PCM_24")


def test_full_scale_with_dither_does_not_wrap() -> None:
    back = read_audio(io.BytesIO(wav_bytes(Audio.of(np.ones(1000), 44100), subtype="PCM_16", dither_seed=3)))
    assert back.samples.min() > 0.999


def test_broken_files_are_input_errors(tmp_path: Path) -> None:
    whole = wav_bytes(noise(), subtype="PCM_16")
    write_flac24(tmp_path / "a.flac", noise(50000))
    flac = (tmp_path / "a.flac").read_bytes()
    broken = {"cut.wav": whole[:-100], "cut.flac": flac[: len(flac) // 2], "text.wav": b"not audio", "empty.wav": b""}
    for name, data in broken.items():
        (tmp_path / name).write_bytes(data)
    for name in (*broken, "absent.wav", "."):
        with pytest.raises(AudioFileError) as fault:
            read_audio(tmp_path / name)
        assert fault.value.exit_code == InputError.exit_code
        assert fault.value.remedy


def test_a_wav_from_a_pipe_has_no_length_and_is_read() -> None:
    whole = wav_bytes(noise(), subtype="PCM_16")
    piped = whole[:40] + b"\xff\xff\xff\xff" + whole[44:]
    assert read_audio(io.BytesIO(piped)).frames == 5000


def test_the_digest_follows_the_sound_and_not_the_file(tmp_path: Path) -> None:
    audio = noise()
    write_wav(tmp_path / "a.wav", audio, subtype="FLOAT")
    assert sample_digest(read_audio(tmp_path / "a.wav")) == sample_digest(audio)
    nudged = audio.samples.copy()
    nudged[1, 17] = np.nextafter(nudged[1, 17], np.float32(2))
    strided = Audio(np.asfortranarray(audio.samples), audio.rate)
    others = [Audio(nudged, 44100), Audio(audio.samples, 48000), Audio(audio.samples.reshape(1, -1), 44100)]
    assert sample_digest(strided) == sample_digest(audio)
    assert len({sample_digest(audio), *map(sample_digest, others)}) == 4


def test_resampling_keeps_a_tone() -> None:
    line = 0.5 * np.sin(2 * np.pi * 997 * np.arange(44100) / 44100)
    there = resample(Audio.of(line, 44100), 48000)
    assert (there.rate, there.frames) == (48000, 48000)
    expected = 0.5 * np.sin(2 * np.pi * 997 * np.arange(48000) / 48000)
    assert np.abs(there.samples[0] - expected)[2000:-2000].max() < 1e-5
    assert resample(there, 48000) is there


def flac_of(frames: int) -> bytes:
    """A FLAC of 5000 frames whose STREAMINFO says another number: 36 bits from the middle of byte 21 on."""
    stream = io.BytesIO()
    write_flac24(stream, noise())
    data = bytearray(stream.getvalue())
    data[21:26] = (data[21] >> 4 << 36 | frames).to_bytes(5, "big")
    return bytes(data)


def lying(form: str) -> bytes:
    """A file of 5000 frames of 16 bits whose header promises a great many more."""
    stream = io.BytesIO()
    soundfile.write(stream, noise().samples.T, 44100, "PCM_16", format=form)
    data = bytearray(stream.getvalue())
    if form == "AIFF":
        for chunk, offset in ((b"COMM", 10), (b"SSND", 4)):
            at = data.index(chunk) + offset
            data[at : at + 4] = struct.pack(">I", 0x7FFF_FFF0)
        return bytes(data)
    name, offset, size = {
        "WAV": (b"data", 4, struct.pack("<I", 0x7FFF_FFF0)),
        "W64": (b"data\xf3\xac", 16, struct.pack("<Q", 1 << 60)),
        "CAF": (b"data", 4, struct.pack(">Q", 1 << 60)),
        "RF64": (b"ds64", 16, struct.pack("<QQ", 1 << 60, 1 << 58)),
    }[form]
    at = data.index(name) + offset
    data[at : at + len(size)] = size
    return bytes(data)


@pytest.mark.parametrize("frames", [5001, 2**32, 2**36 - 1, 0])
def test_a_flac_that_promises_what_it_does_not_hold_is_one_clear_error(tmp_path: Path, frames: int) -> None:
    path = tmp_path / "a.flac"
    path.write_bytes(flac_of(frames))
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(
            AudioFileError, match="does not tell its length" if frames == 0 else "cut short|longer than"
        ):
            read_audio(source)
    assert read_audio(io.BytesIO(flac_of(5000))).frames == 5000


@pytest.mark.parametrize("form", ["WAV", "W64", "CAF", "AIFF", "RF64"])
def test_headers_that_lie_are_refused(tmp_path: Path, form: str) -> None:
    path = tmp_path / "lie"
    path.write_bytes(lying(form))
    with pytest.raises(AudioFileError) as fault:
        read_audio(path)
    assert fault.value.remedy


@pytest.mark.parametrize("form", ["WAV", "W64", "CAF", "AIFF", "RF64"])
def test_honest_headers_are_believed(form: str) -> None:
    stream = io.BytesIO()
    soundfile.write(stream, noise().samples.T, 44100, "PCM_16", format=form)
    stream.seek(0)
    assert read_audio(stream).frames == 5000


def test_what_memory_cannot_hold_is_an_input_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_wav(tmp_path / "a.wav", noise(), subtype="PCM_24")

    def no_memory(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(soundfile.SoundFile, "read", no_memory)
    with pytest.raises(AudioFileError, match="memory"):
        read_audio(tmp_path / "a.wav")


def test_a_file_of_days_is_refused_before_it_is_read_whole(tmp_path: Path) -> None:
    slow = Audio.of(np.zeros(13 * 3600 * 100), 100)
    write_wav(tmp_path / "a.wav", slow, subtype="PCM_16")
    with pytest.raises(AudioFileError, match="longer than 60 minutes"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize(("channels", "rate"), [(2, 768_000), (9, 44100)])
def test_what_flac_cannot_hold_is_told_with_a_remedy(tmp_path: Path, channels: int, rate: int) -> None:
    with pytest.raises(AudioFileError, match=f"{channels} channels at {rate} Hz") as fault:
        write_flac24(tmp_path / "a.flac", noise(100, channels, rate))
    assert "WAV" in fault.value.remedy
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_an_os_error_for_either_form() -> None:
    if not Path("/dev/full").exists():
        not_tested("a full disk: there is no /dev/full")
    for write in (lambda to: write_flac24(to, noise()), lambda to: write_wav(to, noise(), subtype="PCM_24")):
        with pytest.raises(OSError, match="No space left"):
            write(Path("/dev/full"))


def test_blocks_join_without_a_seam(tmp_path: Path) -> None:
    long = noise(READ_VALUES + 12345)
    write_wav(tmp_path / "a.wav", long, subtype="FLOAT")
    assert np.array_equal(read_audio(tmp_path / "a.wav").samples, long.samples)
