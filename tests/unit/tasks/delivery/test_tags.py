"""Tags: cleaned as they come in, so that files give back what was set."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.errors import InputError
from tasks.delivery.encode import encode
from tasks.delivery.tags import TrackTags, cover_media_type, read_tags

HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "../../etc",
    "CON",
    "\u202eevil\u2066",
    "🚌🏽",
    "T" * 200,
    "a\0b\x1bc",
]


def tagged(title: str, **more: object) -> TrackTags:
    return TrackTags(title=title, artist="A", album="B", album_artist="A", position=1, total=1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize(("kind", "suffix"), [("wav24", ".wav"), ("flac24", ".flac"), ("mp3_320", ".mp3")])
def test_hostile_titles_come_back(title: str, kind: str, suffix: str, master: Path, tmp_path: Path) -> None:
    tags = tagged(title, comment=title)
    path = encode(kind, master, tmp_path / f"x{suffix}", tags=tags, cover=None, dither_seed=0)
    assert read_tags(path) == tags


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


words = st.text(max_size=30)


@given(
    title=words,
    writers=st.lists(words, max_size=3),
    comment=st.none() | words,
    year=st.none() | st.integers(1, 9999),
    explicit=st.none() | st.booleans(),
    lines=st.lists(st.tuples(st.integers(0, 360_000), words), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_any_tags_come_back_from_json_and_files(
    title: str,
    writers: list[str],
    comment: str | None,
    year: int | None,
    explicit: bool | None,
    lines: list[tuple[int, str]],
    master: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lrc = "\n".join(
        f"[{at // 6000:02d}:{at // 100 % 60:02d}.{at % 100:02d}]{' '.join(text.split())}" for at, text in lines
    )
    tags = tagged(title, writers=tuple(writers), comment=comment, year=year, explicit=explicit, lyrics_lrc=lrc)
    assert TrackTags.from_document(tags.document()) == tags
    folder = tmp_path_factory.getbasetemp()
    for kind, suffix in (("wav24", ".wav"), ("flac24", ".flac")):
        path = encode(kind, master, folder / f"any{suffix}", tags=tags, cover=None, dither_seed=0)
        assert read_tags(path) == tags


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
