"""The language that the letters of a text point to."""

from __future__ import annotations

import pytest

from catalog.lyrics.scripts import is_foreign, language_of_script


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("夜车啊，带我回家", "zh"),
        ("夜のバスに乗って", "ja"),
        ("밤 버스를 타고", "ko"),
        ("Ночной автобус", "ru"),
        ("νύχτα", "el"),
        ("carry me home", None),
        ("Straße nach Süden", None),
        ("Oh baby 我爱", None),
        ("", None),
        ("😀 !!! 123", None),
    ],
)
def test_the_script_of_most_letters_counts(text: str, language: str | None) -> None:
    assert language_of_script(text) == language


@pytest.mark.parametrize(
    ("text", "language", "foreign"),
    [
        ("夜车啊", "en", True),
        ("夜车啊", "zh-TW", False),
        ("夜车啊", "yue", False),
        ("夜のバス", "zh", True),
        ("ночь", "de", True),
        ("ночь", "uk", False),
        ("ночь", "kk", False),
        ("carry me home", "zh", False),
        ("", "en", False),
    ],
)
def test_a_language_is_foreign_where_it_is_not_written_so(text: str, language: str, foreign: bool) -> None:
    assert is_foreign(text, language) is foreign
