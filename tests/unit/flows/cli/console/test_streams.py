"""Terminals, pipes and files that do not take what is written, and the way every command ends."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer
from rich.console import Console

from catalog.common import streams
from catalog.common.errors import InputError, MachineError
from flows.cli.console import exit as command_exit
from flows.console import SafeTable, print_json, stdout
from flows.pipeline.progress import LiveLines, Progress, SongProgress, time_sentence
from tests.support.commands import environment
from tests.support.places import ROOT

TOLD = 'from flows.console import *\nstdout().print("Zoë … · 北京 ✓")\nprint_json({"title": "Zoë"})\nwarn("x – y")\n'
MAIN = (
    "import sys\nfrom catalog.common import streams\nfrom flows.cli.console import exit as command_exit\n"
    "import typer\nstreams.install()\n"
    "app = typer.Typer()\n"
    "@app.command()\ndef one():\n    exec({source!r})\nsys.exit(command_exit.run(app, []))\n"
)


def told(source: str, home: Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    variables = options.pop("env", {})
    assert isinstance(variables, dict)
    where = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    env = environment(home) | variables
    script = home / "told.py"
    script.write_text(MAIN.format(source=source), "utf-8")
    return subprocess.run([sys.executable, str(script)], cwd=ROOT, env=env, **where)  # type: ignore[call-overload,no-any-return]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "cp1252"])
def test_an_encoding_without_our_signs_refuses_nothing(tmp_path: Path, encoding: str) -> None:
    done = told(TOLD, tmp_path, env={"PYTHONIOENCODING": encoding})
    assert done.returncode == 0
    name = encoding.partition(":")[0]
    out = done.stdout.decode(name)
    line, document = out.split("\n", 1)
    assert json.loads(document) == {"title": "Zoë"}
    if name == "ascii":
        assert line == "Zo\\xeb ... - \\u5317\\u4eac +"
        assert done.stderr.decode(name) == "warning: x - y\n"
    assert "Traceback" not in done.stderr.decode(name)


def test_the_c_locale_gets_text(tmp_path: Path) -> None:
    done = told(TOLD, tmp_path, env={"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert b"Zo\\xeb" in done.stdout


def test_a_full_disk_is_an_error_and_the_exit_code_says_so(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = told(TOLD, tmp_path, stdout=full)
    assert done.returncode == 4
    assert b"error: the output cannot be written: no space left on device. Free space there" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_failed_command_keeps_its_code_on_a_full_disk(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        done = told(TOLD + "raise SystemExit(2)", tmp_path, stdout=full, stderr=full)
    assert done.returncode == 2


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 1])
def test_a_reader_that_went_away_ends_neither_the_work_nor_its_code(tmp_path: Path, code: int) -> None:
    read, write = os.pipe()
    os.close(read)
    after = f"{TOLD * 40}\nopen({str(tmp_path / 'done')!r}, 'w').close()\nraise SystemExit({code})"
    done = told(after, tmp_path, stdout=write)
    os.close(write)
    assert (done.returncode, (tmp_path / "done").exists()) == (code, True)
    assert b"Traceback" not in done.stderr
    assert b"Broken" not in done.stderr


def test_closed_streams_give_no_file_their_number(tmp_path: Path) -> None:
    source = f"""
import os
opened = os.open({str(tmp_path / "catalog")!r}, os.O_CREAT | os.O_WRONLY)
assert opened > 2, opened
os.write(1, b"a child's message")
{TOLD}"""
    script = tmp_path / "closed.py"
    script.write_text(MAIN.format(source=source))
    closed = f'exec "{sys.executable}" "{script}" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", closed], cwd=ROOT, env=environment(tmp_path))
    assert done.returncode == 0
    assert (tmp_path / "catalog").read_bytes() == b""


def test_a_pipe_gets_whole_tables_whatever_the_width(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    table = SafeTable("candidate", "sentence", "digest")
    table.add_row("last-bus-home-42-799fe7", "word " * 60, "ab" * 32)
    stdout().print(table)
    _, line = capsys.readouterr().out.splitlines()
    assert line.split() == ["last-bus-home-42-799fe7", *["word"] * 60, "ab" * 32]


def test_a_narrow_terminal_folds_and_cuts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    screen = Terminal()
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", screen)
        table = SafeTable("model", "state", "digest")
        table.add_row("m" * 30, "installed", "ab" * 32)
        stdout().print(table)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen.getvalue()).splitlines()
    assert max(map(len, lines)) <= 60
    shown = "".join(lines)
    assert (shown.count("m"), shown.count("a") - shown.count("ate") - 1) == (31, 32)
    assert "…" not in shown


def ended(work: BaseException, *, as_json: bool = False, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    app = typer.Typer()

    @app.command()
    def one(json: bool = False) -> None:
        raise work

    code = command_exit.run(app, ["--json"] if as_json else [])
    return code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (InputError("it is wrong", remedy="Correct it"), 2, "error: it is wrong. Correct it."),
        (
            OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            4,
            "error: /x/y: no space left on device. Free disk",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 4, "error: /x: permission denied. Check who may"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "x" * 300), 2, "file name too long. Use a shorter name"),
        (MemoryError(), 4, "error: the memory is full."),
        ("é\udcff".encode, 2, "error: a name holds bytes that are not UTF-8. Rename"),
        (KeyboardInterrupt(), 130, "stopped; run the same command again to continue"),
        (ZeroDivisionError("https://ada:geheim@x"), 1, "error: Songline met an unexpected error: ZeroDiv"),
    ],
)
def test_every_command_ends_in_one_sentence(
    error: object, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if not isinstance(error, BaseException):
        with pytest.raises(UnicodeEncodeError) as caught:
            error()  # type: ignore[operator]
        error = caught.value
    found, message = ended(error, capsys=capsys)
    assert found == code
    assert said in message
    assert "Traceback" not in message
    assert "geheim" not in message


def test_an_unexpected_error_leaves_a_private_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, message = ended(KeyError("x"), as_json=True, capsys=capsys)
    document = json.loads(message)
    (report,) = tmp_path.glob("songline-error-*.txt")
    assert (code, document["kind"]) == (1, "internal")
    assert str(report) in document["remedy"]
    assert "Traceback" in report.read_text()
    assert report.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("SONGLINE_DEBUG", "1")
    assert "Traceback" in ended(KeyError("x"), capsys=capsys)[1]


@pytest.mark.parametrize("arguments", [["--nonsense"], ["status", "--nonsense"], ["nonsense"], ["scores"]])
def test_a_wrong_command_line_is_json_where_json_is_asked_for(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.cli.main import app

    assert command_exit.run(app, [*arguments, "--json"]) == 2
    found = capsys.readouterr()
    document = json.loads(found.err)
    assert (found.out, document["kind"]) == ("", "input")
    assert "--help`" in document["remedy"]


def test_a_stream_keeps_the_first_trouble_and_drops_the_rest() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    stream = streams.Stream(Full())
    stream.write("one")
    stream.write("two")
    stream.flush()
    assert stream.trouble is not None
    assert stream.trouble.errno == errno.ENOSPC


def test_nothing_is_said_for_what_is_not_done() -> None:
    assert SongProgress("x", 4).sentence() == "waiting"
    assert SongProgress("x", 4, rendered=1).sentence() == "rendered 1/4"
    assert SongProgress("x", 4, rendered=4, scored=2).sentence() == "rendered 4/4 · scored 2/4"


def test_a_pipe_is_told_once_that_the_release_is_packed() -> None:
    songs = [SimpleNamespace(song=SimpleNamespace(id=name, title=name), candidates=[1]) for name in ("one", "two")]
    progress, told = Progress(songs), io.StringIO()  # type: ignore[arg-type]
    LiveLines(progress, Console(file=told), clock=lambda: 0.0)
    progress.note("one", delivered=True)
    assert "Packing" not in told.getvalue()
    progress.note("two", failed="no take passed")
    progress.note("one", mastered=True)
    assert told.getvalue().count("Packing the release (0:00 elapsed)\n") == 1


def test_the_time_left_is_told_once_it_can_be() -> None:
    assert time_sentence(2.0, 0.5) == "0:02 elapsed"
    assert time_sentence(60.0, 0.01) == "1:00 elapsed"
    assert time_sentence(60.0, 0.25) == "1:00 elapsed, about 3:00 left"
    assert time_sentence(3700.0, 1.0) == "1:01:40 elapsed"


def test_the_time_left_of_an_album_follows_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    songs = [SimpleNamespace(song=SimpleNamespace(id=name, title=name), candidates=[1, 2]) for name in ("one", "two")]
    progress, now = Progress(songs), [0.0]  # type: ignore[arg-type]
    LiveLines(progress, stdout(), until="score", clock=lambda: now[0])
    for song, done in (
        ("one", {"rendered": 1}),
        ("one", {"rendered": 1, "scored": 2}),
        ("two", {"rendered": 2}),
        ("two", {"scored": 2}),
    ):
        now[0] += 10.0
        progress.note(song, **done)
    lines = capsys.readouterr().out.splitlines()
    assert [line.rpartition("(")[2].rstrip(")") for line in lines] == [
        "0:10 elapsed, about 0:38 left",
        "0:20 elapsed, about 0:20 left",
        "0:30 elapsed, about 0:03 left",
        "0:40 elapsed",
    ]


def test_errors_of_the_machine_keep_their_kind() -> None:
    assert isinstance(command_exit.known_error(OSError(errno.EROFS, "Read-only file system", "/x")), MachineError)
    assert command_exit.known_error(ValueError("x")) is None
    assert command_exit.wants_json(["status", "--json"])
    assert not command_exit.wants_json(["status", "--", "--json"])


def test_json_that_no_terminal_shows_is_still_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"x": "\x9b\u202e\udcff"})
    assert json.loads(capsys.readouterr().out) == {"x": "\x9b\u202e\udcff"}
