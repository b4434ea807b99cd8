"""Tags: cleaned as they come in, so that files of every format give back what was set."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mutagen.flac import FLAC
from mutagen.id3 import ID3
from mutagen.mp4 import MP4
from mutagen.oggopus import OggOpus

from catalog.common.errors import InputError
from tasks.audio.audio import Audio
from tasks.audio.codecs import ffmpeg_aac, ogg_opus
from tasks.audio.files import write_flac24, write_wav
from tasks.delivery.deliverables import available
from tasks.delivery.tags.id3 import cover_of_id3, id3_bytes, tags_of_id3
from tasks.delivery.tags.mp4 import write_mp4_tags
from tasks.delivery.tags.tags import TrackTags, cover_media_type, read_cover, read_tags
from tasks.delivery.tags.track_tags import without_language
from tasks.delivery.tags.vorbis import write_opus_tags, write_vorbis
from tests.support.services.processes import not_tested

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "../../etc",
    "CON",
    "\u202eevil\u2066",
    "🚌🏽",
    "T" * 200,
    "a\0b\x1bc",
    "=",
    "/",
    "x (y) (z",
]

Trip = Callable[[TrackTags, bytes | None], tuple[TrackTags, bytes | None]]
"""Tags and cover into a file, and out of it again."""


def tagged(title: str, **more: object) -> TrackTags:
    return TrackTags(title=title, artist="A", album="B", album_artist="A", position=1, total=1, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def trips(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Trip]:
    """A way through each format, over one short file of it."""
    folder = tmp_path_factory.mktemp("tagged")
    audio = Audio.of(np.full((2, 960), 0.1), 48_000)

    def through_id3(tags: TrackTags, cover: bytes | None) -> tuple[TrackTags, bytes | None]:
        frames = ID3(io.BytesIO(id3_bytes(tags, cover)), translate=False)
        return tags_of_id3(frames), cover_of_id3(frames)

    def through(path: Path, write: Callable[[Path, TrackTags, bytes | None], None]) -> Trip:
        def trip(tags: TrackTags, cover: bytes | None) -> tuple[TrackTags, bytes | None]:
            write(path, tags, cover)
            return read_tags(path), read_cover(path)

        return trip

    write_flac24(folder / "x.flac", audio)
    (folder / "x.opus").write_bytes(ogg_opus(audio))
    found: dict[str, Trip] = {
        "id3": through_id3,
        "flac": through(folder / "x.flac", write_vorbis),
        "opus": through(folder / "x.opus", write_opus_tags),
    }
    if available("aac_256") is None:
        write_wav(folder / "x.wav", audio, subtype="PCM_24")
        ffmpeg_aac(folder / "x.wav", folder / "x.m4a")
        found["mp4"] = through(
            folder / "x.m4a", lambda path, tags, cover: write_mp4_tags(path, tags, cover, frames=960)
        )
    return found


def trip_of(trips: Mapping[str, Trip], form: str) -> Trip:
    if form not in trips:
        not_tested("there is no ffmpeg to make an MP4 file with")
    return trips[form]


FORMS = pytest.mark.parametrize("form", ["id3", "flac", "opus", "mp4"])


def kept(form: str, tags: TrackTags) -> TrackTags:
    """What a format can keep: no peaks in Opus."""
    return replace(tags, track_peak=None, album_peak=None) if form == "opus" else tags


@FORMS
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back(text: str, form: str, trips: Mapping[str, Trip]) -> None:
    tags = tagged(
        text, comment=text, lyrics_text=text, label=text, upc=text, genre=text, credits=((text, text), ("Voice", text))
    )
    assert trip_of(trips, form)(tags, None) == (tags, None)


@FORMS
def test_every_field_comes_back(form: str, trips: Mapping[str, Trip], tags: TrackTags, png: bytes) -> None:
    assert all(getattr(tags, field.name) not in (None, (), "") for field in fields(tags)), "the fixture sets all"
    assert trip_of(trips, form)(tags, png) == (kept(form, tags), png)


def test_the_language_is_that_of_the_words_in_id3_too(tags: TrackTags) -> None:
    frames = ID3(io.BytesIO(id3_bytes(tags, None)), translate=False)
    assert frames["TLAN"].text == ["fra"]
    assert [frames.getall(name)[0].lang for name in ("USLT", "SYLT", "COMM")] == ["fra", "fra", "eng"]
    unknown = ID3(io.BytesIO(id3_bytes(replace(tags, language=None), None)), translate=False)
    assert "TLAN" not in unknown
    assert [unknown.getall(name)[0].lang for name in ("USLT", "SYLT")] == ["XXX", "XXX"]


def test_tags_without_a_language_are_documented_as_before_there_was_one(tags: TrackTags) -> None:
    document = replace(tags, language=None).document()
    assert "language" not in document
    assert TrackTags.from_document(document) == replace(tags, language=None)
    assert without_language(tags.document()) == document


@FORMS
def test_tags_take_the_place_of_those_before(form: str, trips: Mapping[str, Trip], tags: TrackTags, png: bytes) -> None:
    trip, bare = trip_of(trips, form), tagged("A")
    trip(tags, png)
    assert trip(bare, None) == (bare, None)


def test_credits_are_put_in_the_order_that_files_keep(tags: TrackTags) -> None:
    assert tags.credits == (
        ("Lead vocals", "Ada Vale"),
        ("Bass fretless", "Bo (B.) Ö"),
        ("producer", "Ada Vale"),
        ("mix", "夜"),
    )
    assert tagged("A", credits=(("", "X"), ("Drums", " "))).credits == (("performer", "X"),)


def test_players_find_what_they_look_for(trips: Mapping[str, Trip], tags: TrackTags, tmp_path: Path) -> None:
    frames = ID3(io.BytesIO(id3_bytes(tags, None)))
    assert [str(frames[f"TXXX:REPLAYGAIN_{name}"]) for name in ("TRACK_GAIN", "TRACK_PEAK", "ALBUM_GAIN")] == [
        "-4.01 dB",
        "0.891251",
        "-3.50 dB",
    ]
    assert frames["TIPL"].people == [["producer", "Ada Vale"], ["mix", "夜"]]
    assert frames["TMCL"].people == [["Lead vocals", "Ada Vale"], ["Bass fretless", "Bo (B.) Ö"]]
    assert (str(frames["TSRC"]), str(frames["TPUB"]), str(frames["TXXX:BARCODE"])) == (tags.isrc, tags.label, tags.upc)
    sylt = frames.getall("SYLT")[0]
    assert (sylt.format, sylt.type, sylt.text[0]) == (2, 1, ("Première ligne", 10_000))
    flac = tmp_path / "x.flac"
    write_flac24(flac, Audio.of(np.zeros((2, 100)), 44_100))
    write_vorbis(flac, tags, None)
    found = FLAC(flac)
    assert found["PERFORMER"] == ["Ada Vale (Lead vocals)", "Bo (B.) Ö (Bass fretless)"]
    assert (found["MIXER"], found["REPLAYGAIN_ALBUM_PEAK"]) == (["夜"], ["1.000000"])


def test_opus_gains_count_from_minus_23_lufs(tmp_path: Path) -> None:
    path = tmp_path / "x.opus"
    path.write_bytes(ogg_opus(Audio.of(np.zeros((1, 100)), 48_000)))
    write_opus_tags(path, tagged("A", track_gain_db=-4.0, album_gain_db=5.5, track_peak=0.5), None)
    found = OggOpus(path)
    assert (found["R128_TRACK_GAIN"], found["R128_ALBUM_GAIN"]) == (["-2304"], ["128"])
    assert not [key for key in found if key.upper().startswith("REPLAYGAIN")]


@pytest.mark.slow
def test_mp4_keeps_itunes_own_atoms(trips: Mapping[str, Trip], tags: TrackTags, tmp_path: Path) -> None:
    if reason := available("aac_256"):
        not_tested(reason)
    wav, path = tmp_path / "x.wav", tmp_path / "x.m4a"
    write_wav(wav, Audio.of(np.zeros((2, 3000)), 44_100), subtype="PCM_24")
    ffmpeg_aac(wav, path)
    write_mp4_tags(path, replace(tags, explicit=True), None, frames=3000)
    found = MP4(path)
    assert (found["rtng"], found["trkn"], found["\xa9lyr"]) == ([1], [(3, 12)], [tags.lyrics_text])
    assert bytes(found["----:com.apple.iTunes:iTunSMPB"][0]).split()[:4] == [
        *(b"00000000", b"00000400", b"00000048", b"0000000000000BB8"),
    ]
    assert "\xa9too" not in found, "no encoder names itself"
    assert found.info is not None


def test_text_is_cleaned() -> None:
    tags = tagged(
        " a\nb\t\u202ec\0 ",
        writers=("", " X\n"),
        genre=" ",
        comment="one\r\ntwo\u2028three\n\n",
        lyrics_text="\n l \n\n m",
    )
    assert (tags.title, tags.writers, tags.genre) == ("a b c", ("X",), None)
    assert tags.comment == "one\ntwo\nthree"
    assert tags.lyrics_text == "l\n\nm"


def test_lyrics_in_another_form_are_refused() -> None:
    with pytest.raises(ValueError, match="normal form"):
        tagged("x", lyrics_lrc="[00:10]no hundredths")


def test_section_marks_are_left_out_of_timed_lyrics_in_every_form(trips: Mapping[str, Trip]) -> None:
    tags = tagged("x", lyrics_lrc="[Verse 1]\n[00:01.00]one\n[00:02.50]\n[Solo]\n[00:04.00]\n")
    assert tags.lyrics_lrc == "[00:01.00]one\n[00:02.50]\n[00:04.00]"
    for form, trip in trips.items():
        assert trip(tags, None)[0].lyrics_lrc == tags.lyrics_lrc, form


words = st.text(max_size=30)
gains = st.none() | st.floats(-60, 60)
peaks = st.none() | st.floats(0, 2)


@st.composite
def any_tags(draw: st.DrawFn) -> TrackTags:
    lines = draw(st.lists(st.tuples(st.integers(0, 360_000), words), max_size=4))
    stamps = (f"[{at // 6000:02d}:{at // 100 % 60:02d}.{at % 100:02d}]" for at, _ in lines)
    lrc = "\n".join(stamp + " ".join(text.split()) for stamp, (_, text) in zip(stamps, lines, strict=True))
    return tagged(
        draw(words),
        lyrics_lrc=lrc,
        lyrics_text=draw(words),
        writers=tuple(draw(st.lists(words, max_size=3))),
        credits=tuple(draw(st.lists(st.tuples(words | st.sampled_from(["Mixer", "producer"]), words), max_size=4))),
        comment=draw(st.none() | words),
        year=draw(st.none() | st.integers(1, 9999)),
        explicit=draw(st.none() | st.booleans()),
        upc=draw(st.none() | words),
        label=draw(st.none() | words),
        isrc=draw(st.none() | words),
        genre=draw(st.none() | words | st.sampled_from(["17", "(17)", "RX", "(4)Eurodisco"])),
        track_gain_db=draw(gains),
        album_gain_db=draw(gains),
        track_peak=draw(peaks),
        album_peak=draw(peaks),
    )


@pytest.mark.slow
@given(tags=any_tags())
@settings(max_examples=60, deadline=None)
def test_any_tags_come_back_from_json_and_files(tags: TrackTags, trips: Mapping[str, Trip]) -> None:
    assert TrackTags.from_document(tags.document()) == tags
    for form, trip in trips.items():
        assert trip(tags, None) == (kept(form, tags), None), form


def test_covers_are_told_by_their_bytes(png: bytes) -> None:
    assert cover_media_type(png) == "image/png"
    assert cover_media_type(b"\xff\xd8\xff\xe0rest") == "image/jpeg"
    with pytest.raises(InputError, match="neither a JPEG nor a PNG"):
        cover_media_type(b"<svg onload=alert(1)>")


def test_a_file_without_tags_says_so(master: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no tags"):
        read_tags(master)
    (tmp_path / "x.mp3").write_bytes(b"nothing")
    with pytest.raises(InputError):
        read_tags(tmp_path / "x.mp3")
