"""The step ``embed`` as the ledger runs it: a prompt or a reference becomes the vector that conditions renders."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from catalog.common.digests import Json
from catalog.common.errors import MachineError
from catalog.ledger.work import Product, StepOutcome
from tasks.audio.files import read_audio
from tasks.steps.run_step import StepContext
from tasks.style.mulan.mulan import MuLan, shared_mulan
from tasks.style.mulan.vector import MEDIA_TYPE, Style, write_style
from tasks.style.mulan.window import middle_window
from tasks.style.reference.inspection import inspect


def embed(context: StepContext) -> StepOutcome:
    """The vector of the parameter ``text``, or of the input ``audio`` where there is one, as the product ``style``.

    The parameter ``model`` names the registered model and the digests of its files. It runs on the CPU and leaves the
    GPU to the engine. The result holds the vector's ``norm``, and for audio the ``window`` that was used and the
    ``findings`` of the inspection. Raises MachineError where the installed model is not the requested one.
    """
    mulan = _model(context)
    if "audio" in context.request.inputs:
        style, facts = _of_audio(mulan, context)
    else:
        style, facts = mulan.text(context.request.parameters["text"]), {}
    path = context.scratch / "style.npy"
    write_style(path, style)
    return StepOutcome({"norm": float(np.linalg.norm(style)), **facts}, (Product("style", path, MEDIA_TYPE),))


def _of_audio(mulan: MuLan, context: StepContext) -> tuple[Style, dict[str, Json]]:
    path = context.input("audio")
    findings = [asdict(finding) for finding in inspect(path)]
    audio = read_audio(path)
    start_s, end_s = middle_window(audio.duration_s)
    return mulan.clip(audio), {"window": {"start_s": start_s, "end_s": end_s}, "findings": findings}


def _model(context: StepContext) -> MuLan:
    model_request = context.request.parameters["model"]
    installed_model = context.catalog.models.need(model_request["name"])
    if dict(installed_model.digests) != dict(model_request["digests"]):
        raise MachineError(
            f"{model_request['name']} is installed here with other files than the plan names",
            remedy="Pull the same model on every machine, or render again to plan it again",
        )
    return shared_mulan(installed_model.folder)
