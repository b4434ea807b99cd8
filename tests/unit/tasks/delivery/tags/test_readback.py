"""A deliverable that does not hold what it should is found out, by the name of what is wrong."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mutagen.flac import FLAC

from catalog.common.errors import WorkError
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.audio.metering.meter import read_measurement
from tasks.delivery.deliverables import DELIVERABLES, available
from tasks.delivery.encode import encode
from tasks.delivery.readback import verify_encoded
from tasks.delivery.tags.bext import UNKNOWN, Broadcast, bext_bytes, broadcast, coding_history, read_bext
from tasks.delivery.tags.riff import read_chunks
from tasks.delivery.tags.tags import TrackTags, read_cover, read_tags
from tests.support.services.processes import not_tested

CHECKS = {
    "wav24": ["samples", "bext", "tags", "cover"],
    "wav16": ["samples", "bext", "tags", "cover"],
    "flac24": ["samples", "tags", "cover"],
    "mp3_320": ["length", "gapless", "tags", "cover"],
    "opus_160": ["length", "tags", "cover"],
    "aac_256": ["length", "tags", "cover"],
    "instrumental": ["samples", "bext", "tags", "cover"],
    "acapella": ["samples", "bext", "tags", "cover"],
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", sorted(DELIVERABLES))
def test_each_form_is_read_back(kind: str, master: Path, tmp_path: Path, tags: TrackTags, png: bytes) -> None:
    if reason := available(kind):
        not_tested(reason)
    path = tmp_path / f"x{DELIVERABLES[kind].suffix}"
    encoded = encode(kind, master, path, tags=tags, cover=png, dither_seed=1)
    assert encoded.path == path
    assert [finding.check for finding in encoded.findings] == [f"read_back_{name}" for name in CHECKS[kind]]
    assert {finding.verdict for finding in encoded.findings} == {"pass"}
    if kind == "wav16":
        assert 0 < (encoded.findings[0].value or 0) <= 1.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wav24", "flac24", "mp3_320", "opus_160", "aac_256"])
def test_a_large_cover_and_long_words_come_back(kind: str, master: Path, tmp_path: Path, tags: TrackTags) -> None:
    if reason := available(kind):
        not_tested(reason)
    cover = b"\xff\xd8\xff".ljust(3_000_001, b"\x07")
    long = replace(tags, lyrics_text="\n".join(f"{number}: {'夜 la ' * 12}" for number in range(1000)))
    path = tmp_path / f"x{DELIVERABLES[kind].suffix}"
    encode(kind, master, path, tags=long, cover=cover, dither_seed=1)
    assert read_cover(path) == cover


@pytest.mark.parametrize("kind", ["wav24", "mp3_320"])
def test_a_genre_that_is_a_number_stays_one(kind: str, master: Path, tmp_path: Path, tags: TrackTags) -> None:
    path = tmp_path / f"x{DELIVERABLES[kind].suffix}"
    encode(kind, master, path, tags=replace(tags, genre="17"), cover=None, dither_seed=1)
    assert read_tags(path).genre == "17", "not the Rock of ID3v1"


def _other_tags(path: Path, tags: TrackTags) -> TrackTags:
    return replace(tags, isrc="USABC2600001")


def _cover_gone(path: Path, tags: TrackTags) -> TrackTags:
    file = FLAC(path)
    file.clear_pictures()
    file.save()
    return tags


def _cut_short(path: Path, tags: TrackTags) -> TrackTags:
    path.write_bytes(path.read_bytes()[:-3000])
    return tags


@pytest.mark.parametrize(
    ("spoil", "says"), [(_other_tags, "its tag isrc is"), (_cover_gone, "its cover"), (_cut_short, "read back")]
)
def test_a_flac_that_changed_is_found_out(
    spoil: Callable[[Path, TrackTags], TrackTags], says: str, master: Path, tmp_path: Path, tags: TrackTags, png: bytes
) -> None:
    path = encode("flac24", master, tmp_path / "x.flac", tags=tags, cover=png, dither_seed=1).path
    wanted = spoil(path, tags)
    with pytest.raises(WorkError, match=says):
        verify_encoded(path, "flac24", tags=wanted, cover=png, master=master)


def _one_step_off(song: Audio) -> Audio:
    samples = song.samples.copy()
    samples[1, 700] += 2**-23
    return Audio(samples, song.rate)


def _one_frame_less(song: Audio) -> Audio:
    return Audio.of(song.samples[:, :-1], song.rate)


@pytest.mark.parametrize(
    ("kind", "change", "says"),
    [
        ("wav24", _one_step_off, "up to 1 steps of 24 bits"),
        ("flac24", _one_frame_less, "its frames are"),
        ("mp3_320", _one_frame_less, "frames, not"),
        ("opus_160", lambda song: Audio.of(song.samples[:, :-2], song.rate), "frames, not"),
        ("wav16", lambda song: Audio.of(song.samples * 0.999, song.rate), "steps of 16 bits"),
    ],
)
def test_the_sound_of_another_master_is_found_out(
    kind: str, change: Callable[[Audio], Audio], says: str, master: Path, tmp_path: Path, tags: TrackTags
) -> None:
    path = tmp_path / f"x{DELIVERABLES[kind].suffix}"
    encode(kind, master, path, tags=tags, cover=None, dither_seed=1)
    other = tmp_path / "other.wav"
    write_wav(other, change(read_audio(master)), subtype="PCM_24")
    with pytest.raises(WorkError, match=says):
        verify_encoded(path, kind, tags=tags, cover=None, master=other)


def test_what_fails_its_reading_back_is_not_there(
    master: Path, tmp_path: Path, tags: TrackTags, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.delivery.encode.write_vorbis", lambda path, tags, cover: FLAC(path).save())
    with pytest.raises(WorkError, match="FLAC 24-bit file was read back"):
        encode("flac24", master, tmp_path / "x.flac", tags=tags, cover=None, dither_seed=1)
    assert list(tmp_path.iterdir()) == []


def test_wavs_say_how_loud_they_are(tmp_path: Path, song: Audio, tags: TrackTags) -> None:
    longer = Audio.of(song.samples.repeat(4, axis=1), song.rate)
    master = tmp_path / "m.wav"
    write_wav(master, longer, subtype="PCM_24")
    path = encode("wav16", master, tmp_path / "x.wav", tags=tags, cover=None, dither_seed=1).path
    chunks = read_chunks(path)
    assert [name for name, _ in chunks][:3] == [b"fmt ", b"bext", b"data"], "before the samples, as Tech 3285 has it"
    body = dict(chunks)[b"bext"]
    assert int.from_bytes(body[346:348], "little") == 2
    assert body[320:338] == bytes(18), "no date and no time"
    found, meter = read_bext(body), read_measurement(read_audio(master))
    assert isinstance(meter.integrated_lufs, Measured)
    assert isinstance(meter.true_peak_dbtp, Measured)
    assert found.loudness_lufs == pytest.approx(meter.integrated_lufs.value, abs=0.005)
    assert found.true_peak_dbtp == pytest.approx(meter.true_peak_dbtp.value, abs=0.005)
    assert found.coding_history == "A=PCM,F=44100,W=16,M=stereo,T=Songline\r\n"
    assert found.description.endswith("- L?nea ? </script> ?")


def test_levels_that_cannot_be_read_are_told_as_unknown(tags: TrackTags) -> None:
    meter = read_measurement(Audio.of([[0.0] * 100], 44_100))  # type: ignore[arg-type]
    said = broadcast(tags, meter, coding_history=coding_history(44_100, bits=24, channels=1))
    body = bext_bytes(said)
    assert body[412:414] == UNKNOWN.to_bytes(2, "little")
    assert read_bext(body) == said
    assert (said.loudness_lufs, said.range_lu) == (None, None)


def test_negative_levels_come_back_from_bext() -> None:
    said = Broadcast("A - B", "Songline", "", -14.02, 7.4, -1.0, -9.99, -11.5)
    assert read_bext(bext_bytes(said)) == said
