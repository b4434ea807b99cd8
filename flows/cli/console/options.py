"""Arguments and options shared by commands."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

Manifest = Annotated[Path, typer.Argument(metavar="ALBUM", help="The album's manifest (YAML or JSON).")]
AlbumName = Annotated[str, typer.Argument(metavar="ALBUM", help="An album's id, or its manifest.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Out = Annotated[Path, typer.Option("--out", help="Folder that gets the release, in a folder named by the album's id.")]


class Stage(StrEnum):
    """Stages after which making an album can stop."""

    SCORE = "score"
    SELECT = "select"
    MASTER = "master"


class Start(StrEnum):
    """Stages from which finished work can be done again."""

    MASTER = "master"
    STEMS = "stems"
    PACKAGE = "package"


def cannot_be_looked_for(path: Path) -> bool:
    """Whether ``path`` cannot be checked as a file: a bare name in a working folder without read access, or an invalid
    file name. It can then only be an id or a digest."""
    if path.parent != Path():
        return False
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
