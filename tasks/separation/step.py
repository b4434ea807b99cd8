"""The step ``separate`` as the ledger runs it."""

from __future__ import annotations

from collections.abc import Callable

from catalog.recipe import Recipe
from catalog.settings import Settings
from catalog.work import Outcome, Product
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.separation.base import Separator
from tasks.separation.native import NativeSeparator, null_dbfs
from tasks.steps import StepContext

SEPARATORS: dict[str, Callable[[Settings], Separator]] = {"native": NativeSeparator}
"""Model name to what makes its separator from the settings."""


def separate(context: StepContext) -> Outcome:
    """The stems of a winner as float WAV, one product for each."""
    parameters = context.request.parameters
    mix = read_audio(context.input("audio"))
    recipe = Recipe.from_document(parameters["recipe"]) if parameters["recipe"] else None
    stems = SEPARATORS[parameters["model"]](context.house.settings).separate(mix, recipe)
    products: list[Product] = []
    for name, stem in stems.items():
        path = context.scratch / f"{name}.wav"
        write_wav(path, stem, subtype="FLOAT")
        products.append(Product(name, path, "audio/wav", sample_digest(stem)))
    return Outcome({"null_dbfs": null_dbfs(mix, stems), "stems": list(stems)}, tuple(products))
