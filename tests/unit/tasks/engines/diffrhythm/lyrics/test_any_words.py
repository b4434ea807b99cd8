"""Words of every script become tokens or a warning, the same each time, and cost nothing before they are needed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.stamps import stamp
from tasks.engines.diffrhythm.lyrics.place import place_lyrics, warnings
from tasks.phonemes.reader import Reader
from tests.support.diffrhythm.frames import in_frames
from tests.support.diffrhythm.lyric_readers import data, reader
from tests.support.places import ROOT

WORDS = st.text(alphabet=st.sampled_from("abcXYZ' ,.-0159%$éß一不儿爱我心さんァーй안ا♪😀…_/\u0301"), max_size=20)
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@pytest.mark.slow
@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9499), WORDS | ANY), max_size=5, unique_by=lambda each: each[0]))
def test_every_sung_line_has_tokens_or_a_warning_that_names_it(rows: list[tuple[int, str]]) -> None:
    lines = tuple(LyricLine(time_cs / 100, text, number) for number, (time_cs, text) in enumerate(sorted(rows), 1))
    placement = place_lyrics(Lyrics(lines), reader(), length_s=95, language="en")
    row = in_frames(placement.runs, placement.frames)
    told = dict(warnings(placement))
    cursor = 0
    for line, fact in zip(lines, placement.lines, strict=True):
        tokens = reader().tokens(line.text, "en").tokens
        if fact.end_frame > fact.first_frame:
            assert max(fact.wanted_frame, cursor) == fact.first_frame
            sung = [1 if token == 2 else token for token in tokens] + [2]
            assert row[fact.first_frame : fact.end_frame] == sung[: len(sung) - fact.lost_tokens]
            cursor = fact.end_frame
        if fact.lost_tokens or (line.text.strip() and not tokens):
            assert told[fact.line].startswith(stamp(line.start_s))
    assert sum(map(bool, row)) == sum(fact.end_frame - fact.first_frame for fact in placement.lines if fact.phones)


LINES = [
    "Every river knows the way",
    "你好，world",
    "不是一样",
    "I don't know",
    "naïve café",
    "さくら",
    "Go",
    "我们 go home",
]


@pytest.mark.slow
def test_tokens_do_not_depend_on_what_was_read_before() -> None:
    forwards = {line: reader().tokens(line, "en").tokens for line in LINES}
    fresh = Reader.of(data())
    assert {line: fresh.tokens(line, "en").tokens for line in reversed(LINES)} == forwards
    script = (
        "import json, sys; from tests.support.diffrhythm.lyric_readers import reader; "
        "print(json.dumps([[line, reader().tokens(line, 'en').tokens] for line in json.loads(sys.argv[1])]))"
    )
    found = json.loads(_python(script, json.dumps(LINES[::-1])))
    assert {line: tuple(tokens) for line, tokens in found} == forwards


@pytest.mark.slow
def test_nothing_heavy_is_imported_before_a_line_needs_it() -> None:
    script = (
        "import sys; heavy = {'torch', 'numpy', 'jieba', 'pypinyin', 'cn2an', 'inflect', 'onnxruntime', 'phonemizer'}; "
        "import tasks.engines.diffrhythm.lyrics.place; "
        "first = heavy & set(sys.modules); from tests.support.diffrhythm.lyric_readers import reader; "
        "reader().tokens('so long', 'en'); "
        "print(sorted(first), sorted(heavy & set(sys.modules) - {'numpy'}))"
    )
    assert _python(script).strip() == "[] ['phonemizer']"


@pytest.mark.slow
def test_chinese_leaves_nothing_behind_and_says_nothing(tmp_path: Path) -> None:
    script = "from tests.support.diffrhythm.lyric_readers import reader; reader().tokens('我们不要再说一遍', 'zh')"
    assert _python(script, tmp=tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


def _python(script: str, *arguments: str, tmp: Path | None = None) -> str:
    """What a script prints in a process of its own, on both channels."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp or tempfile.gettempdir())}
    ran = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return ran.stdout
