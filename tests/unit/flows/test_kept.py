"""What a command says of kept files is one line for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.kept import say_kept
from flows.progress import SongProgress
from tasks.delivery.export import Written


def test_a_name_with_a_line_break_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    say_kept(Written(Path("out"), True, kept=("new\nline.txt",)))
    assert capsys.readouterr().out == "Kept, as no build wrote it: new\\nline.txt\n"


def test_a_failed_song_is_named_once() -> None:
    assert SongProgress("One", 1, failed="One: No winner.").sentence() == "failed: No winner."
