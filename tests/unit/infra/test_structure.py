"""The shape of the code: small folders, short modules, packages that say what they own, and the field's words."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.longest_files import LONGEST
from tests.support.places import ROOT

PACKAGES = ("catalog", "db", "flows", "infra", "tasks")
MOST_MODULES = 14
MOST_LINES = 300

INSTEAD = {
    "house": "catalog, installation",
    "foreman": "coordinator",
    "desk": "dispatcher, diagnostics",
    "parcel": "shard",
    "purse": "budget",
    "circumstances": "execution environment",
    "courses": "chroma sequence",
    "wish": "request, options",
    "shelf": "buffer",
    "bag": "ensemble",
    "teller": "explainer",
    "tidings": "messages, report",
    "errand": "task, request",
    "haste": "speed, timeout",
    "fruitless": "without progress",
    "mend": "repair, correct",
    "mended": "repaired, corrected",
    "owed": "remaining, missing",
    "outlook": "forecast",
}
"""Words that were private to this code, and what is said instead. They do not come back."""

THEIR_OWN = {
    "house": ("tasks/style/prompt/vocabulary.py", "docs/manifest.md", "docs/engines.md"),  # a genre
    "desk": (
        "tasks/engines/guide/sound/mix.py",  # a mixing desk
        "tasks/delivery/package/views.py",
        "flows/desk/",  # the command of this name
        "flows/cli/album_commands.py",
        "docs/desk.md",
        "docs/working-day.md",
        "docs/security.md",
        "docs/selection.md",
        "docs/cli.md",
        "docs/architecture.md",
        "docs/README.md",
        "README.md",
    ),
    "shelf": (  # a filter
        "tasks/audio/metering/loudness.py",
        "tasks/engines/guide/sound/blocks.py",
        "tasks/engines/guide/sound/mix.py",
        "tasks/engines/guide/sound/tone.py",
        "tasks/engines/guide/sound/vocals.py",
        "tasks/engines/guide/sound/width.py",
        "tasks/engines/guide/voice/level.py",
        "tasks/enhancement/air.py",
        "tasks/mastering/processors/equaliser.py",
        "docs/finishing.md",
    ),
    "bag": (  # Demucs's word for an ensemble, and SoundFont's for a list of generators
        "tasks/separation/demucs/ensemble.py",
        "tasks/separation/demucs/chunks.py",
        "tasks/engines/guide/sound/fonts/soundfont.py",
    ),
}
"""Files, and folders that end with a slash, in which a word is the field's own."""


def modules() -> list[Path]:
    return [
        path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")) if "versions" not in path.parts
    ]


def modules_of_tests() -> list[Path]:
    return sorted((ROOT / "tests").rglob("*.py"))


def words_of(source: str) -> Iterator[str]:
    """The words of names, docstrings and comments; other strings are what users read or what is stored."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        is_prose = token.type == tokenize.COMMENT or (token.type == tokenize.STRING and token.string.startswith('"""'))
        if token.type == tokenize.NAME or is_prose:
            yield from (word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", token.string))


def test_no_folder_holds_more_modules_than_a_person_sees_at_once() -> None:
    counted = Counter(path.parent for path in modules() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): count for folder, count in counted.items() if count > MOST_MODULES} == {}


def test_no_module_is_long() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines())
        for path in [*modules(), *modules_of_tests()]
    }
    assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_package_says_what_it_owns() -> None:
    packages = [path for path in modules() if path.name == "__init__.py"]
    assert [
        str(path.relative_to(ROOT)) for path in packages if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ] == []


@cache
def words_by_file() -> dict[str, frozenset[str]]:
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    words = {path: frozenset(words_of(path.read_text("utf-8"))) for path in modules()}
    words |= {path: frozenset(re.findall(r"[a-z]+", path.read_text("utf-8").lower())) for path in pages}
    return {path.relative_to(ROOT).as_posix(): found & INSTEAD.keys() for path, found in words.items()}


@pytest.mark.parametrize("word", INSTEAD)
def test_private_words_do_not_come_back(word: str) -> None:
    files = {path for path, words in words_by_file().items() if word in words}
    own = THEIR_OWN.get(word, ())
    others = {
        path for path in files if not any(path == place or path.startswith(f"{place.rstrip('/')}/") for place in own)
    }
    assert others == set(), f"say {INSTEAD[word]}"


def test_the_files_that_run_first_are_there() -> None:
    assert [name for name in LONGEST if not (ROOT / name).is_file()] == []
