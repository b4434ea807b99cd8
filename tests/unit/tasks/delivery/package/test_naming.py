"""File names that are safe everywhere."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.delivery.package.naming import MAX_NAME_BYTES, safe_file_name


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Last Bus Home", "03 - Last Bus Home"),
        ("../../etc/passwd", "03 - -..-etc-passwd"),
        ("CON", "03 - CON"),
        ("a:b|c\\d", "03 - a-b-c-d"),
        ('</script><img src=x onerror="alert(1)">', "03 - (-script)(img src=x onerror='alert(1)')"),
        ("What? *Now*", "03 - What Now"),
        ("  two\t\nlines  ", "03 - two lines"),
        ("dots...", "03 - dots"),
        ("...", "03 - Untitled"),
        ("", "03 - Untitled"),
        ("\u202egnp.exe\u2069", "03 - gnp.exe"),
        ("nul\0byte\x1b[31m", "03 - nulbyte[31m"),
        ("e\u0301te\u0301", "03 - été"),
        ("e\u200e\u0301", "03 - é"),
        ("Broken \ud800 half", "03 - Broken half"),
        ("夜行バス 🚌", "03 - 夜行バス 🚌"),
        ("👩\u200d🎤", "03 - 👩\u200d🎤"),
    ],
)
def test_a_title_becomes_a_safe_name(title: str, name: str) -> None:
    assert safe_file_name(3, title) == name


def test_a_long_title_is_cut_between_whole_letters() -> None:
    family = "👩\u200d👩\u200d👧"
    name = safe_file_name(1, "x" + family * 40)
    assert len(name.encode()) <= MAX_NAME_BYTES
    assert name.removeprefix("01 - x").replace(family, "") == ""
    assert len(safe_file_name(1, "ab" * 100)) == MAX_NAME_BYTES


def test_the_position_keeps_equal_titles_apart() -> None:
    assert len({safe_file_name(position, "Reprise?") for position in range(1, 121)}) == 120
    assert safe_file_name(120, "a").startswith("120 - ")


@given(st.integers(1, 999), st.text(st.characters(), max_size=200))
def test_every_name_is_safe(position: int, title: str) -> None:
    name = safe_file_name(position, title)
    start, words = name.split(" - ", 1)
    assert int(start) == position
    assert words
    assert words == words.strip(" .")
    assert not set(name) & set('/\\:|<>"?*')
    assert not any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name)
    assert unicodedata.is_normalized("NFC", name)
    assert len(name.encode()) <= MAX_NAME_BYTES


@given(st.text(max_size=60))
def test_a_file_of_that_name_stays_in_its_folder(title: str) -> None:
    path = Path("folder") / f"{safe_file_name(1, title)}.wav"
    assert path.parent == Path("folder")
    assert path.suffix == ".wav"


@pytest.mark.parametrize("count", [1, 9, 99, 100, 999, 1000, 2000])
def test_names_sort_as_the_songs_do(count: int) -> None:
    names = [safe_file_name(position, "Song", highest=count) for position in range(1, count + 1)]
    assert sorted(names) == names


def test_up_to_99_songs_keep_two_digits() -> None:
    assert [safe_file_name(7, "Song", highest=highest)[:4] for highest in (7, 99, 100, 1000)] == [
        "07 -", "07 -", "007 ", "0007",
    ]  # fmt: skip
