"""Translates Pydantic's errors into a sentence with a remedy."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from pydantic_core import ErrorDetails

from catalog.common.text import did_you_mean
from catalog.manifest.faults import shown

Words = tuple[str, str]
"""The message and the remedy."""

_WANTED = {
    "string_type": ("text", "Write text, in quotes if it looks like something else"),
    "int_type": ("a whole number", "Write a whole number, without quotes"),
    "int_from_float": ("a whole number", "Write a whole number"),
    "float_type": ("a number", "Write a number, without quotes"),
    "bool_type": ("true or false", "Write true or false, without quotes"),
    "list_type": ("a list", "Write a list: [one, two]"),
    "tuple_type": ("a list", "Write a list: [one, two]"),
    "dict_type": ("a mapping", "Write fields and values: {name: value}"),
    "model_type": ("a mapping", "Write fields and values: {name: value}"),
    "model_attributes_type": ("a mapping", "Write fields and values: {name: value}"),
}
_BOUNDS: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda bounds: f"above {_plain(bounds['gt'])}",
    "greater_than_equal": lambda bounds: f"not below {_plain(bounds['ge'])}",
    "less_than": lambda bounds: f"below {_plain(bounds['lt'])}",
    "less_than_equal": lambda bounds: f"not above {_plain(bounds['le'])}",
}


def describe(error: ErrorDetails, known: Collection[str]) -> Words:
    """One validation error in words; ``known`` are the fields that are valid at its path."""
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "songline":
        return str(context["what"]), str(context["remedy"])
    if kind == "extra_forbidden":
        return "there is no such field", did_you_mean(str(error["loc"][-1]), known, otherwise="Remove it")
    if kind == "missing":
        return "the field is missing", "Add it"
    if kind in _WANTED:
        noun, remedy = _WANTED[kind]
        return f"{shown(value)} is not {noun}", remedy
    if kind in _BOUNDS:
        return f"{shown(value)} is out of bounds", f"Write a number {_BOUNDS[kind](context)}"
    if kind == "literal_error":
        return f"{shown(value)} is not one of {context['expected']}", "Write one of them"
    return _size_or_message(error)


def _plain(bound: float) -> str:
    return str(bound).removesuffix(".0")


def _size_or_message(error: ErrorDetails) -> Words:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "string_too_short":
        return "the text is empty", "Write something or leave the field out"
    if kind == "string_too_long":
        return f"the text has more than {context['max_length']} characters", "Shorten it"
    if kind == "too_short":
        return "the list is empty", "Write at least one entry"
    if kind == "too_long":
        return f"the list has more than {context['max_length']} entries", "Remove some"
    message = error["msg"].removeprefix("Value error, ").rstrip(".")
    message = message[:1].lower() + message[1:]
    is_large = isinstance(error["input"], dict | list)
    return message if is_large else f"{shown(error['input'])} does not fit: {message}", "Correct it"
