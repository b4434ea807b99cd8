"""Words to tokens as the original reads them, with the espeak-ng that runs here; no case, no test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pytest

from catalog.common.errors import InputError
from tasks.phonemes.chinese.bopomofo import load_syllables
from tasks.phonemes.chinese.readings import Reading, in_bopomofo
from tasks.phonemes.espeak import espeak_version
from tasks.phonemes.reader import Reader
from tasks.phonemes.symbols.vocabulary import load_vocabulary
from tests.support.diffrhythm.lyric_readers import data, reader
from tests.support.diffrhythm.parity import load_index, over

INDEX: Mapping[str, Any] = load_index(f"g2p_espeak_{'.'.join(espeak_version().split('.')[:2])}.json")
LINES: Mapping[str, Any] = {f"{number}-{line['kind']}": line for number, line in enumerate(INDEX.get("lines", []))}
SPOKEN = [name for name, line in LINES.items() if "error" not in line]
REFUSED = [name for name, line in LINES.items() if "error" in line]
ORDINARY = [name for name in SPOKEN if not LINES[name].get("dropped")]
SAME_PYPINYIN = INDEX.get("versions", {}).get("pypinyin") == version("pypinyin")


class Recorded:
    """The readings that the reference data was made with: pypinyin's phrases change from release to release."""

    versions: Mapping[str, str] = {}

    def __init__(self, line: Mapping[str, Any]) -> None:
        self._pinyin = {word: pinyin for segment in line.get("words", []) for word, pinyin in segment}
        self._table = load_syllables(data().path("pinyin_2_bpmf.txt"))

    def of(self, words: Sequence[str], *, sentence: str) -> list[Reading]:
        pinyin = [self._pinyin.get(word) for word in words]
        return [in_bopomofo(word, each and tuple(each), self._table) for word, each in zip(words, pinyin, strict=True)]


def reader_for(line: Mapping[str, Any]) -> Reader:
    """The real one where pypinyin is the release of the reference data, else one that is told its readings."""
    if SAME_PYPINYIN:
        return reader()
    return Reader(load_vocabulary(data().path("vocab.json")), chinese=lambda: Recorded(line))


@pytest.mark.slow
@over("name", SPOKEN)
def test_a_line_is_read_as_the_original_reads_it(name: str) -> None:
    line = LINES[name]
    spoken = reader_for(line).published(line["text"])
    words = [[[each.word, each.pinyin and list(each.pinyin)] for each in segment] for segment in spoken.words]
    assert [list(segment) for segment in spoken.segments] == line["segments"]
    assert words == line.get("words", [])
    assert list(spoken.phones) == [phone for phone in line["phones"].split("|") if phone]
    assert [token - 1 for token in spoken.tokens] == line["ids"]
    assert list(spoken.tokens) == line["tokens"]
    assert list(spoken.dropped) == line.get("dropped", [])


@over("name", REFUSED)
def test_a_line_that_the_original_cannot_read_is_an_error(name: str) -> None:
    with pytest.raises(InputError) as caught:
        reader().published(LINES[name]["text"])
    assert f"Exception: {caught.value.what}" == LINES[name]["error"]


@pytest.mark.slow
@over("name", ORDINARY)
def test_an_ordinary_line_has_the_same_tokens_by_default(name: str) -> None:
    line = LINES[name]
    spoken = reader_for(line).tokens(line["text"], "en")
    assert list(spoken.tokens) == line["tokens"]
    assert spoken.notes == ()
