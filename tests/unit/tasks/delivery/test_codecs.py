"""The lossy codecs: sound kept and in its place, lengths to the sample, rates, and machines that lack an encoder."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.common.errors import InputError, MachineError
from catalog.release.listening_page.page import PLAYED_FIRST
from tasks.audio.audio import Audio
from tasks.audio.codecs import OPUS_RATE, decoded, ffmpeg_aac, lame_mp3, ogg_opus, opus_frames
from tasks.audio.files import resample, write_wav
from tasks.delivery.deliverables import DELIVERABLES, LOSSY, available
from tasks.delivery.encode import encode
from tasks.delivery.tags.tags import TrackTags
from tests.support.services.processes import not_tested

RATE = 44_100


def music(seconds: float, *, rate: int = RATE, channels: int = 2) -> Audio:
    """Three notes with some noise, another mix in each channel."""
    t = np.arange(round(seconds * rate)) / rate
    noise = np.random.Generator(np.random.PCG64(7)).normal(size=(channels, t.size)) * 0.02
    notes = sum(np.sin(2 * np.pi * hz * t + hz) for hz in (220.0, 1320.0, 5000.0)) * 0.15
    return Audio.of(noise + notes * np.linspace(1, 0.5, channels)[:, None], rate)


def error_db(found: Audio, wanted: Audio) -> float:
    """What differs between the two against the second, in dB, without the first and last 50 ms."""
    inner = slice(wanted.rate // 20, -wanted.rate // 20)
    error = (found.samples - wanted.samples)[:, inner]
    return float(20 * np.log10(error.std() / wanted.samples[:, inner].std()))


@pytest.mark.slow
def test_opus_sounds_like_the_master_and_does_not_shift_it(tmp_path: Path) -> None:
    song = music(3.1)
    (tmp_path / "x.opus").write_bytes(ogg_opus(song))
    assert error_db(decoded(tmp_path / "x.opus"), resample(song, OPUS_RATE)) < -20
    bits_per_s = (tmp_path / "x.opus").stat().st_size * 8 / 3.1
    assert 130_000 < bits_per_s < 190_000


@pytest.mark.slow
def test_aac_sounds_like_the_master_and_does_not_shift_it(tmp_path: Path) -> None:
    song = music(3.1)
    m4a = _aac(tmp_path, song)
    padded = decoded(m4a)
    assert 0 <= padded.frames - song.frames < 1024, "it does not say yet where the padding begins"
    assert error_db(Audio.of(padded.samples[:, : song.frames], RATE), song) < -20


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 1023, 1024, 1025, 50_000])
def test_aac_states_its_length_to_the_sample(frames: int, tmp_path: Path) -> None:
    m4a = _aac(tmp_path, Audio.of(np.full((2, frames), 0.1), RATE))
    data = m4a.read_bytes()
    edits = data.index(b"elst")
    duration, media_time = struct.unpack_from(">Ii", data, edits + 12)
    assert (duration, media_time) == (frames, 1024), "the edit list leaves out the encoder's priming"
    created = data.index(b"mvhd")
    assert data[created + 8 : created + 16] == bytes(8), "no date"


@given(frames=st.integers(1, 6000), rate=st.sampled_from([8_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000]))
@settings(max_examples=25, deadline=None)
def test_opus_is_as_long_as_its_master(frames: int, rate: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "any.opus"
    path.write_bytes(ogg_opus(Audio.of(np.full((1, frames), 0.2), rate)))
    found = decoded(path)
    assert (found.frames, found.rate) == (opus_frames(frames, rate), OPUS_RATE)
    assert abs(found.frames / OPUS_RATE - frames / rate) <= 1 / OPUS_RATE


@pytest.mark.slow
@given(frames=st.integers(1, 6000), channels=st.integers(1, 2), rate=st.sampled_from([32_000, 44_100, 48_000]))
@settings(max_examples=25, deadline=None)
def test_mp3_is_as_long_as_its_master(
    frames: int, channels: int, rate: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp3"
    path.write_bytes(lame_mp3(Audio.of(np.full((channels, frames), 0.2), rate)))
    assert decoded(path).samples.shape == (channels, frames)


def test_encoding_leaves_the_audio_alone() -> None:
    song = music(0.3)
    before = song.samples.copy()
    first = ogg_opus(song), lame_mp3(song)
    assert (ogg_opus(song), lame_mp3(song)) == first
    np.testing.assert_array_equal(song.samples, before)


@pytest.mark.parametrize("kind", sorted(LOSSY))
def test_what_a_codec_cannot_hold_is_refused(kind: str, tmp_path: Path, tags: TrackTags) -> None:
    if reason := available(kind):
        not_tested(reason)
    master = tmp_path / "m.wav"
    soundfile.write(master, np.zeros((9600, 6)), 48_000, subtype="PCM_24")
    with pytest.raises(InputError, match="6 channels at 48000 Hz"):
        encode(kind, master, tmp_path / f"x{DELIVERABLES[kind].suffix}", tags=tags, cover=None, dither_seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["m.wav"]


def test_without_ffmpeg_aac_says_so(
    master: Path, tmp_path: Path, tags: TrackTags, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert available("aac_256") == "aac_256 is encoded by ffmpeg, which is not on the PATH of this machine"
    assert [kind for kind in DELIVERABLES if available(kind)] == ["aac_256"]
    with pytest.raises(MachineError, match="ffmpeg is not on the PATH"):
        encode("aac_256", master, tmp_path / "x.m4a", tags=tags, cover=None, dither_seed=0)
    assert list(tmp_path.iterdir()) == []


def test_an_ffmpeg_that_fails_says_why(
    master: Path, tmp_path: Path, tags: TrackTags, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "ffmpeg"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'Unknown encoder.' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(broken.parent))
    with pytest.raises(MachineError, match=r"encode master\.wav \(Unknown encoder\)\."):
        encode("aac_256", master, tmp_path / "x.m4a", tags=tags, cover=None, dither_seed=0)


def test_versions_are_made_of_versions() -> None:
    assert {name for name, each in DELIVERABLES.items() if each.version is not None} == {"instrumental", "acapella"}
    assert set(PLAYED_FIRST) == {name for name, each in DELIVERABLES.items() if each.version is None}


def _aac(folder: Path, audio: Audio) -> Path:
    """The encoder's file, before tags."""
    if reason := available("aac_256"):
        not_tested(reason)
    write_wav(folder / "x.wav", audio, subtype="PCM_24")
    ffmpeg_aac(folder / "x.wav", folder / "x.m4a")
    return folder / "x.m4a"
