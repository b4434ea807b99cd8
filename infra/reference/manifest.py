"""The tables of ``docs/manifest.md``, from the JSON Schema that ``songline schema`` prints."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

from catalog.common.settings import Settings
from catalog.manifest.loader import manifest_json_schema
from flows.planning.read_manifest import vocabulary
from infra.reference.tables import table
from tasks.engines.registry import ADAPTED, ENGINES

Schema = Mapping[str, Any]

ADAPTER, *_ = ADAPTERS = tuple(f"{engine}.AdapterSetting" for engine in ADAPTED)
"""How the schema names the adapters of each engine that takes some; the first is described."""

ELSEWHERE: Mapping[str, str] = {
    "Policy.gates": "by [metric](selection.md#all-metrics): `{min: …, max: …}` or `null`",
    "Policy.metrics": "list of [metrics](selection.md#all-metrics)",
    "Policy.weights": "by [metric](selection.md#all-metrics): number above 0, up to 1000",
    "MasteringSpec.waive": "list of [checks](finishing.md#checks)",
    "SongFile.settings": "by the engine: see [below](#engine-settings)",
    "DefaultsFile.settings": "by the engine: see [below](#engine-settings)",
}
"""Types of fields that are described in another table."""

WIDEST = 1e12
"""A bound of readings from here on is not shown, since no reading comes near it; bounds of whole numbers are."""

LINKS: Mapping[str, str] = {
    "AlbumFile": "[album](#album)",
    "DefaultsFile": "[defaults](#defaults)",
    "SongFile": "[songs](#songs)",
    "CreditFile": "[credits](#credits)",
    "LicenceFile": "[licences](#licences)",
    "WavFile": "[wav](#wav)",
    "Policy": "[selection](#selection)",
    "MasteringSpec": "[mastering](#mastering)",
    "SeedRange": "[range](#seeds)",
    "Compression": "[compression](#compression)",
    "Limiting": "[limiter](#limiter)",
    "Effects": "[effects](#effects)",
    "Reverb": "[reverb](#reverb)",
    "Echo": "[echo](#echo)",
    "AlbumChoice": "[album](#takes-that-fit-together)",
    "TasteTerm": "[taste](#taste)",
    "Limit": "`{min: …, max: …}`",
    **dict.fromkeys(ADAPTERS, "[adapters](#adapters)"),
}
"""Links to the descriptions of the schema's parts."""


@cache
def schema() -> Schema:
    """The JSON Schema with the names of an installation without extra plug-ins."""
    return manifest_json_schema(vocabulary(Settings()))


def fields_of(part: str) -> str:
    """The fields of one part of the manifest; the part ``""`` is the file itself."""
    return _fields(part, schema()["$defs"][part] if part else schema())


def engine_settings(engine: str) -> str:
    """The settings of one engine."""
    choices = schema()["$defs"]["SongFile"]["properties"]["settings"]["anyOf"]
    return _fields(engine, next(choice for choice in choices if choice["title"] == f"settings of {engine}"))


def _fields(part: str, body: Schema) -> str:
    required = body.get("required", ())
    rows = (
        (
            f"`{name}`",
            ELSEWHERE.get(f"{part}.{name}") or kind(field),
            "required" if name in required else _default(field),
            _sentence(field),
        )
        for name, field in body["properties"].items()
    )
    return table(("field", "takes", "left out", "what it is"), rows)


def kind(field: Schema) -> str:
    """The type of a field, in words."""
    if "$ref" in field:
        return LINKS[field["$ref"].rpartition("/")[2]]
    choices = field.get("anyOf") or field.get("oneOf")
    if choices:
        return " or ".join(dict.fromkeys(kind(choice) for choice in choices if choice.get("type") != "null"))
    if "const" in field:
        return f"`{field['const']}`"
    if "enum" in field:
        return ", ".join(f"`{name}`" for name in field["enum"])
    return _PLAIN[field["type"]](field)


def _text(field: Schema) -> str:
    return f"text, up to {field['maxLength']} characters" if "maxLength" in field else "text"


def _number(field: Schema) -> str:
    name = "whole number" if field["type"] == "integer" else "number"
    return " ".join([name, *_bounds(field)])


def _bounds(field: Schema) -> Iterator[str]:
    minimum, maximum = (_shown(field.get(end)) for end in ("minimum", "maximum"))
    if minimum is not None and maximum is not None:
        yield f"{_figure(minimum)} to {_figure(maximum)}"
    elif minimum is not None:
        yield f"from {_figure(minimum)}"
    elif "exclusiveMinimum" in field:
        yield f"above {_figure(field['exclusiveMinimum'])}" + (
            f", up to {_figure(maximum)}" if maximum is not None else ""
        )
    elif maximum is not None:
        yield f"up to {_figure(maximum)}"


def _shown(bound: float | None) -> float | None:
    return None if isinstance(bound, float) and abs(bound) >= WIDEST else bound


def _figure(value: float) -> str:
    return f"{value:g}" if abs(value) < 1e6 else str(value)


def _list(field: Schema) -> str:
    counts = [
        f"{bound} {field[key]}" for key, bound in (("minItems", "at least"), ("maxItems", "at most")) if key in field
    ]
    return f"list of {kind(field['items'])}" + (f" ({', '.join(counts)})" if counts else "")


def _mapping(field: Schema) -> str:
    values = field.get("additionalProperties")
    names = field.get("propertyNames", {}).get("enum", ())
    prefix = f"by {', '.join(f'`{name}`' for name in names)}: " if names else "by name: "
    return prefix + (kind(values) if isinstance(values, Mapping) else "any value")


_PLAIN: Mapping[str, Callable[[Schema], str]] = {
    "string": _text,
    "integer": _number,
    "number": _number,
    "boolean": lambda _: "`true` or `false`",
    "array": _list,
    "object": _mapping,
}


def _default(field: Schema) -> str:
    default = field.get("default")
    if default in (None, [], {}) or isinstance(default, dict):
        return "–"
    if isinstance(default, list):
        return ", ".join(f"`{value}`" for value in default)
    if isinstance(default, float):
        return f"`{_figure(default)}`"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _sentence(field: Schema) -> str:
    """The field's description with a capital, unless it begins with one of the field's own values."""
    text = str(field.get("description", "")).strip().rstrip(".")
    values = {"true", "false", "none", *map(str, field.get("enum", ()))}
    first_word = re.split(r"[ :,;]", text, maxsplit=1)[0]
    return text if first_word in values else text[:1].upper() + text[1:]


PARTS: Mapping[str, str] = {
    "album": "AlbumFile",
    "defaults": "DefaultsFile",
    "songs": "SongFile",
    "seeds": "SeedRange",
    "adapters": ADAPTER,
    "credits": "CreditFile",
    "selection": "Policy",
    "mastering": "MasteringSpec",
    "compression": "Compression",
    "limiter": "Limiting",
    "effects": "Effects",
    "reverb": "Reverb",
    "echo": "Echo",
    "wav": "WavFile",
    "licences": "LicenceFile",
    "limit": "Limit",
    "album-choice": "AlbumChoice",
    "taste": "TasteTerm",
}
"""The schema part of each table in the page, by the table's name."""

ALIKE: Mapping[str, str] = {part: ADAPTER for part in ADAPTERS if part != ADAPTER}
"""Parts of an engine that are the same as another's, whose table describes them all."""

BLOCKS: Mapping[str, Callable[[], str]] = {
    "file": partial(fields_of, ""),
    **{name: partial(fields_of, part) for name, part in PARTS.items()},
    **{f"settings-{engine}": partial(engine_settings, engine) for engine in ENGINES},
}
"""Every table of the page; a test fails where an engine or a part of the schema has none."""
