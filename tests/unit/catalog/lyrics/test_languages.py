"""Language tags: what is one, its codes, and the nearest."""

from __future__ import annotations

import pytest

from catalog.lyrics.languages import (
    is_language_tag,
    is_listed,
    iso_639_3,
    language_code,
    language_name,
    nearest_language,
)


@pytest.mark.parametrize(
    ("tag", "code", "three", "name"),
    [
        ("en", "en", "eng", "English"),
        ("EN-gb", "en", "eng", "English"),
        ("pt-BR", "pt", "por", "Portuguese"),
        ("zh-Hant-TW", "zh", "zho", "Chinese"),
        ("cmn", "zh", "cmn", "Mandarin Chinese"),
        ("yue", "yue", "yue", "Cantonese"),
        ("deu", "de", "deu", "German"),
        ("ger", "de", "deu", "German"),
        ("fil", "tl", "fil", "Filipino"),
        ("iw", "he", "heb", "Hebrew"),
        ("jw", "jv", "jav", "Javanese"),
        ("nb", "nb", "nob", "Norwegian Bokmål"),
        ("zxx", "zxx", "zxx", "no words"),
        ("qxq", "qxq", "qxq", "qxq"),
    ],
)
def test_a_tag_has_its_codes_and_its_name(tag: str, code: str, three: str, name: str) -> None:
    assert is_language_tag(tag)
    assert (language_code(tag), iso_639_3(tag), language_name(tag)) == (code, three, name)
    assert is_listed(tag) == (tag != "qxq")


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("jp", "ja"),
        ("cn", "zh"),
        ("cz-CZ", "cs"),
        ("ua", "uk"),
        ("german", "de"),
        ("English", "en"),
        ("portugese", "pt"),
        ("pt_BR", "pt-BR"),
        ("e", ""),
        ("", ""),
        ("xx-yy", "xh"),
    ],
)
def test_what_is_none_leads_to_the_nearest(text: str, nearest: str) -> None:
    assert not is_language_tag(text)
    assert nearest_language(text) == nearest


def test_every_nearest_tag_is_one() -> None:
    pairs = [a + b for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz"]
    assert sum(map(is_language_tag, pairs)) == 183 + len({"in", "iw", "ji", "jw", "mo"})
    unknown = [pair for pair in pairs if not is_language_tag(pair)]
    assert all(is_language_tag(nearest_language(pair)) for pair in unknown if nearest_language(pair))
