"""How commands talk: the one door to a terminal, a pipe or a file. Text for people, one JSON document for scripts.

Titles, file names, answers of servers and words of other programs are foreign text: here, and nowhere else, they are
made harmless. No character of theirs commands a terminal, none is read as markup, and none is refused by an encoding.
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
"""Columns where nobody looks at once: tables keep their full width, and no id is cut."""
_SONG_PATH = re.compile(r": (songs\[\d+\])")


class SafeConsole(Console):
    """A console that takes text as it is: no markup, no emoji codes, and no character that a terminal obeys."""

    def __init__(self, *, error: bool = False) -> None:
        stream = sys.stderr if error else sys.stdout
        width = None if stream is not None and stream.isatty() else PIPE_WIDTH
        file: Any = None if stream is None else CleanWriter(stream)
        super().__init__(file=file, stderr=error, width=width, highlight=False, markup=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Whatever is shown, its text made harmless; what moves the cursor comes from the console itself."""
        for segment in super().render(renderable, options):
            shown = segment.text if segment.control else visible(segment.text)
            yield segment if shown == segment.text else Segment(shown, segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print as :meth:`rich.console.Console.print` does, with texts cleaned before they are measured."""
        super().print(*(clean(part) for part in objects), **options)


class SafeTable(Table):
    """A table that folds what is too wide and never cuts it. Cells are taken as they are."""

    def __init__(self, *headings: str, **options: Any) -> None:
        super().__init__(**{"box": None, "header_style": "bold", **options, "title": clean(options.get("title"))})
        for heading in headings:
            self.add_column(heading)

    def add_column(self, header: RenderableType = "", *args: Any, **options: Any) -> None:
        """Add a column whose cells are folded; one that is never wrapped would be cut."""
        super().add_column(clean(header), *args, **{**options, "overflow": "fold", "no_wrap": False})

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row, its texts cleaned before they are measured; a line break in one would tear the table."""
        super().add_row(*(clean(cell) for cell in cells), **options)


def clean(part: Any) -> Any:
    """A string or styled text without what a terminal obeys; everything else as it is."""
    if isinstance(part, str):
        return Text(visible(part))
    if isinstance(part, Text) and (shown := visible(part.plain)) != part.plain:
        return Text(shown, style=part.style)
    return part


def stdout() -> SafeConsole:
    """Where results go."""
    return SafeConsole()


def stderr() -> SafeConsole:
    """Where warnings, errors and progress go."""
    return SafeConsole(error=True)


def print_json(document: Any) -> None:
    """The one document of a ``--json`` command."""
    print_text(_json(document, indent=2) + "\n")


def print_text(text: str, *, to: Literal["stdout", "stderr"] = "stdout") -> None:
    """Plain text in a form of its own, such as Prometheus': written without wrapping, and made harmless."""
    stream = sys.stdout if to == "stdout" else sys.stderr
    if stream is not None:
        stream.write(visible(text))
        stream.flush()


def titled(album: Album, line: str) -> str:
    """A line about an album's manifest, with the title of the song that it counts."""
    return with_title(line, {f"songs[{number}]": song.title for number, song in enumerate(album.songs)})


def warn(line: str) -> None:
    """One warning line on stderr."""
    stderr().print(f"warning: {redacted(line)}", style="yellow", soft_wrap=True)


def print_error(error: SonglineError, *, as_json: bool, about: str = "") -> None:
    """An error as ``error: what. remedy.``, led by its reason where audio was refused, or as an object; a manifest's
    faults a line each, with the titles of their songs. ``about`` names what failed, such as a song by its title."""
    faults = [with_title(fault, error.titles) for fault in error.faults] if isinstance(error, ManifestError) else []
    if as_json:
        document = {"error": error.what, "kind": error.kind, "remedy": error.remedy, **error.ids}
        document |= {"reason": error.reason} if isinstance(error, AudioRefused) else {}
        document |= {"about": about} if about else {}
        listed: dict[str, Any] = {}
        if faults:
            listed = {"error": "\n".join(faults), "remedy": "Correct each line that is named", "faults": faults}
        print_text(_json({**document, **listed}) + "\n", to="stderr")
        return
    for fault in faults:
        stderr().print(fault, soft_wrap=True)
    told = f"{counted(len(faults), 'fault')}; nothing was started." if faults else str(error)
    named = f"{error.reason}: " if isinstance(error, AudioRefused) else ""
    stderr().print(f"error: {led_by(about, f'{named}{told}')}", soft_wrap=True)


def led_by(name: str, text: str) -> str:
    """A text led by the name of what it is about, once: some errors begin with their song's title."""
    return text if not name or text.startswith(name) else f"{name}: {text}"


def with_title(fault: str, titles: Mapping[str, str]) -> str:
    """A fault with the title of the song that its path counts: ``songs[2]`` tells nobody which song that is."""
    path = _SONG_PATH.search(fault)
    title = titles.get(path[1]) if path else None
    return f"{fault} Song: {title}." if title else fault


def _json(document: Any, *, indent: int | None = None) -> str:
    """JSON whose text is readable where the stream can show it, and harmless on any terminal."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("-", "").replace("_", "")
    text = json.dumps(document, ensure_ascii=encoding not in ("utf8", "utf8sig"), indent=indent, allow_nan=False)
    return re.sub(r"[^\n\x20-\x7e]", lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return character if visible(character) == character else json.dumps(character)[1:-1]
