"""The faults of a manifest: collected with their lines, worded for people, told all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.common.errors import ManifestError
from catalog.common.text import sentence

FieldPath = tuple[str | int, ...]
"""Where something stands in a manifest: ``("songs", 2, "seeds")``."""

MAX_SHOWN_CHARACTERS = 60
MAX_FAULTS = 200
"""More than these are counted, not listed: such a file is not a manifest with mistakes but something else."""


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """A line of a file; ``order`` keeps the manifest before the lyrics files, and those in the order of the songs."""

    file: str
    line: int | None
    order: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong: ``where`` is the dotted path in the manifest, empty in other files."""

    place: SourceLocation
    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"{self.place}: {where}{self.what}. {sentence(self.remedy)}"


def manifest_error(
    faults: Sequence[Fault], titles: Mapping[str, str] | None = None, *, unworded: int = 0
) -> ManifestError:
    """The one error that tells all ``faults``, each once, in the order of files and lines.

    ``unworded`` is how many more were found that only the count of them tells of.
    """
    in_order = sorted(faults, key=lambda fault: (fault.place.order, fault.place.line or 0))
    lines = list(dict.fromkeys(str(fault) for fault in in_order))
    if len(lines) + unworded > MAX_FAULTS:
        file = in_order[0].place.file
        more = max(0, len(lines) - MAX_FAULTS) + unworded
        lines[MAX_FAULTS:] = [f"{file}: there are {more} more faults. Correct these first."]
    return ManifestError(lines, titles)


def dotted(path: FieldPath) -> str:
    """A path as it is shown: ``songs[2].seeds``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def shown(value: object) -> str:
    """A value as it is shown in a sentence: as the manifest would write it, and never long."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 2] + "…" + text[-1]
