"""Chinese text: words, tones, and the optional lexicon and polyphone model."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.common.errors import InputError
from tasks.phonemes.chinese.bopomofo import load_syllables, marked, phones_of
from tasks.phonemes.chinese.chinese import merged, plain_chinese
from tasks.phonemes.chinese.polyphones import PolyphoneModel
from tasks.phonemes.chinese.sandhi import with_sandhi
from tasks.phonemes.reader import Reader
from tests.support.diffrhythm.lyric_readers import chinese_files, data, reader


@pytest.mark.parametrize(
    ("words", "together"),
    [
        (["走", "一", "走"], ["走一走"]),
        (["一", "朵", "花"], ["一朵", "花"]),
        (["我", "不", "去"], ["我", "不去"]),
        (["不", "不", "好"], ["不不", "好"]),
        (["花", "儿", "开"], ["花儿", "开"]),
        (["儿", "啊"], ["儿", "啊"]),
    ],
)
def test_words_are_put_together_as_they_are_sung(words: list[str], together: list[str]) -> None:
    assert merged(words, keep_last_bu=False) == together


def test_a_last_bu_is_lost_by_the_original_only() -> None:
    assert merged(["我", "不"], keep_last_bu=False) == ["我"]
    assert merged(["我", "不"], keep_last_bu=True) == ["我", "不"]
    kept, published = reader().tokens("我不", "zh"), reader().published("我不")
    assert kept.phones[-2:] == ("p⁼", "u↓")
    assert kept.phones[:-2] == published.phones


@pytest.mark.parametrize(
    ("word", "syllables", "sung"),
    [
        ("你好", "ㄋㄧˇ ㄏㄠˇ", "ㄋㄧˊ ㄏㄠˇ"),
        ("展览馆", "ㄓㄢˇ ㄌㄢˇ ㄍㄨㄢˇ", "ㄓㄢˇˊ ㄌㄢˇˊ ㄍㄨㄢˇ"),
        ("不是", "ㄅㄨˋ ㄕˋ", "ㄅㄨˊ ㄕˋ"),
        ("不想", "ㄅㄨˋ ㄒㄧㄤˇ", "ㄅㄨˋ ㄒㄧㄤˇ"),
        ("去不去", "ㄑㄩˋ ㄅㄨˋ ㄑㄩˋ", "ㄑㄩˋ ㄅㄨ˙ ㄑㄩˋ"),
        ("不", "ㄅㄨˋ", "ㄅㄨˋ"),
        ("一样", "ㄧ ㄧㄤˋ", "ㄧˊ ㄧㄤˋ"),
        ("一天", "ㄧ ㄊㄧㄢ", "ㄧˋ ㄊㄧㄢ"),
        ("看一看", "ㄎㄢˋ ㄧ ㄎㄢˋ", "ㄎㄢˋ ㄧ˙ ㄎㄢˋ"),
        ("第一次", "ㄉㄧˋ ㄧˊ ㄘˋ", "ㄉㄧˋ ㄧ ㄘˋ"),
        ("一月", "ㄧˊ ㄩㄝˋ", "ㄧ ㄩㄝˋ"),
        ("一百一", "ㄧ ㄅㄞˇ ㄧˋ", "ㄧˋ ㄅㄞˇ ㄧ"),
        ("一万", "ㄧ ㄨㄢˋ", "ㄧˊ ㄨㄢˋ"),
        ("十一", "ㄕˊ ㄧˋ", "ㄕˊ ㄧ"),
        ("花儿", "ㄏㄨㄚ ㄦˊ", "ㄏㄨㄚ ㄦ˙"),
        ("女儿", "ㄋㄩˇ ㄦˊ", "ㄋㄩˇ ㄦˊ"),
    ],
)
def test_tones_change_within_a_word(word: str, syllables: str, sung: str) -> None:
    assert with_sandhi(word, syllables.split()) == sung.split()


@pytest.mark.parametrize(
    ("syllable", "phones"),
    [
        ("ㄕˋ", ["s`ɹ↓"]),
        ("ㄗˋ", ["ts⁼ɹ↓"]),
        ("ㄗ˙", ["ts⁼"]),
        ("ㄙ", ["sɹ→"]),
        ("ㄓㄨㄤ", ["ts`⁼", "uɑŋ→"]),
        ("ㄅㄛ", ["p⁼wo→"]),
        ("ㄦˊ", ["əɹ↑"]),
    ],
)
def test_syllables_become_phones(syllable: str, phones: list[str]) -> None:
    assert phones_of([[marked(syllable)]]) == phones


def test_numbers_without_a_name_are_read_digit_by_digit() -> None:
    number = "5" * 30
    assert plain_chinese(number, is_complete=True) == "五" * 30
    assert plain_chinese(number, is_complete=False) == ""
    assert plain_chinese("2024年，12个", is_complete=True) == "二零二四年,十二个"


def test_the_lexicon_decides_where_it_is_installed(tmp_path: Path) -> None:
    lexicon = {"重复": "chong4 fu2", "心": "xin4", "重": "zhong4"}
    chinese = chinese_files(tmp_path, lexicon=lexicon, vocabulary=["重", "心"], readings={"3": "重{chong1}"})
    read = Reader.of(data(), chinese)
    spoken = read.tokens("重复，心", "zh")
    assert [each.pinyin for each in spoken.words[0]] == [("chong4", "fu2"), None, ("xin4",)]
    assert spoken.versions["lexicon"] == chinese.digests["chinese_lexicon.txt"]
    assert spoken.versions["polyphones"] == chinese.digests["poly_bert_model.onnx"]
    assert spoken.tokens != reader().tokens("重复，心", "zh").tokens


def test_a_polyphonic_character_is_read_by_the_model_where_it_stands(tmp_path: Path) -> None:
    lexicon = {"重": "zhong4", "心": "xin1"}
    chinese = chinese_files(tmp_path, lexicon=lexicon, vocabulary=["重", "心"], readings={"3": "重{chong1}"})
    spoken = Reader.of(data(), chinese).tokens("心，重", "zh")
    assert [each.pinyin for each in spoken.words[0]] == [("xin1",), None, ("chong1",)]


def test_a_character_that_the_lexicon_lacks_is_told(tmp_path: Path) -> None:
    chinese = chinese_files(tmp_path, lexicon={"心": "xin1"}, vocabulary=["心"], readings={})
    spoken = Reader.of(data(), chinese).tokens("心龘", "zh")
    assert spoken.phones == ("ʃ", "in→", "龘")
    assert spoken.dropped == ("龘",)
    assert any("龘" in note for note in spoken.notes)


def test_a_syllable_that_the_table_lacks_falls_back_to_pypinyin(tmp_path: Path) -> None:
    chinese = chinese_files(tmp_path, lexicon={"心": "qqq1"}, vocabulary=["心"], readings={})
    assert Reader.of(data(), chinese).tokens("心", "zh").phones == ("ʃ", "in→")


def test_the_polyphone_model_sees_a_sentence_once() -> None:
    asked: list[list[int]] = []

    class Session:
        def run(self, outputs: list[str], inputs: dict[str, object]) -> list[list[list[list[float]]]]:
            ids = [int(number) for number in inputs["input_ids"][0]]  # type: ignore[index]
            asked.append(ids)
            return [[[[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]]]]

    vocabulary = {"[CLS]": 7, "[UNK]": 8, "a": 9, "重": 10}
    model = PolyphoneModel(session=Session(), vocabulary=vocabulary, readings={"1": "chong2", "2": "zhong4"})
    assert model("A重x") == ("zhong4", "chong2", "zhong4")
    assert model("A重x")[1] == "chong2"
    assert asked == [[7, 9, 10, 8]]


@pytest.mark.parametrize("name", ["vocab.txt", "polydict.json", "poly_bert_model.onnx", "chinese_lexicon.txt"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    chinese = chinese_files(tmp_path, lexicon={"重": "zhong4"}, vocabulary=["重"], readings={"3": "重{chong2}"})
    (tmp_path / name).write_bytes(b"no table at all")
    with pytest.raises(InputError, match=name):
        Reader.of(data(), chinese).tokens("重", "zh")


def test_a_broken_table_of_syllables_is_named(tmp_path: Path) -> None:
    (tmp_path / "table.txt").write_text("no columns", encoding="utf-8")
    with pytest.raises(InputError, match=r"table\.txt"):
        load_syllables(tmp_path / "table.txt")
