"""Every kind of step: its revision and the function that runs it, by name so that its code is not loaded.

A revision is raised when the same request would give another result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from catalog.common.digests import Json
from catalog.ledger.work import StepRequest


@dataclass(frozen=True, slots=True)
class StepKind:
    """One kind of step. ``worker`` is the function that runs it, as ``module:function``.

    A step ``on_device`` loads a model, so it runs in the process that keeps models loaded.
    """

    revision: int
    worker: str
    on_device: bool = False


# The revision of ``select`` was not raised when just-noticeable steps were added: existing decisions are not made
# again, so that an upgrade never changes the winner of a finished album. Later decisions use them and record this under
# ``just_noticeable``.
STEP_KINDS: Mapping[str, StepKind] = {
    "score": StepKind(2, "tasks.scoring.step:score"),
    "embed": StepKind(1, "tasks.style.step:embed", on_device=True),
    "judge": StepKind(2, "tasks.scoring.step:judge", on_device=True),
    "select": StepKind(2, "tasks.scoring.step:select"),
    "choose": StepKind(1, "tasks.scoring.album_step:choose_takes"),
    "enhance": StepKind(1, "tasks.enhancement.step:enhance"),
    "level": StepKind(2, "tasks.mastering.step:level"),
    "master": StepKind(1, "tasks.mastering.step:master"),
    "accept": StepKind(1, "tasks.acceptance.step:accept"),
    "album_level": StepKind(1, "tasks.delivery.album_level:album_level"),
    "version": StepKind(1, "tasks.mastering.step:version"),
    "separate": StepKind(1, "tasks.separation.step:separate"),
    "demix": StepKind(1, "tasks.separation.step:demix", on_device=True),
    "resample": StepKind(1, "tasks.separation.resampling:resample_stems"),
    "draw": StepKind(1, "tasks.delivery.step:draw"),
    "encode": StepKind(2, "tasks.delivery.step:encode"),
    "pack": StepKind(3, "tasks.delivery.package.pack:pack"),
    "train_latent": StepKind(1, "tasks.training.steps.encode:train_latent", on_device=True),
    "train": StepKind(1, "tasks.training.steps.train:train", on_device=True),
    "preview": StepKind(1, "tasks.training.steps.preview:preview", on_device=True),
}


def request(kind: str, parameters: Mapping[str, Json], inputs: Mapping[str, str] | None = None) -> StepRequest:
    """A request of ``kind`` at its current revision."""
    return StepRequest(kind, STEP_KINDS[kind].revision, parameters, inputs or {})
