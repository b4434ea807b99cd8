"""The Tab key: commands, options and choices, by the script that `songline --show-completion` prints."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("words", "position", "offered"),
    [
        ("songline prev", 1, ["preview-lyrics"]),
        ("songline models v", 2, ["verify"]),
        ("songline lyrics s", 2, ["shift", "stretch"]),
        ("songline lyrics convert words.lrc --to v", 5, ["vtt"]),
        ("songline render --un", 2, ["--until"]),
        ("songline render album.yaml --until s", 4, ["score", "select"]),
    ],
)
def test_the_shell_is_offered_what_there_is(words: str, position: int, offered: list[str]) -> None:
    asked = {"_SONGLINE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(position)}
    code = "import sys; sys.argv[0] = 'songline'; from flows.cli.main import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert ran.stdout.split() == offered
    assert ran.stderr == ""
