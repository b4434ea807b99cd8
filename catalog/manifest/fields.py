"""Types of text and number for the manifest's fields, each with its rules and the remedy where they are broken."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from catalog.album.tempo_and_key import parse_key
from catalog.common.errors import InputError
from catalog.common.text import has_control, hides, is_reserved, reorders, shows_nothing
from catalog.lyrics.languages import is_language_tag, nearest_language

MAX_SEED = 2**53 - 1
MAX_TITLE_CHARACTERS = 200
MAX_PROMPT_CHARACTERS = 2000
MAX_PATH_CHARACTERS = 500
MAX_ID_CHARACTERS = 64
MIN_LENGTH_S = 10.0
MAX_LENGTH_S = 600.0
MAX_PAUSE_S = 30.0


def fault(what: str, remedy: str) -> PydanticCustomError:
    """A validation error with its remedy; ``{value}`` is replaced by the invalid value."""
    return PydanticCustomError("songline", "{what}", {"what": what, "remedy": remedy})


def _one_line(text: str) -> str:
    """Normalises a title or a name: one line, no invisible characters at its ends, one Unicode form."""
    if has_control(text):
        raise fault("the text holds a control character or a line break", "Remove it")
    _refuse_hidden(text)
    if text != text.strip():
        raise fault("the text begins or ends with a space", "Remove the space")
    return unicodedata.normalize("NFC", text)


def _prose(text: str) -> str:
    """Normalises text that may be folded over lines, which are joined by single spaces."""
    words = " ".join(text.split())
    if not words:
        raise fault("the text is blank", "Write something or leave the field out")
    if has_control(words):
        raise fault("the text holds a control character", "Remove it")
    _refuse_hidden(words)
    return unicodedata.normalize("NFC", words)


def _refuse_hidden(text: str) -> None:
    """Raises a fault for text that is displayed differently from what it contains."""
    if reorders(text):
        problem = "the text holds a character that changes the direction of what follows"
        raise fault(problem, "Remove it; letters have their own direction")
    if shows_nothing(text):
        raise fault("the text holds nothing that can be seen", "Write something that shows")
    if hides(text):
        raise fault("the text holds a character that is not seen", "Type the text again; copied text often holds some")


def _key(text: str) -> str:
    try:
        return parse_key(text)
    except InputError as error:
        raise fault(error.what, error.remedy) from error


def _isrc(text: str) -> str:
    code = text.replace("-", "")
    if not re.fullmatch(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}", code):
        raise fault(f"{text[:40]!r} is not an ISRC", "Write it as in 'GBAYE2600001': country, registrant, year, number")
    return code


def _upc(text: str) -> str:
    code = text.replace("-", "").replace(" ", "")
    if not re.fullmatch(r"[0-9]{12,13}", code):
        raise fault(f"{text[:40]!r} is not a UPC or EAN", "Write its 12 or 13 digits, in quotes")
    # GS1 General Specifications, 7.9: digits weigh 3 and 1 in turn from the right, and the last one makes the sum a
    # multiple of ten.
    weighted_sum = sum(int(digit) * (3 if position % 2 else 1) for position, digit in enumerate(reversed(code)))
    if weighted_sum % 10:
        raise fault(f"the check digit of {code} does not fit", "Compare it with what the distributor gave")
    return code


def _id(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*", text):
        raise fault(f"{text[:40]!r} is not an id", "Use letters, digits and single hyphens, such as 'last-bus'")
    if is_reserved(text):
        raise fault(f"{text!r} is the name of a device on Windows, which no file can have", "Use another id")
    return text


def _language(text: str) -> str:
    if not is_language_tag(text):
        nearest = nearest_language(text)
        remedy = f"Did you mean {nearest!r}?" if nearest else "Write a code such as 'en', 'de' or 'pt-BR'"
        raise fault(f"{text[:40]!r} is not a language tag", remedy)
    return text


Name = Annotated[str, Field(min_length=1, max_length=MAX_TITLE_CHARACTERS), AfterValidator(_one_line)]
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS), AfterValidator(_id)]
FilePath = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARACTERS)]
Length = Annotated[float, Field(ge=MIN_LENGTH_S, le=MAX_LENGTH_S)]
Language = Annotated[str, Field(max_length=35), AfterValidator(_language)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Pause = Annotated[float, Field(ge=0, le=MAX_PAUSE_S)]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS), AfterValidator(_prose)]
Key = Annotated[str, AfterValidator(_key)]
Isrc = Annotated[str, AfterValidator(_isrc)]
Upc = Annotated[str, AfterValidator(_upc)]
