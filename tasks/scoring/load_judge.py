"""Load a judge: a scorer that uses models of the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.common.digests import Json
from catalog.common.settings import Settings
from catalog.models.store import InstalledModel, ModelStore
from tasks.scoring.base import Scorer
from tasks.scoring.registry import judge_named

if TYPE_CHECKING:
    from tasks.audio.audio import Audio

_LOADED: dict[tuple[object, ...], Any] = {}
"""The loaded models, by the judge's class, the folders of its models (named after their content) and the device. A
policy that names several judges uses them in turn for every candidate, so none is released."""


def load_judge(judge_document: Mapping[str, Json], settings: Settings, reference: Audio | None) -> Scorer:
    """The judge that a request names, with its models, which stay loaded in this process.

    Raises ModelMissing, MachineError for a missing package or a damaged file, and WorkError where the installed models
    are not those that the request was planned with.
    """
    judge = judge_named(judge_document["name"])
    models = ModelStore(settings.models_path, table=settings.models_table).need_all(judge.models)
    for model, identity in zip(models, judge_document["models"], strict=True):
        model.require_identity(identity)
    kind = judge.kind()
    scorer: Scorer = kind(_listening(kind, models, settings), reference)
    return scorer


def _listening(kind: Any, models: Sequence[InstalledModel], settings: Settings) -> Any:
    key = (kind, tuple(model.folder for model in models), settings.device_here)
    if key not in _LOADED:
        _LOADED[key] = kind.load(models, settings)
    return _LOADED[key]
