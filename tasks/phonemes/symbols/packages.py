"""The packages needed only for reading lyrics, imported when first used and named where they are missing."""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from functools import cache
from types import ModuleType

from catalog.common.errors import MachineError


@cache
def package(name: str) -> ModuleType:
    """A module of a package, imported now. Raises MachineError naming the extra that provides it."""
    with warnings.catch_warnings():
        # jieba's sources have escapes that newer Pythons warn about, and it imports pkg_resources, which is deprecated
        for category in (DeprecationWarning, SyntaxWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        try:
            return importlib.import_module(name)
        except ImportError as error:
            problem = f"The package {name.partition('.')[0]} is needed to read these lyrics and cannot be imported"
            raise MachineError(problem, remedy="Install songline[diffrhythm]") from error


@cache
def version(name: str) -> str:
    """The installed version of a package, for the recipe."""
    package(name)
    return importlib.metadata.version(name)
