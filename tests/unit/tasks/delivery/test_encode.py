"""Every deliverable: its samples, its length, its tags, its bytes."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import struct
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from mutagen.flac import FLAC
from numpy.typing import NDArray

from catalog.common.errors import InputError
from tasks.audio.audio import Audio
from tasks.audio.codecs import decoded, opus_frames
from tasks.audio.files import read_audio, write_wav
from tasks.delivery.deliverables import available
from tasks.delivery.encode import DELIVERABLES, encode
from tasks.delivery.readback import tags_kept
from tasks.delivery.tags.tags import TrackTags, read_cover, read_tags
from tests.support.services.processes import not_tested

KINDS = sorted(DELIVERABLES)


def deliver(
    kind: str, master: Path, folder: Path, tags: TrackTags, *, cover: bytes | None = None, seed: int = 1
) -> Path:
    if reason := available(kind):
        not_tested(reason)
    destination = folder / f"track{DELIVERABLES[kind].suffix}"
    return encode(kind, master, destination, tags=tags, cover=cover, dither_seed=seed).path


def stated(kind: str, audio: Audio) -> tuple[int, int, int]:
    """Frames, rate and channels that a deliverable of this audio has."""
    if kind == "opus_160":
        return opus_frames(audio.frames, audio.rate), 48_000, audio.channels
    return audio.frames, audio.rate, audio.channels


def raw(path: Path) -> NDArray[np.int32]:
    samples: NDArray[np.int32] = soundfile.read(path, dtype="int32", always_2d=True)[0]
    return samples


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_tags_cover_and_length_come_back(
    kind: str, master: Path, tmp_path: Path, tags: TrackTags, png: bytes, song: Audio
) -> None:
    path = deliver(kind, master, tmp_path, tags, cover=png)
    assert read_tags(path) == tags_kept(kind, tags)
    assert read_cover(path) == png
    audio = decoded(path)
    assert (audio.frames, audio.rate, audio.channels) == stated(kind, song)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_input_gives_the_same_bytes(
    kind: str, master: Path, tmp_path: Path, tags: TrackTags, png: bytes
) -> None:
    first = deliver(kind, master, tmp_path, tags, cover=png).read_bytes()
    assert deliver(kind, master, tmp_path, tags, cover=png).read_bytes() == first
    assert deliver(kind, master, tmp_path, replace(tags, title="Other"), cover=png).read_bytes() != first


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_few_tags_and_no_cover(kind: str, master: Path, tmp_path: Path) -> None:
    bare = TrackTags(title="A", artist="B", album="C", album_artist="B", position=1, total=1)
    path = deliver(kind, master, tmp_path, bare)
    assert read_tags(path) == bare
    assert read_cover(path) is None


@pytest.mark.parametrize("kind", ["wav24", "flac24", "instrumental", "acapella"])
def test_24_bit_forms_keep_every_sample(kind: str, master: Path, tmp_path: Path, tags: TrackTags) -> None:
    path = deliver(kind, master, tmp_path, tags)
    assert soundfile.info(path).subtype == "PCM_24"
    np.testing.assert_array_equal(raw(path), raw(master))


def test_wav_carries_riff_info_too(master: Path, tmp_path: Path, tags: TrackTags, png: bytes) -> None:
    path = deliver("wav24", master, tmp_path, tags, cover=png)
    with soundfile.SoundFile(path) as file:
        assert (file.title, file.artist, file.album) == (tags.title, tags.artist, tags.album)
        assert (file.date, file.genre, file.comment) == ("2026", tags.genre, tags.comment)
    assert struct.unpack_from("<I", path.read_bytes(), 4)[0] == path.stat().st_size - 8
    assert read_tags(path).title == tags.title


def test_flac_says_what_players_look_for(master: Path, tmp_path: Path, tags: TrackTags, png: bytes) -> None:
    file = FLAC(deliver("flac24", master, tmp_path, tags, cover=png))
    assert file["TRACKNUMBER"] == ["3"]
    assert file["COMPOSER"] == list(tags.writers)
    assert file["LYRICS"] == [tags.lyrics_lrc]
    assert (file.pictures[0].type, file.pictures[0].mime) == (3, "image/png")
    assert file.info.md5_signature != 0


def test_16_bits_are_dithered_once_and_by_seed(master: Path, tmp_path: Path, tags: TrackTags) -> None:
    first = raw(deliver("wav16", master, tmp_path, tags, seed=1)) >> 16
    second = raw(deliver("wav16", master, tmp_path, tags, seed=2)) >> 16
    error = first - raw(master) / 65536
    assert np.abs(error).max() <= 1.5
    assert error.mean() == pytest.approx(0, abs=0.01)
    assert error.std() == pytest.approx(np.sqrt(1 / 6 + 1 / 12), rel=0.02)  # TPDF of ±1 LSB, and rounding
    assert (first != second).any()


def test_mp3_is_320_constant_with_a_gapless_header(master: Path, tmp_path: Path, tags: TrackTags, song: Audio) -> None:
    path = deliver("mp3_320", master, tmp_path, tags)
    data = path.read_bytes()
    at = data.index(b"LAME")
    tag = data.index(b"Info")  # LAME writes Xing for variable rates only
    assert at - tag == 120
    frames, size = struct.unpack_from(">II", data, tag + 8)
    delay, padding = data[at + 21] << 4 | data[at + 22] >> 4, (data[at + 22] & 15) << 8 | data[at + 23]
    assert frames * 1152 - delay - padding == song.frames
    assert size == len(data) - (tag - 36)
    assert data[at + 20] in (255, 320 & 255)  # "255 or more" is how the header says 320 kbit/s
    decoded = soundfile.read(path, always_2d=True, dtype="float32")[0].T
    middle = slice(2000, -2000)
    error = decoded[:, middle] - song.samples[:, middle]
    assert 20 * np.log10(error.std() / song.samples.std()) < -25
    assert np.argmax(np.correlate(decoded[0, 5000:9000], song.samples[0, 5050:8950], "valid")) == 50


def test_mp3_keeps_what_lies_under_16_bits(tmp_path: Path, tags: TrackTags) -> None:
    t = np.arange(44_100) / 44_100
    quiet = Audio.of(np.stack([np.sin(2 * np.pi * 440 * t)] * 2) * 1e-4, 44_100)
    master = tmp_path / "quiet.wav"
    write_wav(master, quiet, subtype="PCM_24")
    decoded = read_audio(deliver("mp3_320", master, tmp_path, tags)).samples
    error = (decoded - quiet.samples)[:, 4000:-4000]
    assert 20 * np.log10(error.std() / quiet.samples.std()) < -50  # truncated to 16 bits first: -12


@pytest.mark.slow
@pytest.mark.parametrize("frames", [1, 1151, 1152, 5000])
@pytest.mark.parametrize("channels", [1, 2])
def test_short_and_mono_masters_keep_their_length(frames: int, channels: int, tmp_path: Path, tags: TrackTags) -> None:
    master = tmp_path / "short.wav"
    write_wav(master, Audio.of(np.full((channels, frames), 0.1), 48_000), subtype="PCM_24")
    for kind in KINDS:
        audio = decoded(deliver(kind, master, tmp_path, tags))
        assert (audio.frames, audio.channels) == (frames, channels), kind


def _other_rate(folder: Path) -> Path:
    path = folder / "m.wav"
    write_wav(path, Audio.of(np.zeros((2, 9600)), 96_000), subtype="PCM_24")
    return path


def _float(folder: Path) -> Path:
    path = folder / "m.wav"
    write_wav(path, Audio.of(np.zeros((2, 9600)), 44_100), subtype="FLOAT")
    return path


def _empty(folder: Path) -> Path:
    path = folder / "m.wav"
    write_wav(path, Audio.of(np.zeros((2, 0)), 44_100), subtype="PCM_24")
    return path


def _text(folder: Path) -> Path:
    path = folder / "m.wav"
    path.write_text("no audio at all")
    return path


@pytest.mark.parametrize(
    ("kind", "make", "says"),
    [
        ("mp3_320", _other_rate, "96000 Hz"),
        ("wav24", _float, "not a 24-bit WAV"),
        ("flac24", _empty, "not a 24-bit WAV"),
        ("wav16", _text, "cannot be read"),
        ("ogg", _other_rate, "no deliverable 'ogg'"),
    ],
)
def test_a_master_that_will_not_do_leaves_nothing(
    kind: str, make: object, says: str, tmp_path: Path, tags: TrackTags
) -> None:
    master = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(InputError, match=says):
        encode(kind, master, tmp_path / "out.bin", tags=tags, cover=None, dither_seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["m.wav"]


@pytest.mark.parametrize("cover", [b"GIF89a...", b"", b"\xff\xd8\xff" + bytes(11 * 1024 * 1024)])
@pytest.mark.parametrize("kind", ["wav24", "flac24", "mp3_320"])
def test_a_cover_that_will_not_do_keeps_the_file_that_was_there(
    kind: str, cover: bytes, master: Path, tmp_path: Path, tags: TrackTags
) -> None:
    before = deliver(kind, master, tmp_path, tags).read_bytes()
    with pytest.raises(InputError, match="cover"):
        deliver(kind, master, tmp_path, tags, cover=cover)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [before]


def test_the_names_of_deliverables_cost_nothing() -> None:
    code = "import sys; from tasks.delivery.deliverables import deliverable_names as n; assert n()[0] == 'wav24'; "
    check = "heavy = {'numpy', 'soundfile', 'mutagen'} & set(sys.modules); assert not heavy, heavy"
    subprocess.run([sys.executable, "-c", code + check], check=True)
