"""Which models an album needs, told from its manifest alone."""

from __future__ import annotations

from catalog.album import Album
from catalog.licences import Use, refusals, refused
from catalog.model_store import ModelStore
from catalog.policy import Policy
from catalog.settings import Settings
from tasks.engines.registry import get_engine
from tasks.scoring.registry import judges_for
from tasks.separation.names import STEM_MODELS


def refuse_licences(album: Album, policy: Policy, settings: Settings) -> None:
    """Raise LicenceRefused where the album is commercial and the licence of a model that it needs forbids that."""
    if not album.commercial:
        return
    models = ModelStore(settings.models_path, table=settings.models_table)
    uses = model_uses(album, policy, settings)
    specs = {use.model: models.spec(use.model) for use in uses}
    if found := refusals(uses, specs, commercial=True, agreements=album.licences):
        raise refused(found)


def model_uses(album: Album, policy: Policy, settings: Settings) -> tuple[Use, ...]:
    """The models of the registry that an album needs, and what for, each once."""
    used = [use for song in album.songs for use in get_engine(song.engine, settings).uses(song)]
    used += [Use(model, "judges") for judge in judges_for(policy.named) for model in judge.models]
    if album.stems in STEM_MODELS:
        used.append(Use(album.stems, "separates"))
    return tuple(dict.fromkeys(used))
