"""SQLite's log goes at any moment, with the last connection of a process that ends: nothing that looks at it breaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from catalog.home import make_home, why_read_only
from db.files.sqlite_check import check_file
from db.read_only import changes

TIMES = 3000


@contextmanager
def coming_and_going(*paths: Path) -> Iterator[None]:
    """Files that are made and removed all the time."""
    ends = threading.Event()

    def toggle() -> None:
        while not ends.is_set():
            for path in paths:
                path.touch()
                path.unlink()

    thread = threading.Thread(target=toggle)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


LOOKS: dict[str, Callable[[Settings], object]] = {
    "may it be written": why_read_only,
    "is the file whole": lambda settings: check_file(settings.home / "catalog.sqlite3"),
    "was it changed": lambda settings: changes(settings.home / "catalog.sqlite3")(),
    "are the modes ours": lambda settings: (settings.home.chmod(0o755), make_home(settings)),
}


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_log_that_goes_at_the_wrong_moment_breaks_nothing(tmp_path: Path, look) -> None:
    settings = Settings(home=tmp_path / "home")
    with open_catalog(settings):
        pass
    with coming_and_going(*(settings.home / f"catalog.sqlite3-{end}" for end in ("wal", "shm"))):
        for _ in range(TIMES):
            look(settings)
    assert why_read_only(settings) == ""


def test_a_log_that_goes_while_its_rights_are_asked_for_may_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path / "home")
    with open_catalog(settings):
        pass
    log = settings.home / "catalog.sqlite3-wal"
    log.touch()

    def gone(path: Path) -> bool:
        if path == log:
            log.unlink(missing_ok=True)
        return path != log

    monkeypatch.setattr("catalog.home._may_write", gone)
    assert why_read_only(settings) == ""
