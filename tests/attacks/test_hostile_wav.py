"""WAV files with wrong headers and extreme samples."""

from __future__ import annotations

import struct
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from catalog.common.errors import AudioRefused, InputError
from tasks.audio.audio import Audio
from tasks.audio.files import notes_on, read_audio, write_wav
from tasks.audio.metering.meter import meter_file, read_measurement
from tasks.mastering.analysis.reference import reference_from
from tasks.style.reference.inspection import inspect
from tests.attacks.hostile_sound import RATE
from tests.attacks.measured import measured


def chunked(*chunks: bytes) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


LAYOUT = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16)
SOUND = (np.sin(np.arange(RATE) / 7) * 9000).astype("<i2").tobytes()
ODD_LIST = b"LIST" + struct.pack("<I", 21) + b"INFOISFT" + struct.pack("<I", 9) + b"Recorder\0"


@pytest.mark.parametrize(
    ("wav", "says"),
    [
        (chunked(LAYOUT, ODD_LIST, b"data" + struct.pack("<I", len(SOUND)) + SOUND), "filling byte"),
        (chunked(LAYOUT, b"data" + struct.pack("<I", 0) + SOUND), "how long"),
        (chunked(LAYOUT, b"data" + struct.pack("<I", 0xFFFFFFFF) + SOUND), "how long"),
        (chunked(LAYOUT, ODD_LIST, b"data" + struct.pack("<I", 0) + SOUND + b"\0"), "how long"),
    ],
    ids=["unpadded", "zero", "unknown", "both"],
)
def test_a_wav_with_a_wrong_header_is_read_as_far_as_it_goes(wav: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav)
    assert np.array_equal(read_audio(path).samples[0], np.frombuffer(SOUND, "<i2") / np.float32(32768))
    assert says in notes_on(path)[0]
    assert any(finding.check == "header" for finding in inspect(path))
    if wav[-1:] == b"\0":  # the one with both faults stands for all
        assert says in measured("measure", path, home=tmp_path / "home").stdout


def test_a_wav_without_sound_stays_without(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(chunked(LAYOUT, b"data" + struct.pack("<I", 0), ODD_LIST + b"\0"))
    assert read_audio(path).frames == 0
    assert notes_on(path) == ()


@pytest.mark.parametrize("value", [1e38, -3e38, 1e-45, 1e10, np.nan, np.inf, 0.0])
def test_extreme_samples_end_in_a_value_or_a_refusal_and_never_in_a_warning(value: float, tmp_path: Path) -> None:
    samples = np.random.default_rng(2).standard_normal((2, 5 * 44100)).astype(np.float32) * 0.1
    samples[:, 44100:88200] = value
    audio = Audio(samples, 44100)
    write_wav(tmp_path / "a.wav", audio, subtype="FLOAT")
    read_measurement(audio)
    meter_file(tmp_path / "a.wav")
    for hear in (inspect, reference_from):
        refused = abs(value) > 1 or np.isnan(value)
        with pytest.raises((InputError, AudioRefused), match=r"finite|full scale") if refused else nullcontext():
            hear(tmp_path / "a.wav")  # type: ignore[operator]


@pytest.mark.parametrize("value", [3e38, 1e-45])
def test_no_command_shows_a_warning_of_numpy(value: float, tmp_path: Path) -> None:
    samples = np.full((2, 4 * 44100), value, np.float32)
    samples[:, ::2] *= -1
    write_wav(tmp_path / "a.wav", Audio(samples, 44100), subtype="FLOAT")
    for command in (("measure", tmp_path / "a.wav"), ("master", tmp_path / "a.wav", tmp_path / "out.wav")):
        said = measured(*command, home=tmp_path / "home")
        assert said.code in (0, 3)
        assert "Warning" not in said.stderr
        assert "Traceback" not in said.stderr
