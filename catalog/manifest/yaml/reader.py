"""Reads YAML and JSON into plain data with the line of every value, and rejects unsafe or ambiguous input.

The core schema of YAML 1.2 types plain scalars, so that a manifest means the same as in JSON. Scalars that YAML 1.1
tools read differently (``no``, ``1:30``, ``010``) are a fault whose remedy is quotes; they are never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from catalog.common.digests import Json
from catalog.manifest.faults import Fault, FieldPath, SourceLocation, dotted, shown
from catalog.manifest.yaml.scalars import AMBIGUOUS, MAX_DIGITS, resolved

MAX_MANIFEST_BYTES = 2 * 1024 * 1024
MAX_VALUES = 120_000
"""Maximum number of values in one file. The largest valid album, with every seed written out, has about half as
many."""

MAX_NAME_CHARACTERS = 200
MAX_DEPTH = 16
_LESS = "Divide the album, or write seeds as {start: 42, count: 4}"
MAX_PURE_CHARACTERS = 128 * 1024
"""PyYAML's pure Python parser has better messages and accepts input that libyaml rejects, but needs 10 s for 1 MB."""


@dataclass(frozen=True, slots=True)
class Spot:
    """The location of a value; ``block`` is true for text after ``|``, whose first line is the next one."""

    line: int
    block: bool = False


@dataclass(slots=True)
class Source:
    """A manifest as it was written.

    ``data`` is None where nothing could be read. ``locations`` has the location of every value and field; ``broken``
    are the paths whose value is not checked further, because reading it was already a fault.
    """

    name: str
    data: Json = None
    locations: dict[FieldPath, Spot] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    broken: set[FieldPath] = field(default_factory=set)

    def spot(self, path: FieldPath) -> Spot:
        """The location of ``path``, or of its nearest ancestor."""
        while path and path not in self.locations:
            path = path[:-1]
        return self.locations.get(path, Spot(1))

    def fields_at(self, path: FieldPath) -> list[str]:
        """The fields of the mapping at ``path`` as written; empty where there is no mapping."""
        value = self._value_at(path)
        return list(value) if isinstance(value, dict) else []

    def list_at(self, path: FieldPath) -> list[Json]:
        """The list at ``path`` as written; empty where there is none."""
        value = self._value_at(path)
        return value if isinstance(value, list) else []

    def _value_at(self, path: FieldPath) -> Json:
        value = self.data
        for step in path:
            if isinstance(value, dict):
                value = value.get(step)
            else:
                value = value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
        return value

    def add(self, line: int | None, path: FieldPath, what: str, remedy: str) -> None:
        """Add a reading fault at ``line``."""
        self.faults.append(Fault(SourceLocation(self.name, line), dotted(path), what, remedy))


def read_source(name: str, data: bytes) -> Source:
    """The data of a manifest file called ``name``; never raises: all errors are in ``faults``."""
    source = Source(name)
    if len(data) > MAX_MANIFEST_BYTES:
        problem = f"the file has {len(data)} bytes, more than {MAX_MANIFEST_BYTES}"
        source.add(None, (), problem, "Divide the album, or put its lyrics into files")
        return source
    text = _decoded(data, source)
    if name.lower().endswith(".json") and not source.faults:
        text = _checked_json(text, source)
    if not source.faults:
        _compose(text, source)
    return source


def _decoded(data: bytes, source: Source) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        source.add(line, (), "the bytes are not UTF-8", "Save the file as UTF-8")
        return ""


def _checked_json(text: str, source: Source) -> str:
    """The text of a JSON file in a form that is also YAML: without tabs, which JSON allows between tokens only."""
    constants: list[str] = []
    try:
        json.loads(text, parse_constant=constants.append)
    except json.JSONDecodeError as error:
        source.add(error.lineno, (), f"this is not JSON: {error.msg.lower()}", "Correct it here")
    except ValueError:
        source.add(None, (), f"a number has more than {MAX_DIGITS} digits", "Write a smaller number")
    except RecursionError:
        source.add(None, (), f"the file is nested deeper than {MAX_DEPTH} levels", "Make it flatter")
    for constant in constants:
        source.add(
            None, (), f"{constant} is no number of JSON", "Write a finite number, or put it in quotes if it is text"
        )
    return _ESCAPED_PAIR.sub(_joined, text.replace("\t", " "))


_ESCAPED_PAIR = re.compile(r"(?<!\\)((?:\\\\)*)\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")


def _joined(pair: re.Match[str]) -> str:
    """The character that JSON writes as a surrogate pair of two escapes, which YAML does not support."""
    high_unit, low_unit = int(pair[2], 16), int(pair[3], 16)
    return pair[1] + chr(0x10000 + ((high_unit - 0xD800) << 10) + (low_unit - 0xDC00))


class _UnreadableError(Exception):
    """Reading cannot continue; the fault is recorded."""


def _compose(text: str, source: Source) -> None:
    """Compose with libyaml; input of ordinary size that it rejects is parsed again by the Python parser."""
    second_source = Source(source.name)
    if _compose_by(_FAST, text, source) or len(text) > MAX_PURE_CHARACTERS:
        return
    _compose_by(yaml.SafeLoader, text, second_source)
    source.data, source.locations, source.faults, source.broken = (
        second_source.data,
        second_source.locations,
        second_source.faults,
        second_source.broken,
    )


_FAST: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _compose_by(loader: Any, text: str, source: Source) -> bool:
    """Compose with a loader's parser; False where the text is invalid YAML to it, which is then recorded as a fault."""
    try:
        source.data = _Composer(yaml.parse(text, Loader=loader), source).document()
    except _UnreadableError:
        return True
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        source.add(line, (), "the line holds a control character", "Remove it")
    except yaml.MarkedYAMLError as error:
        source.add(*_syntax_fault(error))
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        source.add(None, (), f"this is not YAML: {error}", "Correct it")
    else:
        return True
    return False


def _syntax_fault(error: yaml.MarkedYAMLError) -> tuple[int | None, FieldPath, str, str]:
    problem = str(error.problem or error.context).replace("\n", " ")
    is_at_end = "end of stream" in problem or "end>" in problem
    mark = (error.context_mark if is_at_end else None) or error.problem_mark or error.context_mark
    remedy = "Indent with spaces" if "\\t" in problem else "Check the indentation, colons, brackets and quotes here"
    return (mark.line + 1 if mark else None), (), f"this is not YAML: {problem}", remedy


class _Composer:
    """Builds plain data from the events of one document."""

    def __init__(self, events: Iterator[yaml.Event], source: Source) -> None:
        self.events = events
        self.source = source
        self.values = 0

    def document(self) -> Json:
        """The data of the only document."""
        next(self.events)
        start = next(self.events)
        if isinstance(start, yaml.StreamEndEvent):
            self.source.add(1, (), "the file is empty", "Write a manifest, or start with 'songline init'")
            return None
        data = self._value(next(self.events), ())
        next(self.events)
        end_event = next(self.events)
        if not isinstance(end_event, yaml.StreamEndEvent):
            self.source.add(_line(end_event), (), "a second document begins", "Keep one manifest per file")
        return data

    def _value(self, event: yaml.Event, path: FieldPath) -> Json:
        self.values += 1
        if self.values > MAX_VALUES:
            self.source.add(_line(event), path[:2], f"the file holds more than {MAX_VALUES} values", _LESS)
            raise _UnreadableError
        self.source.locations.setdefault(path, Spot(_line(event), block=getattr(event, "style", None) == "|"))
        self._refuse_references(event, path)
        if len(path) > MAX_DEPTH:
            self.source.add(_line(event), path[:2], f"this is nested deeper than {MAX_DEPTH} levels", "Make it flatter")
            raise _UnreadableError
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path) if isinstance(event, yaml.ScalarEvent) else None

    def _refuse_references(self, event: yaml.Event, path: FieldPath) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, path, f"*{event.anchor} is an alias", "Write the value out")
        elif anchor := getattr(event, "anchor", None):
            self.source.add(_line(event), path, f"&{anchor} is an anchor", "Remove it")
        if tag := getattr(event, "tag", None):
            self._refuse(event, path, f"{shown(tag)} is a tag", "Remove it")

    def _sequence(self, path: FieldPath) -> list[Json]:
        items: list[Json] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return items

    def _mapping(self, path: FieldPath) -> dict[str, Json]:
        fields: dict[str, Json] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            name = self._name(event, path)
            spot = Spot(_line(event))
            value_event = next(self.events)
            if getattr(value_event, "style", None) == "|":
                spot = Spot(_line(value_event), block=True)
            self.source.locations.setdefault((*path, name), spot)
            value = self._value(value_event, (*path, name))
            if name in fields:
                problem = f"the field occurs twice, first in line {self.source.spot((*path, name)).line}"
                self.source.add(_line(event), (*path, name), problem, "Remove one of them")
            fields.setdefault(name, value)
        return fields

    def _name(self, event: yaml.Event, path: FieldPath) -> str:
        """The name of a field, always as text."""
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_references(event, path)
            if len(event.value) > MAX_NAME_CHARACTERS:
                problem = f"the name of a field has more than {MAX_NAME_CHARACTERS} characters"
                self.source.add(_line(event), path, problem, "Shorten it")
                raise _UnreadableError
            return self._text(event.value, event, path)
        self.source.add(
            _line(event), path, "a list, mapping or alias stands as the name of a field", "Write plain text"
        )
        raise _UnreadableError

    def _scalar(self, event: yaml.ScalarEvent, path: FieldPath) -> Json:
        text = self._text(event.value, event, path)
        if event.style:  # None for a plain scalar, or empty where libyaml read it
            return text
        for pattern, problem, remedy in AMBIGUOUS:
            if pattern.fullmatch(text):
                self._refuse(event, path, f"{shown(text)} {problem}", remedy)
                return None
        return resolved(text)

    def _text(self, text: str, event: yaml.Event, path: FieldPath) -> str:
        r"""Text with surrogate pairs joined, which JSON writes as two \u escapes."""
        try:
            return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
        except UnicodeDecodeError:
            self._refuse(event, path, "the text holds half a character (a lone surrogate)", "Remove it")
            return ""

    def _refuse(self, event: yaml.Event, path: FieldPath, what: str, remedy: str) -> None:
        self.source.add(_line(event), path, what, remedy)
        self.source.broken.add(path)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
