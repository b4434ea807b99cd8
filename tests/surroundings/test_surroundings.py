"""Hostile surroundings by twelve commands: each ends in a result or in one sentence with its remedy, its exit code is
one that the help names, ``--json`` gives one document, and nothing that is not the album's is made or changed.

A row says what is hostile, and which commands may fail for it; all others must do their work there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from catalog.common.digests import digest_file
from tests.support.commands import Album
from tests.surroundings import surrounded
from tests.surroundings.hostile_rows import ROWS
from tests.surroundings.surroundings import COMMANDS, Place, Row

ROOT = Path(__file__).parents[2]
WITHOUT_JSON = frozenset({"render"})
CODES = frozenset({0, 1, 2, 3, 4, 130})
_SENTENCES = re.compile(
    r"^error: .+[.?] .+\.\s*\Z|\. .+\.\nerror: \d+ faults?; nothing was started\.\s*\Z", re.DOTALL | re.MULTILINE
)
_RAW = re.compile("[\x00-\x08\x0b-\x1f\x7f\x9b]")


class Driver:
    """A process that runs cases; see :mod:`tests.surroundings.surrounded`."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(surrounded.__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | {"PYTHONPATH": str(ROOT)},
            cwd=folder,
            text=True,
            encoding="ascii",
        )

    def ask(self, case: dict[str, Any]) -> list[dict[str, Any]]:
        """The commands of a case, one after the other."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the driver died"
        answers: list[dict[str, Any]] = json.loads(line)
        return answers

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    """The warm process."""
    started = Driver(dict(os.environ), ROOT)
    yield started
    started.close()


@pytest.fixture(scope="module")
def pattern(finished_album: Album, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished album without Prefect's files, beside folders that belong to others."""
    folder = tmp_path_factory.mktemp("pattern")
    source = finished_album.home.parent
    shutil.copytree(source / "home", folder / "home", ignore=shutil.ignore_patterns("prefect", "owners"))
    shutil.copytree(source / "album", folder / "album")
    shutil.copytree(source / "out", folder / "out")
    for name in ("work", "user/.prefect", "neighbour", "temporary"):
        (folder / name).mkdir(parents=True)
    (folder / "work" / "notes.txt").write_text("mine")
    (folder / "neighbour" / ".env").write_text("PREFECT_API_URL=http://127.0.0.1:9/api\n")
    (folder / "neighbour" / "prefect.toml").write_text("[logging]\nlevel = 'DEBUG'\n")
    (folder / "neighbour" / "pyproject.toml").write_text("[tool.prefect.logging]\nlevel = 'DEBUG'\n")
    shutil.copy(folder / "home" / "catalog.sqlite3", folder / "neighbour" / "prefect.db")
    return folder


@pytest.fixture
def place(pattern: Path, tmp_path: Path) -> Iterator[Place]:
    """A copy of the pattern that the case may spoil."""
    root = tmp_path / "case"
    shutil.copytree(pattern, root, symlinks=True)
    release = root / "out" / "small"
    environment = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS") if name in os.environ}
    environment |= {"HOME": str(root / "user"), "PREFECT_HOME": str(root / "user" / ".prefect"), "NO_COLOR": "1"}
    environment |= {"SONGLINE_HOME": str(root / "home"), "TMPDIR": str(root / "temporary"), "LC_ALL": "C.UTF-8"}
    environment |= {"PYTHONDONTWRITEBYTECODE": "1"}
    yield Place(
        *(root, root / "home", root / "album" / "album.yaml", root / "out"),
        *(release / "mp3_320" / "01 - Song One.mp3", root / "work", root / "user", environment),
    )
    if (root / "disk").is_dir():
        subprocess.run(["umount", root / "disk"], check=False, capture_output=True)
    for folder, names, _ in os.walk(root):
        for name in names:
            if not os.path.islink(os.path.join(folder, name)):
                os.chmod(os.path.join(folder, name), 0o700)
    shutil.rmtree(root)


def others(place: Place) -> dict[str, str]:
    """All that is not the album's home, release or temporary files: kind, mode, digest or target."""
    mine = (place.home, place.out, place.root / "temporary")
    found = {}
    for path in sorted(place.root.rglob("*")):
        if any(path == own or own in path.parents for own in mine):
            continue
        kind = path.lstat().st_mode
        what = str(path.readlink()) if path.is_symlink() else digest_file(path) if stat.S_ISREG(kind) else ""
        found[str(path)] = f"{kind:o} {what}"
    return found


def faults_of(row: Row, command: str, told: dict[str, Any], *, as_json: bool) -> Iterator[str]:
    """What is wrong with how a command ended."""
    code, out, err = told["code"], told["out"], told["err"]
    if code not in CODES:
        yield f"ended with {code}"
    if "Traceback" in out + err:
        yield "a traceback"
    if "unexpected error" in err:
        yield "an unexpected error"
    if "secret-of-mine" in out + err:
        yield "tells a secret"
    if code and command not in row.may_fail and not (command == "doctor" and code == 4):
        yield f"failed with {code}"
    if row.speechless:
        return
    if raw := _RAW.findall(out + err):
        yield f"raw {raw}"
    if as_json and (out or not code) and "full" not in row.name:
        try:
            json.loads(out)
        except ValueError:
            yield "no JSON document on stdout"
    if code and not out.strip() and "stderr" not in row.name:
        if as_json:
            yield from _faults_of_error(err)
        elif not _SENTENCES.search(err):
            yield "no sentence with its remedy"


def _faults_of_error(err: str) -> Iterator[str]:
    try:
        document = json.loads(err)
    except ValueError:
        if not _SENTENCES.search(err):
            yield "no error document"
        return
    if not all(document.get(name) for name in ("error", "kind", "remedy")):
        yield "an error document without its parts"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_surrounding(row: Row, place: Place, driver: Driver) -> None:
    row.arrange(place)
    commands = [command for command in COMMANDS if command not in row.without]
    lines = [(command, as_json) for command in commands for as_json in _modes(row, command)]
    words = [place.arguments(command, as_json=as_json) for command, as_json in lines]
    place.folder = place.folder or str(place.work)
    case = {name: getattr(place, name) for name in ("environment", "folder", "acts", "is_fresh")}
    case["commands"] = words
    before = others(place)
    if place.is_fresh:
        own = Driver(place.environment, Path(case["folder"]))
        told = own.ask(case)
        own.close()
    else:
        told = driver.ask(case)
    found = {
        f"{command}{' --json' if as_json else ''}": (faults, answer)
        for (command, as_json), answer in zip(lines, told, strict=True)
        if (faults := list(faults_of(row, command, answer, as_json=as_json)))
    }
    assert not found, json.dumps(found, indent=1)[:6000]
    assert others(place) == before


def _modes(row: Row, command: str) -> tuple[bool, ...]:
    if command in WITHOUT_JSON:
        return (False,)
    return (False, True) if row.plainly else (True,)
