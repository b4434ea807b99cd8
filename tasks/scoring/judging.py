"""Loading a judge: a scorer that listens with a model of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.digests import Json
from catalog.errors import WorkError
from catalog.model_store import ModelStore
from catalog.settings import Settings
from tasks.scoring.base import Scorer
from tasks.scoring.registry import judge_named

if TYPE_CHECKING:
    from tasks.audio.audio import Audio


def load_judge(asked: Mapping[str, Json], settings: Settings, reference: Audio | None) -> Scorer:
    """The judge that a request names, with its model, which stays loaded in this process.

    Raises ModelMissing, and WorkError where the model here is not the one that the request was planned with.
    """
    registered = judge_named(asked["name"])
    installed = ModelStore(settings.models_path, table=settings.models_table).need(str(registered.model))
    if installed.identity != asked["model"]:
        raise WorkError(
            f"the files of {registered.model} here are not those that the album was planned with",
            remedy="Plan the album again, or bring this machine's models up to date",
        )
    kind = getattr(import_module(registered.path.partition(":")[0]), registered.path.partition(":")[2])
    scorer: Scorer = kind(_model(kind, installed.folder, settings.device_here), reference)
    return scorer


@lru_cache(maxsize=2)
def _model(kind: Any, folder: Path, device: str) -> Any:
    return kind.load(folder, device=device)
