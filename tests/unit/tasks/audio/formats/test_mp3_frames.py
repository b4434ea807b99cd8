"""MP3 files without a header that tells their length: read whole, and told where they are cut."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks.audio.audio import Audio
from tasks.audio.errors import AudioFileError
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.audio.formats.mp3_frames import count_frames

RATE, SECONDS = 44100, 6


def sound() -> np.ndarray:
    """Silence first and noise after it, so that a varying bit rate varies."""
    noise = np.random.Generator(np.random.PCG64(7)).standard_normal((RATE * SECONDS, 2)) * 0.2
    noise[: RATE * SECONDS // 2] = 0.0
    return noise


def mp3(mode: str, *, headed: bool = False) -> bytes:
    target = io.BytesIO()
    with soundfile.SoundFile(
        target, "w", RATE, 2, format="MP3", bitrate_mode=mode, compression_level=0.3 if mode == "VARIABLE" else 0.0
    ) as file:
        file.write(sound())
    data = target.getvalue()
    if headed:
        return data
    first = count_frames(io.BytesIO(data))
    assert first is not None
    rate_kbits = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[(first.header[2] >> 4) - 1]
    size = 144 * rate_kbits * 1000 // RATE + (first.header[2] >> 1 & 1)
    assert any(name in data[:size] for name in (b"Xing", b"Info"))
    return data[size:]


@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
def test_an_mp3_without_a_header_is_read_whole(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "plain.mp3"
    path.write_bytes(mp3(mode))
    audio = read_audio(path)
    assert abs(audio.frames - RATE * SECONDS) < 3 * 1152
    assert np.abs(audio.samples[:, -RATE:]).mean() > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["VARIABLE", "CONSTANT"])
@pytest.mark.parametrize("behind", [b"", b"TAG" + bytes(125), bytes(40)])
def test_an_mp3_that_ends_inside_a_frame_is_cut_short(mode: str, behind: bytes, tmp_path: Path) -> None:
    path, data = tmp_path / "cut.mp3", mp3(mode)
    path.write_bytes(data + behind)
    assert read_audio(path).frames > 0
    path.write_bytes(data[: len(data) * 2 // 3 + 57])
    with pytest.raises(AudioFileError, match="is cut short"):
        read_audio(path)


@pytest.mark.slow
def test_an_mp3_with_its_header_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "headed.mp3"
    path.write_bytes(mp3("CONSTANT", headed=True))
    assert read_audio(path).frames == RATE * SECONDS


@pytest.mark.slow
def test_frames_that_do_not_follow_each_other_are_not_counted() -> None:
    data = mp3("CONSTANT")
    assert count_frames(io.BytesIO(data[:9000] + b"garbage" * 20 + data[9000:])) is None
    assert count_frames(io.BytesIO(b"\xff\xfb")) is None
    assert count_frames(io.BytesIO(b"")) is None


def test_an_au_file_that_is_cut_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.au"
    soundfile.write(path, sound(), RATE, format="AU", subtype="PCM_16")
    whole = path.read_bytes()
    assert read_audio(path).frames == RATE * SECONDS
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AudioFileError, match="is cut short"):
        read_audio(path)
    path.write_bytes(whole[:8] + struct.pack(">I", 0xFFFFFFFF) + whole[12:])
    assert read_audio(path).frames == RATE * SECONDS


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.wma", "a.tta", "a.oga", "a.ac3"])
def test_further_formats_are_read_through_ffmpeg(name: str, tmp_path: Path) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("NOT TESTED: there is no ffmpeg")
    wav, made = tmp_path / "a.wav", tmp_path / name
    audio = Audio.of(sound().T, RATE)
    write_wav(wav, audio, subtype="PCM_16")
    codec = {".oga": ["-c:a", "flac"], ".wma": ["-c:a", "wmav2"]}.get(made.suffix, [])
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", wav, *codec, made], check=True)
    read = read_audio(made)
    assert (read.rate, read.channels) == (RATE, 2)
    if made.suffix in (".tta", ".oga"):
        assert sample_digest(read) == sample_digest(read_audio(wav))
    made.write_bytes(made.read_bytes()[: made.stat().st_size * 2 // 3])
    if made.suffix != ".ac3":  # its frames are cut without a trace
        with pytest.raises(AudioFileError, match="cut short"):
            read_audio(made)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.mp3", b"<!DOCTYPE html><html></html>", "a web page"),
        ("a.flac", b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n", "a git-LFS pointer"),
    ],
)
def test_what_stands_in_the_place_of_a_song_is_told(name: str, content: bytes, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioFileError, match=told):
        read_audio(tmp_path / name)


def test_text_that_is_called_an_mp3_is_refused_without_a_word_of_the_decoder(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.mp3").write_text("own\n")
    with pytest.raises(AudioFileError, match="it holds no MPEG audio"):
        read_audio(tmp_path / "own.mp3")
    assert capfd.readouterr().err == ""
