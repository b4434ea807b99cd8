"""The registry of engines: one line each, imported only when needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType

from catalog.common.errors import InputError
from catalog.common.settings import Settings
from tasks.engines.base import Engine

ENGINES: Mapping[str, str] = MappingProxyType(
    {
        "guide": "tasks.engines.guide.engine:GuideEngine",
        "diffrhythm": "tasks.engines.diffrhythm.engine:DiffRhythmEngine",
        "acestep": "tasks.engines.acestep.engine:AceStepEngine",
    }
)
"""Engine name to ``module:class`` of its light half, which is created from the settings."""


def get_engine(name: str, settings: Settings) -> Engine:
    """The light half of the engine ``name``. Raises InputError for a name that is not registered."""
    if name not in ENGINES:
        raise InputError(f"There is no engine named {name}", remedy=f"Use one of: {', '.join(sorted(ENGINES))}")
    module, _, attribute = ENGINES[name].partition(":")
    engine: Engine = getattr(import_module(module), attribute)(settings)
    return engine
