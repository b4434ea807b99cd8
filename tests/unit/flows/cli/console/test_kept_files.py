"""What a command says of kept files is one line for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.cli.console.kept_files import print_kept_files
from flows.pipeline.progress import SongProgress
from tasks.delivery.package.export import Written
from tasks.delivery.package.own_files import OwnFile


def test_a_name_with_a_line_break_stays_on_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    own = OwnFile("new\nline.txt", "new\nline.txt", was_delivered=False)
    print_kept_files(Written(Path("out"), True, own=(own,)))
    assert capsys.readouterr().out == "Kept your own file new\\nline.txt: no build wrote it.\n"


def test_a_failed_song_is_named_once() -> None:
    assert SongProgress("One", 1, failed="One: No winner.").sentence() == "failed: No winner."
