"""Reading a manifest with the names that this installation's plug-ins bring. Opens no catalog and loads no engine."""

from __future__ import annotations

from pathlib import Path

from catalog.album import Album
from catalog.manifest import Vocabulary, load_manifest
from catalog.settings import Settings
from tasks.delivery.deliverables import deliverable_names
from tasks.engines.registry import ENGINES, get_engine
from tasks.scoring.registry import metric_specs

STEM_MODELS = frozenset({"none", "native"})


def vocabulary(settings: Settings) -> Vocabulary:
    """The names a manifest may use on this installation."""
    return Vocabulary(
        engines={name: get_engine(name).settings_model for name in ENGINES},
        metrics=metric_specs(),
        deliverables=frozenset(deliverable_names()),
        stem_models=STEM_MODELS,
        default_engine=settings.engine,
    )


def read_album(path: Path, settings: Settings) -> Album:
    """The checked album of a manifest. Raises ManifestError with every fault."""
    return load_manifest(path, vocabulary(settings))
