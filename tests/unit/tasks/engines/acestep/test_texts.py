"""The texts as they are tokenised: stanzas and sections, budgets, and the text that the published code would write."""

from __future__ import annotations

import pytest

pytest.importorskip("tokenizers", reason="tokens are counted by the package")

from catalog.common.errors import MachineError, ModelMissing
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.text import parse_text
from catalog.models.store import ModelStore
from tasks.engines.acestep.texts import (
    MAX_LYRIC_TOKENS,
    MAX_PROMPT_TOKENS,
    REPAINT,
    Conditions,
    TooLong,
    as_repaint,
    fitting_caption,
    lyric_text,
    prompt_text,
    song_lyrics,
)
from tasks.engines.acestep.tokens import token_counter
from tasks.engines.acestep.words import lyrics_rows, text_of

STATED = Conditions(bpm=96, key="A minor", time_signature=4, length_s=210)
METAS = "# Metas\n- bpm: 96\n- timesignature: 4\n- keyscale: A minor\n- duration: 210 seconds\n<|endoftext|>\n"


@pytest.fixture(scope="module")
def count(models: ModelStore):
    return token_counter(models)


def text(lyrics: object) -> str:
    return text_of(lyrics_rows(lyrics))


# --- words


def test_times_are_dropped_and_part_stanzas() -> None:
    lyrics = parse_lrc("[00:02.00]one\n[00:05.00]two\n[00:07.00]\n[00:11.00]three\n[00:16.99]four\n")
    assert text(lyrics) == "one\ntwo\n\nthree\nfour"


def test_a_rest_alone_parts_nothing() -> None:
    assert text(parse_lrc("[00:02.00]one\n[00:03.00]\n[00:07.99]two\n")) == "one\ntwo"


def test_sections_stand_in_brackets_after_an_empty_line() -> None:
    lyrics = parse_lrc("[verse]\n[00:01.00]one\n[00:03.00]two\n[00:05.00][Guitar solo]\n[Chorus]\n[00:07.00]three\n")
    assert text(lyrics) == "[verse]\none\ntwo\n\n[Guitar solo]\n\n[Chorus]\nthree"


def test_without_times_empty_lines_part_stanzas() -> None:
    assert text(parse_text("one\n\n\ntwo\n\n")) == "one\n\ntwo"


@pytest.mark.parametrize("lyrics", [Lyrics(()), Lyrics((LyricLine(3.0, ""),))])
def test_a_song_without_words_says_so(lyrics: Lyrics) -> None:
    assert text(lyrics) == "[Instrumental]"


# --- the model's own form


@pytest.mark.parametrize(
    "conditions", [STATED, Conditions(None, None, None, 10), Conditions(128, "F# major", None, 600)]
)
def test_both_texts_are_those_of_the_published_code(conditions: Conditions) -> None:
    pipeline = pytest.importorskip("diffusers").AceStepPipeline
    stated = {"bpm": conditions.bpm, "keyscale": conditions.key, "audio_duration": float(conditions.length_s)}
    signature = conditions.time_signature
    for task in ("text2music", "repaint"):
        published = pipeline._format_prompt(
            pipeline,
            "indie pop",
            "one\ntwo",
            "de",
            instruction=pipeline._get_task_instruction(task),
            timesignature=None if signature is None else str(signature),
            **stated,
        )
        prompt = prompt_text("indie pop", conditions)
        ours = (prompt if task == "text2music" else as_repaint(prompt), lyric_text("one\ntwo", "de"))
        assert ours == published


def test_tokens_are_counted_as_the_text_encoder_reads_them(models: ModelStore, count) -> None:
    transformers = pytest.importorskip("transformers")
    path = models.need("qwen3-embedding-0.6b").path("tokenizer.json")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path))
    for each in ("", "indie pop", prompt_text("Füchse im Schnee 狐", STATED), lyric_text("one\ntwo", "de")):
        assert count(each) == len(tokenizer(each).input_ids)


# --- budgets


def test_a_prompt_of_400_words_keeps_its_metas_and_as_many_words_as_fit(count) -> None:
    words = [f"word{number}" for number in range(400)]
    kept = fitting_caption(" ".join(words), STATED, count)
    prompt = prompt_text(kept, STATED)
    assert prompt.endswith(METAS)
    assert kept == " ".join(words[: len(kept.split())])
    assert 10 < len(kept.split()) < 400
    longer = " ".join(words[: len(kept.split()) + 1])
    for text_for in (lambda caption: prompt_text(caption, STATED), lambda c: as_repaint(prompt_text(c, STATED))):
        assert count(text_for(kept)) <= MAX_PROMPT_TOKENS
    assert max(count(prompt_text(longer, STATED, instruction=each)) for each in (REPAINT,)) > MAX_PROMPT_TOKENS or (
        count(prompt_text(longer, STATED)) > MAX_PROMPT_TOKENS
    )


def test_a_prompt_without_spaces_is_shortened_by_characters(count) -> None:
    kept = fitting_caption("流行音乐" * 200, STATED, count)
    assert kept
    assert ("流行音乐" * 200).startswith(kept)
    assert count(prompt_text(kept, STATED)) <= MAX_PROMPT_TOKENS


def test_a_prompt_that_fits_is_left_alone(count) -> None:
    assert fitting_caption("indie pop,\nwarm", STATED, count) == "indie pop,\nwarm"


def test_lyrics_that_are_too_long_are_refused_at_the_line_where_they_end(count) -> None:
    lines = tuple(LyricLine(2.0 * number, f"line number {number} of many", number + 3) for number in range(300))
    with pytest.raises(TooLong) as caught:
        song_lyrics(Lyrics(lines), "en", count)
    ends = caught.value.line - 3
    assert count(song_lyrics(Lyrics(lines[:ends]), "en", count)) <= MAX_LYRIC_TOKENS
    assert count(lyric_text(text_of(lyrics_rows(Lyrics(lines[: ends + 1]))), "en")) > MAX_LYRIC_TOKENS
    assert str(MAX_LYRIC_TOKENS) in caught.value.what


# --- the tokenizer


def test_without_the_model_its_command_is_named(bare) -> None:
    with pytest.raises(ModelMissing, match=r"qwen3-embedding-0\.6b is not installed"):
        token_counter(ModelStore(bare.models_path))


def test_a_damaged_tokenizer_is_told(tmp_path, models: ModelStore) -> None:
    from tasks.engines.acestep.tokens import _counter

    damaged = tmp_path / "tokenizer.json"
    damaged.write_text('{"model": 1}')
    with pytest.raises(MachineError, match="cannot be read as a tokenizer"):
        _counter(damaged, "0" * 64)
