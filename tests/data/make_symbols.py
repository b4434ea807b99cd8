"""Make ``tests/data/symbols``, tables in the form of the model ``diffrhythm-data``.

Run ``python -m tests.data.make_symbols``. Nothing here is taken from the published files. The phones are those that
Songline's own rules can produce (Mandarin, kana) and a list of English ones written for these tests; pinyin becomes
bopomofo by pypinyin; a symbol's number is its place in the order.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pypinyin import Style
from pypinyin.constants import PINYIN_DICT
from pypinyin.contrib.tone_convert import to_normal
from pypinyin.style import convert

from tasks.phonemes.chinese.bopomofo import TONE_MARKS, marked, phones_of
from tasks.phonemes.kana import kana_phones
from tasks.phonemes.symbols.vocabulary import MARKS, WORD_GAP
from tests.support.places import DATA

FOLDER = DATA / "symbols"
TEXT_SYMBOLS = 363
"""Symbols of the published networks, whose table has one row more."""

ENGLISH = (
    *("iː", "ɪ", "i", "ᵻ", "ɛ", "æ", "ɑː", "ɔː", "ʊ", "uː", "ʌ", "ə", "ɐ", "ɚ", "ɜː", "eɪ", "aɪ", "ɔɪ", "aʊ", "oʊ"),
    *("ɪɹ", "ɛɹ", "ʊɹ", "ɔːɹ", "oːɹ", "ɑːɹ", "aɪɚ", "iə", "əl"),
    *("p", "b", "t", "d", "k", "ɡ", "f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "h", "tʃ", "dʒ", "m", "n", "ŋ", "j", "w"),
    *("ɹ", "l", "ɾ", "ʔ", "n̩", "x"),
)
RARE = ("ɔ", "tɹ", "dɹ", "ts", "dz", "ɑ", "e", "aɪə", "ææ", "oː", "ɜ", "ɡʲ", "r", "g")
"""English phones that only some words or versions of espeak-ng give; at the end, so that the numbers above stay."""
POLYPHONIC = "重长行乐了得还"
"""Characters with several readings that the tests use."""


def syllables() -> dict[str, str]:
    """Every toneless pinyin syllable that pypinyin knows, in bopomofo."""
    readings = {reading for entry in PINYIN_DICT.values() for reading in entry.split(",")}
    plain = {to_normal(reading, v_to_u=True): reading for reading in sorted(readings)}
    found = {name: convert(name, Style.BOPOMOFO, strict=True).rstrip("ˉˊˇˋ˙") for name in sorted(plain)}
    return {name: bopomofo for name, bopomofo in found.items() if name.isalpha() and _is_bopomofo(bopomofo)}


def symbols() -> list[str]:
    """The table in its order: the comma and the full stop first, as the engine counts on their numbers."""
    seen = dict.fromkeys((",", ".", "?", "!", WORD_GAP, *MARKS, *ENGLISH, *_kana(), *_mandarin(), *RARE))
    assert len(seen) <= TEXT_SYMBOLS, len(seen)
    return list(seen)


def files() -> dict[str, bytes]:
    """The four files by name."""
    table = {symbol: number for number, symbol in enumerate(symbols())}
    vector = np.random.Generator(np.random.PCG64(512)).standard_normal((1, 512)).astype(np.float32)
    saved = io.BytesIO()
    np.save(saved, vector / np.linalg.norm(vector))
    return {
        "vocab.json": (json.dumps({"vocab": table}, ensure_ascii=False, indent=0) + "\n").encode(),
        "pinyin_2_bpmf.txt": "".join(f"{name}\t{bopomofo}\n" for name, bopomofo in syllables().items()).encode(),
        "polychar.txt": ("\n".join(POLYPHONIC) + "\n").encode(),
        "vocal.npy": saved.getvalue(),
    }


def _kana() -> Iterator[str]:
    for code in (*range(0x3041, 0x3097), *range(0x30A1, 0x30F7), *range(0xFF71, 0xFF9E)):
        yield from kana_phones(chr(code))


def _mandarin() -> Iterator[str]:
    for bopomofo in syllables().values():
        for mark in dict.fromkeys(TONE_MARKS.values()):
            yield from phones_of([[marked(bopomofo + mark)]])


def _is_bopomofo(text: str) -> bool:
    return bool(text) and all("ㄅ" <= character <= "ㄩ" for character in text)


def main() -> None:
    """Write the files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        Path(FOLDER / name).write_bytes(content)


if __name__ == "__main__":
    main()
