"""The guide's own genres, and genre files of users."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from catalog.common.digests import Json
from catalog.common.errors import InputError
from tasks.engines.guide.genres.schema import Genre

GENRES = ("pop", "rock", "house", "trap", "soul", "jazz", "folk", "ballad")
"""In the order in which equally fitting ones are preferred."""

AUTO = "auto"
GENRE_SCHEMA: Mapping[str, Json] = {
    "anyOf": [{"type": "string", "enum": [AUTO, *GENRES]}, {"type": "string", "pattern": r"\.toml$", "maxLength": 4096}]
}
"""The setting as a manifest states it: a name, or the name of a file."""

_FOLDER = Path(__file__).parent


@cache
def genre(name: str) -> Genre:
    """One of the guide's own genres. Raises KeyError for a name that is none."""
    if name not in GENRES:
        raise KeyError(name)
    return genre_from(tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8")))


def genre_from(document: Json) -> Genre:
    """A genre from plain JSON, as a recipe holds one. Raises InputError naming the first field that does not fit."""
    try:
        return Genre.model_validate_json(json.dumps(document))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        remedy = "Compare it with a genre file of the guide; the page on engines describes them"
        raise InputError(f"{place or 'the genre'}: {message}", remedy=remedy) from error


def known_genre(value: Json) -> Json:
    """A setting's value: ``auto``, the name of a genre, or a whole genre with all its defaults filled in.

    Raises PydanticCustomError where it is none of them.
    """
    if isinstance(value, Mapping):
        try:
            return genre_from(value).document()
        except InputError as error:
            raise PydanticCustomError("songline", "{what}", {"what": error.what, "remedy": error.remedy}) from error
    if value in (AUTO, *GENRES):
        return value
    what = f"{str(value)[:40]!r} is no genre: the guide has {', '.join(GENRES)}"
    remedy = "Write one of them, auto, or the name of a genre file that ends in .toml"
    raise PydanticCustomError("songline", "{what}", {"what": what, "remedy": remedy})
