"""The faults of a manifest: collected with their lines, worded for the user, reported together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from catalog.common.errors import ManifestError
from catalog.common.text import sentence

FieldPath = tuple[str | int, ...]
"""A path in a manifest: ``("songs", 2, "seeds")``."""

MAX_SHOWN_CHARACTERS = 60
MAX_FAULTS = 200
"""Faults beyond this number are counted, not listed: the file is then probably no manifest at all."""


@dataclass(frozen=True, slots=True)
class SourceLocation:
    """A line of a file; ``order`` sorts the manifest before the lyrics files, and those by song."""

    file: str
    line: int | None
    order: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: ``where`` is the dotted path in the manifest, empty for other files."""

    place: SourceLocation
    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        prefix = f"{self.where}: " if self.where else ""
        return f"{self.place}: {prefix}{self.what}. {sentence(self.remedy)}"


def manifest_error(
    faults: Sequence[Fault], titles: Mapping[str, str] | None = None, *, omitted: int = 0
) -> ManifestError:
    """One error with all ``faults``, each once, ordered by file and line.

    ``omitted`` is the number of further faults that are only counted.
    """
    ordered_faults = sorted(faults, key=lambda fault: (fault.place.order, fault.place.line or 0))
    lines = list(dict.fromkeys(str(fault) for fault in ordered_faults))
    if len(lines) + omitted > MAX_FAULTS:
        file = ordered_faults[0].place.file
        remaining_count = max(0, len(lines) - MAX_FAULTS) + omitted
        lines[MAX_FAULTS:] = [f"{file}: there are {remaining_count} more faults. Correct these first."]
    return ManifestError(lines, titles)


def dotted(path: FieldPath) -> str:
    """A path as it is displayed: ``songs[2].seeds``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def shown(value: object) -> str:
    """A value as it is displayed in a sentence: in manifest syntax, and shortened."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 2] + "…" + text[-1]
