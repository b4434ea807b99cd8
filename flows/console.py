"""Output of commands to a terminal, a pipe or a file: text for people, one JSON document for scripts.

Titles, file names, server responses and the output of other programs are untrusted text. All of it is escaped here: no
character in it can control a terminal, be read as markup, or fail to encode.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from catalog.common.errors import AudioRefused, ManifestError, SonglineError
from catalog.common.redaction import redacted
from catalog.common.streams import CleanWriter
from catalog.common.text import counted, visible

if TYPE_CHECKING:
    from catalog.album.album import Album

PIPE_WIDTH = 4096
"""Columns where the output is not a terminal: tables keep their full width, and no id is cut."""
_SONG_PATH = re.compile(r": (songs\[\d+\])")


class SafeConsole(Console):
    """A console that prints text literally: no markup, no emoji codes, no terminal control characters."""

    def __init__(self, *, error: bool = False) -> None:
        stream = sys.stderr if error else sys.stdout
        width = None if stream is not None and stream.isatty() else PIPE_WIDTH
        file: Any = None if stream is None else CleanWriter(stream)
        super().__init__(file=file, stderr=error, width=width, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render with the text escaped; control segments come from the console itself and are kept."""
        for segment in super().render(renderable, options):
            safe_text = segment.text if segment.control else visible(segment.text)
            yield segment if safe_text == segment.text else Segment(safe_text, segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as :meth:`rich.console.Console.print` does, with texts escaped before they are measured."""
        super().print(*(clean(part) for part in objects), **options)


class SafeTable(Table):
    """A table that folds cells that are too wide and never truncates them. Cells are printed literally."""

    def __init__(self, *headings: str, **options: Any) -> None:
        super().__init__(**{"box": None, "header_style": "bold", **options, "title": clean(options.get("title"))})
        for heading in headings:
            self.add_column(heading)

    def add_column(self, header: RenderableType = "", *args: Any, **options: Any) -> None:
        """Add a column that folds its cells; a column with ``no_wrap`` would be truncated."""
        super().add_column(clean(header), *args, **{**options, "overflow": "fold", "no_wrap": False})

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row with its texts escaped before they are measured; a line break in a cell would break the table."""
        super().add_row(*(clean(cell) for cell in cells), **options)


def clean(part: Any) -> Any:
    """The string or styled text without terminal control characters; any other value unchanged."""
    if isinstance(part, str):
        return Text(visible(part))
    if isinstance(part, Text) and (safe_text := visible(part.plain)) != part.plain:
        return Text(safe_text, style=part.style)
    return part


def stdout() -> SafeConsole:
    """The console for results."""
    return SafeConsole()


def stderr() -> SafeConsole:
    """The console for warnings, errors and progress."""
    return SafeConsole(error=True)


def print_json(document: Any) -> None:
    """Print the single document of a ``--json`` command."""
    print_text(_json(document, indent=2) + "\n")


def print_text(text: str, *, to: Literal["stdout", "stderr"] = "stdout") -> None:
    """Print preformatted plain text, such as Prometheus', without wrapping and with control characters escaped."""
    stream = sys.stdout if to == "stdout" else sys.stderr
    if stream is not None:
        stream.write(visible(text))
        stream.flush()


def with_song_title(album: Album, line: str) -> str:
    """A line about an album's manifest, with the title of the song that its path names by index."""
    return with_title(line, {f"songs[{number}]": song.title for number, song in enumerate(album.songs)})


def warn(line: str) -> None:
    """Print one warning line on stderr."""
    stderr().print(f"warning: {redacted(line)}", style="yellow", soft_wrap=True)


def print_error(error: SonglineError, *, as_json: bool, subject: str = "") -> None:
    """Print an error as ``error: what. remedy.``, or as a JSON object.

    Refused audio is prefixed with its reason. The faults of a manifest are printed one per line, with the titles of
    their songs. ``subject`` is what the error is about, such as a song by its title.
    """
    faults = [with_title(fault, error.titles) for fault in error.faults] if isinstance(error, ManifestError) else []
    if as_json:
        document = {"error": error.what, "kind": error.kind, "remedy": error.remedy, **error.ids}
        document |= {"reason": error.reason} if isinstance(error, AudioRefused) else {}
        document |= {"about": subject} if subject else {}
        fault_fields: dict[str, Any] = {}
        if faults:
            fault_fields = {"error": "\n".join(faults), "remedy": "Correct each line that is named", "faults": faults}
        print_text(_json({**document, **fault_fields}) + "\n", to="stderr")
        return
    for fault in faults:
        stderr().print(fault, soft_wrap=True)
    message = f"{counted(len(faults), 'fault')}; nothing was started." if faults else str(error)
    prefix = f"{error.reason}: " if isinstance(error, AudioRefused) else ""
    stderr().print(f"error: {with_subject(subject, f'{prefix}{message}')}", soft_wrap=True)


def with_subject(subject: str, text: str) -> str:
    """A text prefixed with the name of its subject, once: some errors start with their song's title."""
    return text if not subject or text.startswith(subject) else f"{subject}: {text}"


def with_title(fault: str, titles: Mapping[str, str]) -> str:
    """A fault with the title of the song that its path names by index, as ``songs[2]`` does not identify a song."""
    path = _SONG_PATH.search(fault)
    title = titles.get(path[1]) if path else None
    return f"{fault} Song: {title}." if title else fault


def _json(document: Any, *, indent: int | None = None) -> str:
    """JSON with readable text where the stream's encoding allows it, and without terminal control characters."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    text = json.dumps(document, ensure_ascii=encoding not in ("utf8", "utf8sig"), indent=indent, allow_nan=False)
    return re.sub(r"[^\n\x20-\x7e]", lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return character if visible(character) == character else json.dumps(character)[1:-1]
