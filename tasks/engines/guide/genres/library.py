"""The guide's own genres, and genre files of users."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from catalog.common.digests import Json
from catalog.common.errors import InputError
from tasks.engines.guide.genres.schema import Genre

GENRES = ("pop", "rock", "house", "trap", "soul", "jazz", "folk", "ballad")
"""In the order in which equally fitting ones are preferred."""

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
        remedy = "Compare it with a genre file of the guide; docs/engines.md describes the format"
        raise InputError(f"{place or 'the genre'}: {first['msg']}", remedy=remedy) from error
