"""How commands talk: text for people, one JSON document for scripts, errors to stderr with the remedy."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

from catalog.errors import SonglineError


def stdout() -> Console:
    """Where results go."""
    return Console(highlight=False)


def stderr() -> Console:
    """Where warnings and errors go."""
    return Console(stderr=True, highlight=False)


def print_json(document: Any) -> None:
    """The one document of a ``--json`` command."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n")


def warn(line: str) -> None:
    """One warning line on stderr."""
    stderr().print(f"warning: {line}", style="yellow", markup=False, soft_wrap=True)


def print_error(error: SonglineError, *, as_json: bool) -> None:
    """An error as ``error: what. remedy.``, or as an object."""
    if as_json:
        document = {"error": error.what, "kind": error.kind, "remedy": error.remedy, **error.ids}
        sys.stderr.write(json.dumps(document, ensure_ascii=False) + "\n")
        return
    lines = str(error).split("\n")
    for line in lines:
        stderr().print(
            line if len(lines) > 1 or error.kind == "manifest" else f"error: {line}", markup=False, soft_wrap=True
        )
    if error.kind == "manifest":
        count = len(lines)
        stderr().print(f"error: {count} fault{'s' if count > 1 else ''} in the manifest; nothing was started.")
