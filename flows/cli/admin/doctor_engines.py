"""What ``doctor`` says of each engine: the packages and the models that it needs."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.common.packages import missing_packages
from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from flows.cli.admin.findings import Check


def engine_needs(settings: Settings) -> Iterator[Check]:
    """For every engine that needs some: its packages, and its models by their records (``models verify`` reads their
    bytes)."""
    from tasks.engines.registry import ENGINES, get_engine

    store = ModelStore(settings.models_path, table=settings.models_table)
    yield _neural_singer()
    for name in ENGINES:
        engine = get_engine(name, settings)
        if engine.packages:
            yield _packages(name, engine.packages)
        if engine.suggested_models:
            yield _models(name, engine.suggested_models, store)


def _neural_singer() -> Check:
    from tasks.engines.guide.voice.piper import INSTALL, missing

    if names := missing():
        return Check("neural singer", "note", f"no {names}", f"Only for `singer_source: neural`: `{INSTALL}`")
    return Check("neural singer", "ok", "all here")


def _packages(engine: str, packages: tuple[str, ...]) -> Check:
    if missing_names := missing_packages(packages):
        remedy = "Not needed for guide; else run `make engine`"
        return Check(f"{engine}'s packages", "note", f"no {', '.join(missing_names)}", remedy)
    return Check(f"{engine}'s packages", "ok", "all here")


def _models(engine: str, models: tuple[str, ...], store: ModelStore) -> Check:
    missing_names = [name for name in models if store.installed(name) is None]
    if missing_names:
        description = f"{len(models) - len(missing_names)} of {len(models)} here"
        return Check(f"{engine}'s models", "note", description, f"songline models pull {' '.join(missing_names)}")
    return Check(f"{engine}'s models", "ok", f"all here, in {store.folder}")
