"""The registry of enhancement members; a new one is a line here and one in :mod:`tasks.enhancement.names`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from catalog.common.errors import InputError
from tasks.enhancement.base import Enhancer

PATHS: Mapping[str, str] = {
    "air": "tasks.enhancement.air:Air",
    "basic": "tasks.enhancement.basic:Basic",
}
"""Name to ``module:class``."""


def enhancer(name: str) -> Enhancer:
    """The member of that name. Raises InputError where there is none."""
    if name not in PATHS:
        raise InputError(f"there is no enhancement {name!r}", remedy=f"Use one of {', '.join(sorted(PATHS))}")
    module, _, attribute = PATHS[name].partition(":")
    member: Enhancer = getattr(import_module(module), attribute)()
    return member
