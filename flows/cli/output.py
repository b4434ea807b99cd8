"""How commands talk: text for people, one JSON document for scripts, errors to stderr with the remedy."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

from catalog.errors import AudioRefused, ManifestError, SonglineError

UNKNOWN_WIDTH = 80
"""What Rich takes where there is neither a terminal nor COLUMNS."""


def stdout() -> Console:
    """Where results go; in a pipe tables keep their full width, so that ids are never cut."""
    console = Console(highlight=False)
    return console if console.is_terminal or console.width != UNKNOWN_WIDTH else Console(highlight=False, width=160)


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
    """An error as ``error: what. remedy.``, led by its reason where audio was refused, or as an object; a manifest's
    faults a line each."""
    faults = error.faults if isinstance(error, ManifestError) else ()
    if as_json:
        document = {"error": error.what, "kind": error.kind, "remedy": error.remedy, **error.ids}
        document |= {"reason": error.reason} if isinstance(error, AudioRefused) else {}
        listed = {"remedy": "Correct each line that is named", "faults": list(faults)} if faults else {}
        sys.stderr.write(json.dumps({**document, **listed}, ensure_ascii=False) + "\n")
        return
    for fault in faults:
        stderr().print(fault, markup=False, soft_wrap=True)
    counted = f"{len(faults)} fault{'s' if len(faults) > 1 else ''}; nothing was started."
    named = f"{error.reason}: " if isinstance(error, AudioRefused) else ""
    stderr().print(f"error: {named}{counted if faults else error}", markup=False, soft_wrap=True)
