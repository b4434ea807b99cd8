"""A song's LoRA adapters: as its recipe states them, and what is doubtful about them. All from the store's records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import InputError, ModelMissing, SonglineError
from catalog.common.text import did_you_mean
from catalog.models.adapters import adapter_by_digest, adapter_used
from catalog.models.spec import AdapterFacts, ModelSpec
from catalog.models.store import ModelStore
from catalog.models.used import ModelUsed
from catalog.recipe import Recipe
from tasks.engines.adapters.setting import AdapterSetting

FIELD = "settings.adapters"


def adapters_document(chosen: Sequence[AdapterSetting], models: ModelStore) -> dict[str, Json]:
    """The adapters as inputs of a recipe, [digest, weight] each in the order given; nothing where there are none.

    Raises InputError for a model that is none, ModelMissing.
    """
    stated = [[_facts(setting, models).digest, setting.weight] for setting in chosen]
    models.need_all(setting.model for setting in chosen)
    return {"adapters": stated} if stated else {}


def adapter_notices(
    chosen: Sequence[AdapterSetting], models: ModelStore, network: str, *, rope: str | None = None
) -> Iterator[Notice]:
    """Faults of adapters that cannot be used with ``network``, and warnings for those made for something else.

    ``rope`` is the song's rounding of position tables, None for networks that have no choice of it.
    """
    for setting in chosen:
        try:
            facts = _facts(setting, models)
            if models.installed(setting.model) is None:
                raise _damaged(setting.model)
        except SonglineError as error:
            yield Notice("fault", FIELD, error.what, error.remedy)
        else:
            yield from _doubts(setting.model, facts, models, network, rope)


def adapters_of(recipe: Recipe, models: ModelStore) -> tuple[ModelUsed, ...]:
    """The adapters of a recipe as its lineage lists them."""
    stated = recipe.inputs.get("adapters", [])
    return tuple(adapter_used(models, digest).model_copy(update={"role": "generates"}) for digest, _ in stated)


def missing_adapters(recipe: Recipe, models: ModelStore) -> tuple[str, ...]:
    """The names of a recipe's adapters whose content is not installed here any more."""
    digests = [digest for digest, _ in recipe.inputs.get("adapters", [])]
    return tuple(adapter_used(models, digest).name for digest in digests if adapter_by_digest(models, digest) is None)


def adapters_in_words(song: Song, recipe: Recipe) -> dict[str, str]:
    """The adapters of a recipe as its song names them, with their weights; nothing where there are none."""
    if "adapters" not in recipe.inputs:
        return {}
    return {"adapters": ", ".join(f"{each['model']} at {each['weight']:g}" for each in song.settings["adapters"])}


def without_effect(chosen: Sequence[AdapterSetting]) -> Iterator[tuple[str, str]]:
    """Adapters that change nothing, in a sentence."""
    if names := [setting.model for setting in chosen if setting.weight == 0]:
        yield FIELD, f"The adapter {' and '.join(names)} has the weight 0 and changes nothing."


def _facts(setting: AdapterSetting, models: ModelStore) -> AdapterFacts:
    """Raises InputError for an unknown model and one that is no adapter."""
    specs = models.specs()
    if setting.model not in specs:
        models.table.refuse_name(setting.model)
        names = [name for name, spec in specs.items() if spec.adapter is not None]
        remedy = did_you_mean(setting.model, names) if names else "Run `songline models add` with its files"
        raise InputError(f"there is no adapter {setting.model!r}", remedy=remedy)
    facts = specs[setting.model].adapter
    if facts is None:
        raise InputError(f"{setting.model} is no adapter", remedy="Name a network as `model`, adapters alone here")
    return facts


def _doubts(name: str, facts: AdapterFacts, models: ModelStore, network: str, rope: str | None) -> Iterator[Notice]:
    if _is_of_another(facts, models, network):
        problem = f"{name} was trained on another network than {network}: it may sound otherwise than meant."
        yield Notice("warning", FIELD, problem)
    if facts.rope is not None and rope is not None and facts.rope != rope:
        problem = f"{name} was trained with `rope: {facts.rope}`, and the song has `rope: {rope}`."
        yield Notice("warning", FIELD, problem)


def _is_of_another(facts: AdapterFacts, models: ModelStore, network: str) -> bool:
    """Whether the adapter's base is another network: by its files where both are known, else by its kind."""
    installed = models.installed(network)
    if facts.base_digest is not None and installed is not None:
        return facts.base_digest != installed.digest
    specs = models.specs()
    return _kind(specs.get(facts.base), facts.base) != _kind(specs.get(network), network)


def _kind(spec: ModelSpec | None, name: str) -> str:
    return (spec.like if spec else None) or name


def _damaged(name: str) -> ModelMissing:
    return ModelMissing(
        f"the files of the adapter {name} are damaged or missing",
        remedy=f"Run `songline models remove {name}`, then add it again",
        models=name,
    )
