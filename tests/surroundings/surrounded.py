"""Runs commands in hostile surroundings, many a second: one warm process, and a forked child for each command.

The process reads a case (JSON) a line from stdin and answers with a line: exit codes and what was printed. What only
a new interpreter sees (``PYTHON*`` variables, Prefect's own settings) takes a new process of this program; what a fork
can have (environment, folder, descriptors, limits, capabilities, encoding of the streams) takes none.

Run by path, not by ``-m``: the working folder is the attacker's.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import importlib.util
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

PATIENCE_S = 90
WARM = (
    *(
        "flows.cli.album.author",
        "flows.cli.album.render",
        "flows.cli.inspect.lookup",
        "flows.cli.admin.housekeeping",
        "flows.cli.admin.disk",
        "flows.cli.audio.measure_master",
    ),
    *(
        "flows.cli.admin.doctor",
        "flows.pipeline.forecast",
        "flows.planning.plan_album",
        "flows.pipeline.progress",
        "flows.planning.read_manifest",
        "tasks.engines.guide",
    ),
    *("tasks.engines.registry", "prefect", "prefect.client.orchestration", "httpx", "scipy.signal", "soundfile"),
    *(
        "catalog.lineage.lineage",
        "catalog.lineage.release",
        "tasks.delivery.package.export",
        "flows.runtime.prefect_restrictions",
        "rich.table",
    ),
    *(
        "psutil",
        "catalog.network.proxies",
        "catalog.files.permissions",
        "flows.cli.console.exit",
        "catalog.common.streams",
        "flows.console",
    ),
)
"""What the commands load late."""
_CAPABILITIES = 0x20080522
"""Version 3 of the kernel's interface."""


def warm() -> None:
    """Load what the commands load. Torch is not found: the tiny album needs none, and its import is slow."""
    found = importlib.util.find_spec
    importlib.util.find_spec = lambda name, package=None: None if name == "torch" else found(name, package)
    from flows.cli import main

    for name in WARM:
        with contextlib.suppress(Exception):  # a command that needs it says how that ends
            importlib.import_module(name)
    with contextlib.suppress(Exception):
        importlib.import_module("sqlalchemy.orm").configure_mappers()
    typer_main = importlib.import_module("typer.main")
    built = typer_main.get_command(main.app)
    typer_main.get_command = lambda _: built  # type: ignore[attr-defined]
    gc.collect()
    gc.freeze()


def drop_capabilities() -> None:
    """Have file modes hold for root too. Does nothing for other users, for whom they do."""
    if os.geteuid() == 0:
        header = (ctypes.c_uint32 * 2)(_CAPABILITIES, 0)
        if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)()):
            raise OSError(ctypes.get_errno(), "capset")


def leave_nothing_to_stand_in() -> None:
    """Stand in a folder that is no more."""
    gone = tempfile.mkdtemp()
    os.chdir(gone)
    os.rmdir(gone)


def break_pipe(number: int) -> None:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, number)
    os.close(writer)


def redirect(number: int, path: str) -> None:
    """Have a descriptor write to ``path``."""
    target = os.open(path, os.O_WRONLY)
    os.dup2(target, number)
    os.close(target)


ACTS: dict[str, Any] = {
    "umask": os.umask,
    "rlimit": lambda name, most: resource.setrlimit(getattr(resource, name), (most, most)),
    "chmod_here": lambda mode: os.chmod(".", mode),
    "close": os.close,
    "redirect": redirect,
    "break_pipe": break_pipe,
    "no_capabilities": drop_capabilities,
    "no_folder": leave_nothing_to_stand_in,
    "tzset": time.tzset,
}


def streams() -> None:
    """Python's own streams over the descriptors as they are now, encoded as PYTHONIOENCODING says."""
    encoding, _, errors = os.environ.get("PYTHONIOENCODING", "utf-8").partition(":")
    for number, name in ((1, "stdout"), (2, "stderr")):
        try:
            raw = io.FileIO(number, "w", closefd=False)
        except OSError:  # closed
            setattr(sys, name, None)
            continue
        handler = "backslashreplace" if number == 2 else errors or "strict"
        setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), encoding, handler, line_buffering=number == 2))


def child(case: dict[str, Any], command: list[str]) -> int:
    """Run one command as its own process would; gives the exit code."""
    os.environ.clear()
    os.environ.update(case["environment"])
    if case["folder"]:
        os.chdir(case["folder"])
    for name, *values in case["acts"]:
        ACTS[name](*values)
    tempfile.tempdir = None
    streams()
    if not case["is_fresh"]:
        warnings.resetwarnings()
    sys.argv = ["songline", *command]
    signal.alarm(PATIENCE_S)
    from flows.cli.main import main

    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):  # the interpreter's own code for output that it cannot write at its end
            code = 120
    return code


def run(case: dict[str, Any], command: list[str]) -> dict[str, Any]:
    """Run one command in a forked child."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            code = 99
            try:
                nowhere = os.open(os.devnull, os.O_RDONLY)
                for number, handle in ((0, nowhere), (1, out.fileno()), (2, err.fileno())):
                    os.dup2(handle, number)
                code = child(case, command)
            except BaseException:
                os.write(err.fileno(), traceback.format_exc().encode("utf-8", "backslashreplace"))
            finally:
                os._exit(code)
        _, status, used = os.wait4(pid, 0)
        told = []
        for file in (out, err):
            file.seek(0)
            told.append(file.read().decode("utf-8", "backslashreplace"))
    taken_s = used.ru_utime + used.ru_stime
    return {"code": os.waitstatus_to_exitcode(status), "out": told[0], "err": told[1], "taken_s": taken_s}


def serve() -> None:
    """Answer cases until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="ascii")
    questions = os.fdopen(os.dup(0), "r", encoding="ascii")
    os.dup2(2, 1)
    warm()
    for line in questions:
        case = json.loads(line)
        answers.write(json.dumps([run(case, command) for command in case["commands"]]) + "\n")
        answers.flush()


if __name__ == "__main__":
    # The folder of this file is no place of modules; what is tested comes by PYTHONPATH or is installed.
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).parent.resolve()]
    tempfile.tempdir = tempfile.gettempdir()  # of the tests, whatever a case says
    serve()
