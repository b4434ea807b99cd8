"""``songline sing``: plain words in, demos out; an album of somebody else's is left alone."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from catalog.lyrics.lrc import parse_lrc
from tests.support.commands import songline

pytestmark = pytest.mark.slow

WORDS = (
    "[Verse]\nStreetlights hum along the wire\nOne more stop and I am home\n\n[Chorus]\nRain is writing on the glass\n"
)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    path = tmp_path / "last-bus_home.txt"
    path.write_text(WORDS, encoding="utf-8")
    return path


def test_plain_words_become_demos(words: Path, tmp_path: Path) -> None:
    out = tmp_path / "demos"
    options = ("--style", "folk, 104 BPM", "--key", "G major", "--voice", "tenor", "--seeds", "2", "--no-browser")
    sung = songline("sing", words, *options, "--out", out, home=tmp_path / "home")
    assert sung.returncode == 0, sung.stderr
    assert "Last Bus Home: 3 lines at 104 BPM" in sung.stdout
    manifest = yaml.safe_load((out / "album.yaml").read_text())
    assert manifest["defaults"]["settings"]["singer"] == "tenor"
    assert [(song["title"], song["seeds"], song["key"]) for song in manifest["songs"]] == [
        ("Last Bus Home (Demo 1)", [42], "G major"),
        ("Last Bus Home (Demo 2)", [43], "G major"),
    ]
    assert "sung by tenor, tenor" in sung.stdout
    lyrics = parse_lrc((out / "words.lrc").read_bytes())
    assert [line.text for line in lyrics.sung] == [line for line in WORDS.splitlines() if line and line[0] != "["]
    release = out / "last-bus-home-demos"
    assert "<creator" not in next((release / "sheets").glob("*.musicxml")).read_text(encoding="utf-8")
    page = (release / "index.html").read_text()
    assert page.count('data-bpm="104.0"') == 2
    assert len(re.findall(r'class="sung" data-at="[\d ]+"', page)) >= 6, "three lines of two songs, by syllables"
    assert page.count('<button class="voice"') == 2
    assert len(list((release / "mp3_320").iterdir())) == 2
    tracks = json.loads((release / "release.json").read_text())["tracks"]
    assert all("vocals" in track["stems"] for track in tracks)


def test_other_words_replace_the_demos_and_a_hand_written_album_stays(words: Path, tmp_path: Path) -> None:
    out = tmp_path / "demos"
    out.mkdir()
    (out / "album.yaml").write_text("schema_version: 1\n")
    refused = songline("sing", words, "--out", out, "--no-browser", home=tmp_path / "home")
    assert (refused.returncode, (out / "album.yaml").read_text()) == (2, "schema_version: 1\n")
    assert "was not written by this command" in refused.stderr
    assert not (out / "words.lrc").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no line has words"),
        ("[Verse]\n", "has no words to sing"),
        ("😀😀😀\n!!!\n", "has no words to sing"),
        ("a\0b\n" * 40, "the file is not text"),
        ("la la la la la la\n" * 400, "a song has at most"),
    ],
)
def test_what_cannot_be_sung_is_told_and_nothing_is_written(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "words.txt"
    path.write_text(text)
    refused = songline("sing", path, "--out", tmp_path / "demos", "--no-browser", home=tmp_path / "home")
    assert refused.returncode == 2
    assert said in refused.stderr
    assert not (tmp_path / "demos").exists()


def test_the_letters_say_the_language_and_sung_words_that_are_replaced_are_told(tmp_path: Path) -> None:
    path, options = tmp_path / "words.txt", ("--seeds", "1", "--no-browser", "--out", tmp_path / "demos")
    path.write_text("夜车带我回家\n窗外的城市\n", encoding="utf-8")
    sung = songline("sing", path, *options, home=tmp_path / "home")
    assert sung.returncode == 0, sung.stderr
    assert "before" not in sung.stderr
    manifest = yaml.safe_load((tmp_path / "demos" / "album.yaml").read_text())
    assert manifest["defaults"]["language"] == "zh"
    again = songline("sing", path, *options, "--style", "jazz", "--language", "en", home=tmp_path / "home")
    assert "words-demos had other words or wishes before" in again.stderr
    assert "--language zh may fit" in again.stderr


def test_an_empty_style_is_a_fault_of_the_command(words: Path, tmp_path: Path) -> None:
    refused = songline("sing", words, "--style", " ", "--out", tmp_path / "d", "--no-browser", home=tmp_path / "home")
    assert (refused.returncode, "--style is empty" in refused.stderr) == (2, True)


def test_a_key_that_is_none_is_a_fault_of_the_command(words: Path, tmp_path: Path) -> None:
    refused = songline(
        "sing", words, "--key", "H flat", "--out", tmp_path / "d", "--no-browser", home=tmp_path / "home"
    )
    assert refused.returncode == 2
    assert "key" in refused.stderr
