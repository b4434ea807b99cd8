"""The steps ``separate`` (by the engine) and ``separate_stems`` (by a model) as the ledger runs them."""

from __future__ import annotations

from collections.abc import Callable

from catalog.common.settings import Settings
from catalog.ledger.work import Product, StepOutcome
from catalog.recipe import Recipe
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.separation.base import Separator
from tasks.separation.cpu_lock import cpu_lock
from tasks.separation.demucs.separate import SeparationOptions
from tasks.separation.demucs.separate import separate_stems as separate_with_demucs
from tasks.separation.native import NativeSeparator, null_dbfs
from tasks.steps.run_step import StepContext

SEPARATORS: dict[str, Callable[[Settings], Separator]] = {"native": NativeSeparator}
"""Separators without a model of the registry, by name."""


def separate(context: StepContext) -> StepOutcome:
    """The stems of a winner as float WAV, one product for each."""
    parameters = context.request.parameters
    mix = read_audio(context.input("audio"))
    recipe = Recipe.from_document(parameters["recipe"]) if parameters["recipe"] else None
    stems = SEPARATORS[parameters["model"]](context.catalog.settings).separate(mix, recipe)
    products: list[Product] = []
    for name, stem in stems.items():
        path = context.scratch / f"{name}.wav"
        write_wav(path, stem, subtype="FLOAT")
        products.append(Product(name, path, "audio/wav", sample_digest(stem)))
    return StepOutcome({"null_dbfs": null_dbfs(mix, stems), "stems": list(stems)}, tuple(products))


def demix(context: StepContext) -> StepOutcome:
    """The stems of a winner and their residual as float WAV by a model, which stays loaded in this process.

    Raises ModelMissing, and WorkError where the installed model is not the one that the step was planned with.
    """
    parameters, settings = context.request.parameters, context.catalog.settings
    installed_model = context.catalog.models.need(parameters["model"])
    installed_model.require_identity(parameters["identity"])
    options = SeparationOptions(
        parameters["two_stems"], tuple(parameters["line_starts_s"]), instrumental=parameters.get("instrumental", False)
    )
    mix = read_audio(context.input("audio"))
    with cpu_lock(settings.home, device=settings.device_here):
        separation = separate_with_demucs(mix, installed_model, settings, options=options, folder=context.scratch)
    products = tuple(Product(file.name, file.path, "audio/wav", file.sample_digest) for file in separation.files)
    return StepOutcome(separation.figures, products)
