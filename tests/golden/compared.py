"""Documents beside each other: what differs, named by its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

SHOWN = 3
"""Differences from the nearest document that are told; a digest that changes has many after it."""


def differences(recorded: Any, found: Any, place: str = "") -> Iterator[str]:
    """Every place where two documents differ, with both values."""
    if isinstance(recorded, Mapping) and isinstance(found, Mapping):
        for name in sorted(recorded.keys() | found.keys()):
            below = f"{place}.{name}".removeprefix(".")
            if name not in found:
                yield f"{below} is gone, and was {_short(recorded[name])}"
            elif name not in recorded:
                yield f"{below} is new: {_short(found[name])}"
            else:
                yield from differences(recorded[name], found[name], below)
    elif isinstance(recorded, list) and isinstance(found, list) and len(recorded) == len(found):
        for number, (one, other) in enumerate(zip(recorded, found, strict=True)):
            yield from differences(one, other, f"{place}[{number}]")
    elif recorded != found or isinstance(recorded, bool) != isinstance(found, bool):
        yield f"{place} was {_short(recorded)}, and is {_short(found)}"


def nearest(found: Any, recorded: Iterable[Any]) -> list[str]:
    """How a document differs from that among the recorded ones which it differs from the least."""
    told = min(
        (list(differences(each, found)) for each in recorded), key=len, default=["nothing of its kind was known"]
    )
    return told[:SHOWN]


def shape_of(document: Any, place: str = "") -> set[str]:
    """The places of a document with the kind of value that stands there; the members of a list count as one."""
    if isinstance(document, Mapping):
        return {
            line for name, value in document.items() for line in shape_of(value, f"{place}.{name}".removeprefix("."))
        }
    if isinstance(document, list):
        return {line for value in document for line in shape_of(value, f"{place}[]")}
    return {f"{place}: {'number' if type(document) in (int, float) else type(document).__name__}"}


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
