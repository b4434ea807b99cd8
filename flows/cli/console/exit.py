"""Ends every command in one way: ``error: what. remedy.`` or one JSON object, and the exit code of the error's kind."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Sequence
from pathlib import Path

import typer

from catalog.common.errors import CatalogNotUnderstood, InputError, MachineError, SonglineError
from catalog.common.streams import ignore_warnings, written

STOPPED = "stopped; run the same command again to continue"
INTERRUPTED_CODE = 130
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
_ClickException: type[Exception] = typer.BadParameter.__mro__[2]
"""Newer versions of Typer contain their own copy of Click, and export only subclasses of this class."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NO_RIGHT = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class UnexpectedError(SonglineError):
    """An unexpected error: a bug in Songline."""

    kind = "internal"


def run(app: typer.Typer, arguments: Sequence[str]) -> int:
    """Run a command line; returns the exit code, once all output is written."""
    ignore_warnings()
    code = _run_app(app, arguments, as_json=wants_json(arguments))
    if (write_error := written()) is None:
        return code
    machine_error = MachineError(
        f"the output cannot be written: {_reason(write_error)}", remedy="Free space there, or send it elsewhere"
    )
    return _report_error(machine_error, as_json=False) if code == 0 else code


def wants_json(arguments: Sequence[str]) -> bool:
    """Whether a command line requests JSON, even where it is invalid."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def _run_app(app: typer.Typer, arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        code = app(args=list(arguments), prog_name="songline", standalone_mode=False)
    except SystemExit as exit_request:
        return exit_request.code if isinstance(exit_request.code, int) else int(exit_request.code is not None)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED_CODE
    except _UsageError as error:
        return _report_usage_error(error, as_json=as_json)
    except _ClickException as error:
        return _report_error(InputError(str(error).rstrip("."), remedy="See `songline --help`"), as_json=as_json)
    except Exception as error:
        if not _is_interrupted(error):
            return _report_error(to_songline_error(error), as_json=as_json)
        code = INTERRUPTED_CODE
    if code == INTERRUPTED_CODE:
        from flows.console import stderr

        stderr().print(STOPPED)
    return code if isinstance(code, int) else 0


def _is_interrupted(error: Exception) -> bool:
    """Whether Ctrl-C came while Pydantic serialised something: it raises an error of its own, and only names the
    interruption in its text. Prefect does so while it is imported."""
    return type(error).__name__ == "PydanticSerializationError" and "KeyboardInterrupt" in str(error)


def known_error(error: BaseException) -> SonglineError | None:
    """A known error (of the system, of memory, of a Prefect setting) as a SonglineError; None for a bug."""
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        return InputError("a name holds bytes that are not UTF-8", remedy="Rename the file or folder, then try again")
    if isinstance(error, MemoryError):
        return MachineError("the memory is full", remedy="End other programs, or set SONGLINE_WORKERS to fewer")
    if (settings_error := _prefect_settings_error(error)) is not None:
        return settings_error
    if not isinstance(error, OSError) or error.errno is None:
        return None
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes | os.PathLike) else ""
    sentence = f"{name}: {_reason(error)}" if name else _reason(error)
    if error.errno in _FULL:
        return MachineError(sentence, remedy="Free disk space, then run the same command again")
    if error.errno in _NO_RIGHT:
        return MachineError(sentence, remedy="Check who may read and write there, or choose another place")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return MachineError(sentence, remedy="Raise the limit of open files with `ulimit -n`")
    if error.errno in (errno.ENAMETOOLONG, errno.ELOOP):
        return InputError(sentence, remedy="Use a shorter name, or another place")
    return MachineError(sentence, remedy="Check that path and its disk, then run the same command again")


def _prefect_settings_error(error: BaseException) -> SonglineError | None:
    """The error of an invalid Prefect setting: Prefect reads all settings when it is imported."""
    modules = (frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__))
    if not isinstance(error, ValueError) or not any(name.startswith("prefect.settings") for name in modules):
        return None
    problems = error.errors(include_url=False) if hasattr(error, "errors") else []
    sentences = [
        f"{'.'.join(map(str, problem['loc'])) or problem['type']}: {problem['msg']}"
        for problem in problems
        if problem["type"] != "default_factory_not_called"
    ]
    return InputError(
        f"Prefect does not take one of its settings: {'; '.join(sentences) or type(error).__name__}",
        remedy="Correct the PREFECT_ variables of the environment, or Prefect's profile",
    )


def to_songline_error(error: Exception) -> SonglineError:
    """Any error as a SonglineError: Songline's own as it is, the system's explained, an unexpected one reported. The
    traceback is kept too where the cause may be damage or a bug."""
    if isinstance(error, CatalogNotUnderstood):
        return _with_report(error)
    return error if isinstance(error, SonglineError) else known_error(error) or _unexpected_error(error)


def _reason(error: OSError) -> str:
    words = error.strerror or str(error) or type(error).__name__
    return words[:1].lower() + words[1:]


def _report_error(error: SonglineError, *, as_json: bool) -> int:
    from flows.console import print_error

    print_error(error, as_json=as_json)
    return error.exit_code


def _report_usage_error(error: Exception, *, as_json: bool) -> int:
    """Report an invalid command line; ``songline`` without arguments shows the help."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "songline"
    message = " ".join(error.format_message().split()) if hasattr(error, "format_message") else str(error)
    if type(error).__name__ == "NoArgsIsHelpError" and not as_json:
        from flows.console import print_text

        print_text(f"{context.get_help() if context is not None else message}\n", to="stderr")
        return InputError.exit_code
    if type(error).__name__ == "NoArgsIsHelpError":
        message = "no command is named"
    message = message.replace("Value error, ", "")
    sentence = message[:1].lower() + message[1:]
    return _report_error(InputError(sentence, remedy=f"See `{command} --help`"), as_json=as_json)


def _unexpected_error(error: Exception) -> SonglineError:
    """An unexpected error: its traceback is written to a private file, or to stderr where SONGLINE_DEBUG is set."""
    from catalog.common.redaction import redacted

    report = redacted("".join(traceback.format_exception(error)))
    words = " ".join(str(error).split())[:200].rstrip(".")
    sentence = f"Songline met an unexpected error: {type(error).__name__}{f': {words}' if words else ''}"
    if _is_debugged():
        from flows.console import print_text

        print_text(report, to="stderr")
        return UnexpectedError(sentence, remedy="Report it with the lines above, and what you did")
    place = _write_report(report)
    if place is None:
        return UnexpectedError(
            sentence, remedy="Run it again with SONGLINE_DEBUG=1, and report it with the lines that it prints then"
        )
    return UnexpectedError(
        sentence, remedy=f"Report it with the file {place}, once you have checked what it contains, and what you did"
    )


def _with_report(error: CatalogNotUnderstood) -> SonglineError:
    """The same error, with a remedy that names the file with its traceback."""
    from catalog.common.redaction import redacted

    place = _write_report(redacted("".join(traceback.format_exception(error))))
    return error if place is None else type(error)(error.what, remedy=f"{error.remedy} with the file {place}")


def _is_debugged() -> bool:
    from catalog.common.settings import load_settings

    try:
        return load_settings().debug
    except SonglineError:
        return False


def _write_report(report: str) -> Path | None:
    """A new private file among the system's temporary files, as the home folder may be the cause of the error."""
    from datetime import UTC, datetime

    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    try:
        import tempfile  # rarely needed; where no file can be opened, this import fails too

        handle, name = tempfile.mkstemp(prefix=f"songline-error-{stamp}-", suffix=".txt")
        with open(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(report)
    except OSError:
        return None
    return Path(name)
