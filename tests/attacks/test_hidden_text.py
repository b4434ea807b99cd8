"""Names that show nothing, or show something else than they are, and names that a file cannot have."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.common.errors import ManifestError
from catalog.common.settings import Settings
from catalog.common.text import hides, is_reserved, reorders, shows_nothing, visible
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album

HEAD = {"id": "small", "title": "Small", "artist": "Ada Vale"}
NOTHING = ["\u200b", "\u200e\u200f", "\u3164", "\u2800\u2800", "\u00ad", "\u034f\ufe0f", "\U000e0041", "\U0001d159"]
HIDDEN = [
    "Sma\u200bll",
    "Small\U000e0049\U000e0067",
    "Small \u061cer",
    "Sm\u00adall",
    "Small\ufeff one",
    "a\u2060b",
    "a\u2065b",
    "a\u206ab",
    "a\u3164b",
    "a\ufff9b\ufffb",
    "😀\ufe00\ufe01\ufe0f",
    "😀" + "".join(chr(0xE0100 + byte) for byte in b"text"),
    "a\u200c\u200d\u200c\u200c\u200db",
    "a\u200e\u200f\u200e\u200fb",
    "🏴\U000e0067\U000e0062\U000e007f",
    "a\U0001d173b",
    "ก\u200b\u200b\u200bข",
    "\u200bก",
    "ก\u200b",
    "ก\u200b ข",
    "東\u200b京",
    "a\u180bb",
]
SCOTLAND = "🏴" + "".join(chr(0xE0000 + ord(letter)) for letter in "gbsct") + "\U000e007f"
REORDERING = ["abc\u202egpj.exe", "\u2066abc", "a\u2069", "\u202ab\u202c"]


@pytest.mark.parametrize("text", NOTHING)
@pytest.mark.parametrize("field", ["title", "artist", "genre", "label"])
def test_a_name_that_shows_nothing_is_refused(text: str, field: str, tmp_path: Path) -> None:
    path = write_album(tmp_path, album_document(album=HEAD | {field: text}))
    with pytest.raises(ManifestError, match=rf"album\.{field}: the text holds nothing that can be seen"):
        read_album(path, Settings())


@pytest.mark.parametrize("text", REORDERING)
def test_a_text_that_changes_its_direction_is_refused(text: str, tmp_path: Path) -> None:
    document = album_document(album=HEAD | {"artist": text})
    song = document["songs"][0]  # type: ignore[index]
    song |= {"title": text, "prompt": text, "writers": [text], "credits": [{"name": text, "role": text}]}
    with pytest.raises(ManifestError) as refused:
        read_album(write_album(tmp_path, document), Settings())
    assert len([line for line in refused.value.faults if "changes the direction" in line]) == 6


@pytest.mark.parametrize("text", HIDDEN)
def test_a_text_hidden_inside_a_text_is_refused(text: str, tmp_path: Path) -> None:
    document = album_document(album=HEAD | {"title": text})
    song = document["songs"][0]  # type: ignore[index]
    song |= {"title": text, "prompt": text, "writers": [text], "credits": [{"name": text, "role": text}]}
    with pytest.raises(ManifestError) as refused:
        read_album(write_album(tmp_path, document), Settings())
    assert len([line for line in refused.value.faults if "a character that is not seen" in line]) == 6


@pytest.mark.parametrize(
    "text",
    [
        "夜",
        "שלום",
        "مرحبا\u200c",
        "👩\u200d👧",
        "Ünï",
        "\u0301a",
        "…",
        SCOTLAND,
        "❤\ufe0f\u200d🔥",
        "می\u200cخواهم",
        "नि\u200dश",
        "葛\U000e0100",
        "\u0601١",
        "สวัสดี\u200bครับ",
        "ភាសា\u200bខ្មែរ",
        "မြန်မာ\u200bစာ",
        "ພາສາ\u200bລາວ",
        "ไทย\u200b2\u200bครั้ง",
        "ᠮᠣᠩᠭᠣᠯ\u180b",
        "\u061cمرحبا 1",
        "अवन\u200d",
        "👨\u200d👩\u200d👧\u200d👦",
        "🏴\u200d☠\ufe0f",
        "1\ufe0f\u20e3",
        "שלום\u200e!",
    ],
)
def test_letters_of_every_script_are_taken(text: str, tmp_path: Path) -> None:
    assert not shows_nothing(text)
    assert not reorders(text)
    assert not hides(text)
    album = read_album(write_album(tmp_path, album_document(album=HEAD | {"title": text})), Settings())
    assert album.title == text


@pytest.mark.parametrize("text", ["สวัสดี\u200bครับ", "ᠮᠣᠩᠭᠣᠯ\u180b", "\u061cمرحبا"])
def test_what_a_script_needs_reaches_a_terminal_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert visible(f"{text}\u200b\x1b[2J") == f"{text}\\u200b\\x1b[2J"


@pytest.mark.parametrize("name", ["CON", "nul", "Com1", "LPT9", "aux", "prn"])
def test_a_device_of_windows_is_no_id(name: str, tmp_path: Path) -> None:
    document = album_document(album=HEAD | {"id": name})
    document["songs"][0]["id"] = name  # type: ignore[index]
    with pytest.raises(ManifestError) as refused:
        read_album(write_album(tmp_path, document), Settings())
    assert len([line for line in refused.value.faults if "device on Windows" in line]) == 2


def test_a_title_does_not_make_such_an_id_either(tmp_path: Path) -> None:
    path = write_album(tmp_path, album_document(album={"title": "Con", "artist": "Ada Vale"}))
    with pytest.raises(ManifestError, match=r"album\.title: the id 'con', made from the title"):
        read_album(path, Settings())
    write_album(tmp_path, album_document(album={"id": "con-1", "title": "Con", "artist": "Ada Vale"}))
    assert read_album(path, Settings()).id == "con-1"


@pytest.mark.parametrize("name", ["con.txt", "NUL.tar.gz", "COM1 .x", "lpt\u00b2", "aux."])
def test_device_names_are_known_with_endings(name: str) -> None:
    assert is_reserved(name)
    assert not any(map(is_reserved, ("con-1", "Console", "com10")))
