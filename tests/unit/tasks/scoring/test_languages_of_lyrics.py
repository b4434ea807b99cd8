"""What the language of a song changes in the requests to the judges, and what must stay."""

from __future__ import annotations

from typing import Any

import pytest

from catalog.common.digests import Json
from tasks.scoring.judges.languages import ENGINE_RULES, SPOKEN, TRANSCRIBED, transcribed_as
from tasks.scoring.registry import judge_named
from tasks.scoring.requests import request_judge
from tests.support.guide_songs import song

IDENTITIES = {name: {"name": name} for name in ("whisper-large-v3", "diffrhythm-data", "htdemucs", "clap-music")}
KEYS = {
    ("lyrics", "en"): "5f4dce6e2b40ed22",
    ("lyrics_mix", "zh"): "d959e93fb7eafd3a",
}
"""As they were before there were rules for other languages."""


def asked(judge: str, **changes: Any) -> Any:
    return request_judge(song(**changes), "a" * 64, judge_named(judge), IDENTITIES)


def judge_of(judge: str, language: str, **changes: Any) -> Json:
    return asked(judge, language=language, **changes).parameters["judge"]


@pytest.mark.parametrize(("judge", "language"), KEYS)
def test_english_and_chinese_lyrics_keep_the_keys_of_their_scores(judge: str, language: str) -> None:
    assert asked(judge, language=language).key.startswith(KEYS[judge, language])


@pytest.mark.parametrize("judge", ["lyrics", "lyrics_mix"])
def test_lyrics_in_other_languages_are_scored_anew(judge: str) -> None:
    plain = judge_of(judge, "en")
    assert [judge_of(judge, tag) for tag in ("en-GB", "EN", "zh-Hant", "cmn")] == [plain] * 4
    assert [judge_of(judge, tag) for tag in ("de", "pt-BR", "yue", "eng")] == [{**plain, "rules": 2}] * 4


def test_where_no_words_are_judged_the_language_changes_nothing() -> None:
    assert judge_of("clap", "de") == judge_of("clap", "en")
    assert judge_of("lyrics", "de", lines=()) == judge_of("lyrics", "en", lines=())


def test_the_rules_are_for_languages_that_are_transcribed() -> None:
    assert ENGINE_RULES | SPOKEN <= TRANSCRIBED
    assert len(SPOKEN) >= 30


def test_the_codes_are_those_of_the_transcriber() -> None:
    tokenizer = pytest.importorskip("faster_whisper.tokenizer", reason="NOT TESTED: the extra lyrics is not installed")
    assert {transcribed_as(code) for code in TRANSCRIBED} == set(tokenizer._LANGUAGE_CODES)
