"""What the attacker writes into titles, file names and answers, in the hope that a terminal obeys it."""

from __future__ import annotations

import ast
import io
import json
import os
import pty
import re
import select
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from rich.text import Text

from catalog.common.errors import InputError, ManifestError
from catalog.common.streams import Stream
from catalog.common.text import visible
from flows import console
from flows.pipeline.progress import LiveLines, Progress, SongProgress
from tests.support.commands import Album, environment, songline
from tests.support.places import ROOT

CLIPBOARD = "\x1b]52;c;ZXZpbA==\x07"
MARKUP = "[red]Evil[/] :boom: [link=http://x]y[/link]"
HOSTILE = f"{MARKUP} {CLIPBOARD}\x1b[2J\x9b31m\x9d0;t\x9c\x08\x7f\r\u202eflac\u2066\u200b"
"""Rich's own markup, a write to the clipboard, a cleared screen, C1 forms of both, erasing, a direction override."""
COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069]")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """What a terminal of 60 columns got."""

    def isatty(self) -> bool:
        return True


@contextmanager
def on_screen() -> Iterator[Terminal]:
    """Both streams in one, which says that it is a terminal."""
    terminal = Terminal()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("stdout", "stderr"):
            patch.setattr(sys, name, terminal)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": "60", "LINES": "40"}.items():
            patch.setenv(name, value)
        patch.delenv("NO_COLOR", raising=False)
        yield terminal


def obeyed(text: str) -> list[str]:
    """What a terminal would obey in a text, but colours and the cursor's way in our own live lines."""
    plain = re.sub(r"\x1b\[\??[0-9;]*[mAKhlHJ]|\r", "", text)
    return COMMANDS.findall(plain)


def test_there_is_one_door_and_everybody_uses_it() -> None:
    """No module but the door prints, opens a console, or writes to a stream of the process."""
    doors = {"flows/console.py", "catalog/common/streams.py"}
    late = {"flows/embedded/api.py"}
    """Writes one line of its own when everything else is over; the stream itself cleans it."""
    found = set()
    for package in ("flows", "tasks", "catalog", "db"):
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if name not in doors | late:
                found |= {f"{name}:{line}" for line in around_the_door(ast.parse(path.read_text("utf-8")))}
    assert not found


def around_the_door(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in {"print", "Console", "typer.echo", "typer.secho", "click.echo", "click.secho", "pprint"} or (
                called.startswith(("sys.stdout.write", "sys.stderr.write", "sys.__std", "sys.stdout.buffer"))
            ):
                yield node.lineno
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "os.write" and ast.unparse(node.args[0]) in "12":
            yield node.lineno
        if isinstance(node, ast.ImportFrom) and node.module == "rich.markup":
            yield node.lineno
        if (
            isinstance(node, ast.ImportFrom)
            and node.module == "rich.table"
            and any(alias.name == "Table" for alias in node.names)
        ):
            yield from (
                call.lineno
                for call in ast.walk(tree)
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "Table"
            )
        if isinstance(node, ast.keyword) and node.arg == "markup" and getattr(node.value, "value", None) is not False:
            yield node.value.lineno
        if isinstance(node, ast.Attribute) and node.attr == "from_markup":
            yield node.lineno


def test_what_the_door_lets_through() -> None:
    with on_screen() as screen:
        console.stdout().print(HOSTILE)
        console.stdout().print(Text(HOSTILE, style="bold"), soft_wrap=True)
        console.stderr().print(HOSTILE, soft_wrap=True)
        console.warn(HOSTILE)
        console.print_error(InputError(HOSTILE, remedy=HOSTILE), as_json=False, subject=HOSTILE)
        console.print_error(ManifestError([f"a.yaml:1: songs[0].x: {HOSTILE}."], {"songs[0]": HOSTILE}), as_json=False)
        console.print_text(HOSTILE)
        table = console.SafeTable(HOSTILE, "id", title=HOSTILE)
        table.add_row(HOSTILE, Text(HOSTILE))
        console.stdout().print(table)
    shown = screen.getvalue()
    assert obeyed(shown) == []
    assert MARKUP in shown
    assert "\\x1b]52;c;ZXZpbA==\\x07" in COLOURS.sub("", shown).replace("\n", "")


def test_json_is_escaped_by_json_c1_and_directions_too() -> None:
    with on_screen() as screen:
        console.print_json({"title": HOSTILE, HOSTILE: "\udcff\U000e0041 Zoë"})
        console.print_error(InputError(HOSTILE), as_json=True)
    shown = screen.getvalue()
    assert obeyed(shown) == []
    document, error = shown.split("\n}\n")
    assert json.loads(document + "}") == {"title": HOSTILE, HOSTILE: "\udcff\U000e0041 Zoë"}
    assert json.loads(error)["error"] == HOSTILE


def test_the_live_lines_show_a_title_as_text() -> None:
    with on_screen() as screen:
        progress = Progress([])
        progress.songs = {"one": SongProgress(MARKUP + CLIPBOARD, 2, failed=HOSTILE)}
        with LiveLines(progress, console.stdout()):
            progress.note("one", rendered=1)
    assert obeyed(screen.getvalue()) == []
    assert "[red]Evil[/]" in screen.getvalue()


def test_other_writers_of_the_process_are_cleaned_and_keep_their_colours() -> None:
    held = io.StringIO()
    Stream(held).write(f"\x1b[1;31mlog\x1b[0m {CLIPBOARD}\x1b[2J\u202e\n")
    assert held.getvalue() == "\x1b[1;31mlog\x1b[0m \\x1b]52;c;ZXZpbA==\\x07\\x1b[2J\\u202e\n"


def test_other_writers_neither_hide_text_nor_swap_its_colours() -> None:
    held = io.StringIO()
    styles = ["8", "7", "2;8", "1;8", "38;5;0", "48;2;0;0;0", "5", "40", "1;31", "", "0", "97"]
    Stream(held).write("".join(f"\x1b[{style}m." for style in styles))
    assert held.getvalue() == "........\x1b[1;31m.\x1b[m.\x1b[0m.\x1b[97m."


WORKER = """
import asyncio, os, sys, warnings
from catalog.common.settings import Settings
from tasks.worker_pool import WorkerPool
def work():
    import numpy
    numpy.float64(1) / numpy.float64(0)
    warnings.warn("old", DeprecationWarning, stacklevel=1)
    sys.stderr.write(%r)
    print(%r)
if __name__ == "__main__":
    pool = WorkerPool(Settings(workers=1))
    asyncio.run(pool._call(work, on_device=False))
    pool.close()
"""


def test_a_worker_of_the_pool_writes_by_the_same_door(tmp_path: Path) -> None:
    script = tmp_path / "working.py"
    script.write_text(WORKER % (CLIPBOARD, CLIPBOARD))
    env = environment(tmp_path / "home") | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{visible(CLIPBOARD)}\n", visible(CLIPBOARD))


def test_warnings_that_the_user_asks_for_are_shown_by_workers_too(tmp_path: Path) -> None:
    script = tmp_path / "working.py"
    script.write_text(WORKER % ("", ""))
    env = environment(tmp_path / "home", PYTHONWARNINGS="always") | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True, check=True)
    assert "divide by zero" in done.stderr


def test_the_process_of_a_flow_run_writes_by_the_same_door(tmp_path: Path) -> None:
    """Prefect's engine is replaced by a module that writes what the attacker wants."""
    engine = tmp_path / "prefect"
    engine.mkdir()
    (engine / "__init__.py").write_text("")
    (engine / "engine.py").write_text(
        "import sys, warnings\nwarnings.warn('old', RuntimeWarning)\n"
        f"sys.stderr.write({CLIPBOARD!r})\nprint({CLIPBOARD!r})\n"
    )
    env = environment(tmp_path / "home") | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-P", "-m", "flows.runtime.run_deployed", str(os.getpid()), "22"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{visible(CLIPBOARD)}\n", visible(CLIPBOARD))


def test_cleaning_twice_changes_nothing_more() -> None:
    assert visible(visible(HOSTILE)) == visible(HOSTILE)
    assert visible("Zoë 北京 👩‍🚀 a\tb\n") == "Zoë 北京 👩‍🚀 a\tb\n"


# Whole commands, on a real terminal, over an album whose every name is hostile.


@pytest.fixture(scope="module")
def hostile(finished_album: Album, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """The finished album, its titles in the catalog's rows hostile: a restored backup may hold anything."""
    folder = tmp_path_factory.mktemp("hostile")
    for name in ("home", "album", "out"):
        shutil.copytree(finished_album.home.parent / name, folder / name)
    with closing(sqlite3.connect(folder / "home" / "catalog.sqlite3")) as database:
        escaped, before = json.dumps(HOSTILE)[1:-1], "Song One"
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for column in [row[1] for row in database.execute(f"PRAGMA table_info('{table}')")]:
                update = f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE "{column}" LIKE ?'
                plain = (before, HOSTILE, f"{before}%")
                nested = (f'"{before}"', f'"{escaped}"', f'%"{before}"%')
                for values in (nested, plain):
                    try:
                        database.execute(update, values)
                    except sqlite3.IntegrityError:
                        continue
        database.commit()
    return Album(folder / "home", folder / "album" / "album.yaml", folder / "out" / "small")


def on_terminal(*arguments: str | Path, home: Path, **settings: str) -> str:
    """What a terminal of 60 columns gets from a command: both streams are that terminal."""
    ours, theirs = pty.openpty()
    env = environment(home, **settings) | {"TERM": "xterm-256color", "COLUMNS": "60", "LINES": "40"}
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=ROOT,
        start_new_session=True,
    )
    os.close(theirs)
    pieces = []
    while select.select([ours], [], [], 60)[0]:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        pieces.append(piece)
    os.close(ours)
    process.wait(60)
    return b"".join(pieces).decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("command", [("status", "small"), ("scores", "small"), ("lineage", "MP3"), ("render", "ALBUM")])
def test_no_command_lets_a_title_command_the_terminal(hostile: Album, tmp_path: Path, command: tuple[str, ...]) -> None:
    mp3 = next((hostile.release / "mp3_320").iterdir())
    places = {"MP3": mp3, "ALBUM": hostile.manifest}
    arguments = [places.get(word, word) for word in command]
    if command[0] == "render":
        document = json.loads(hostile.manifest.read_text())
        document["album"]["titel\x1b"] = CLIPBOARD
        document["songs"][0] |= {"title": "[red]Evil[/] one", "seeds": [1, 1]}
        (tmp_path / f"{CLIPBOARD.replace('/', '')}.yaml").write_text(json.dumps(document))
        arguments = ["render", tmp_path / f"{CLIPBOARD}.yaml"]
    shown = on_terminal(*arguments, home=hostile.home)
    assert obeyed(shown) == [], shown
    assert "Traceback" not in shown
    assert command[0] == "status" or "Evil" in shown, shown  # a table folds it


def test_a_file_name_commands_nothing(tmp_path: Path) -> None:
    wav = tmp_path / f"a{CLIPBOARD}\x1b[2J\u202e.wav"
    wav.write_bytes(b"no audio")
    raw = os.fsencode(tmp_path) + b"/\xff\x9b31m.wav"
    with open(raw, "wb") as file:
        file.write(b"none")
    shown = on_terminal("measure", wav, os.fsdecode(raw), home=tmp_path / "home")
    assert obeyed(shown) == [], shown
    assert "Traceback" not in shown
    done = songline("measure", wav, os.fsdecode(raw), "--json", home=tmp_path / "home")
    assert done.returncode == 2
    assert obeyed(done.stdout + done.stderr) == []
    assert [entry["file"] for entry in json.loads(done.stdout)] == [str(wav), os.fsdecode(raw)]
