"""Reads YAML and JSON into plain data with the line of everything, and refuses what is unsafe or ambiguous.

The core schema of YAML 1.2 decides what a plain scalar is, so that a manifest means what JSON would mean. What
YAML 1.1 tools read differently (``no``, ``1:30``, ``010``) is a fault that asks for quotes, never a guess.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import yaml
from yaml import events as ev

from catalog.digests import Json
from catalog.manifest_faults import Fault, Path, Place, shown

MAX_MANIFEST_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a value stands; ``block`` is true for text after ``|``, whose first line is the next one."""

    line: int
    block: bool = False


@dataclass(slots=True)
class Source:
    """A manifest as it was written.

    ``data`` is None where nothing could be read. ``spots`` has the place of every value and field; ``broken`` are the
    paths whose value is not to be judged further, because reading it was already a fault.
    """

    name: str
    data: Json = None
    spots: dict[Path, Spot] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[Path] = field(default_factory=set)

    def spot(self, path: Path) -> Spot:
        """The place of ``path``, or of the nearest thing around it."""
        while path and path not in self.spots:
            path = path[:-1]
        return self.spots.get(path, Spot(1))

    def add(self, line: int | None, path: Path, what: str, remedy: str) -> None:
        """Note a fault of reading at ``line``."""
        where = ".".join(str(step) for step in path) if not path else _dotted(path)
        self.faults.append(Fault(Place(self.name, line), where, what, remedy))


def read_source(name: str, data: bytes) -> Source:
    """The data of a manifest file called ``name``; never raises, all that is wrong stands in ``faults``."""
    source = Source(name)
    text = _decoded(data, source)
    if text is None:
        return source
    if name.lower().endswith(".json"):
        text = _checked_json(text, source)
    if not source.faults:
        _compose(text, source)
    return source
