"""A song's inputs for this engine: which checkpoint, how many frames, and the sources of its styles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.digests import Json
from catalog.common.errors import InputError, SonglineError
from catalog.lyrics.languages import language_code
from catalog.models.store import InstalledModel, ModelStore
from tasks.engines.adapters.stated import adapter_notices, without_effect
from tasks.engines.base import RenderInput
from tasks.engines.diffrhythm.lyrics.timing import frames_of, is_base
from tasks.engines.diffrhythm.settings import BASE_MODEL, FULL_MODEL, NEGATIVE_STYLE_FILE, DiffRhythmSettings
from tasks.style.prompt.advice import embedded_text
from tasks.style.requests import embed_audio, embed_text

BUILT_IN = (BASE_MODEL, FULL_MODEL)
Source = Literal["file", "reference", "prompt"]


SOURCE_FIELDS: Mapping[Source, str] = {"file": "style", "reference": "reference", "prompt": "prompt"}
"""The manifest's field of each source."""


def published_for(length_s: float) -> str:
    """The published model for a length. Raises InputError where there is none."""
    frames_of(length_s)  # refuses lengths that neither model makes
    return BASE_MODEL if is_base(length_s) else FULL_MODEL


def checkpoint_for(song: Song, settings: DiffRhythmSettings, models: ModelStore) -> str:
    """The registry's name of the network that renders a song. Raises InputError where it does not suit the length."""
    published_name = published_for(song.length_s)
    if settings.model == "auto":
        return published_name
    spec = models.spec(settings.model)
    if spec.adapter is not None:
        remedy = f"Name it under `adapters: [{{model: {settings.model}, weight: 1}}]`"
        raise InputError(f"{settings.model} is an adapter, not a network", remedy=remedy)
    kind = spec.like or spec.name
    if kind not in BUILT_IN:
        raise InputError(f"{settings.model} is no DiffRhythm network", remedy=f"Use {' or '.join(BUILT_IN)}, or auto")
    if kind != published_name:
        raise InputError(
            f"{settings.model} does not render {song.length_s:g} s", remedy="Leave `model` out, or change the length"
        )
    return settings.model


def style_source(song: Song, settings: DiffRhythmSettings) -> Source:
    """The source of a song's style. Raises InputError where the requested one is missing."""
    presence: dict[Source, bool] = {
        "file": song.style is not None,
        "reference": song.reference is not None,
        "prompt": song.prompt is not None,
    }
    if settings.style_from != "auto":
        if not presence[settings.style_from]:
            field = "style" if settings.style_from == "file" else settings.style_from
            problem = f"style_from is {settings.style_from}, and the song has no {field}"
            raise InputError(problem, remedy=f"Add `{field}`, or leave `style_from` out")
        return settings.style_from
    for source, is_there in presence.items():
        if is_there:
            return source
    raise InputError("the song has no style", remedy="Add a prompt, a reference or a style vector")


def unused(song: Song, settings: DiffRhythmSettings) -> Iterator[tuple[str, str]]:
    """Fields that are set and have no effect, each with a sentence. Raises InputError without a style.

    One source gives the style; tempo and key reach the network as words of the prompt only.
    """
    source = style_source(song, settings)
    style_field = SOURCE_FIELDS[source]
    values = {"style": song.style, "reference": song.reference, "prompt": song.prompt}
    for field, value in values.items():
        if value is not None and field != style_field:
            yield (
                field,
                f"DiffRhythm does not use `{field}`: `{style_field}` gives the style; `style_from` chooses another.",
            )
    for name, figure in (("bpm", song.bpm), ("key", song.key)):
        if figure is not None and source != "prompt":
            yield (
                name,
                f"DiffRhythm gets no `{name}`, since `{style_field}` gives the style; takes are only scored by it.",
            )
    if settings.cfg_strength == 0 and settings.negative_prompt is not None:
        yield "settings.negative_prompt", "DiffRhythm does not use `negative_prompt` where `cfg_strength` is 0."
    yield from without_effect(settings.adapters)


def needs_mulan(song: Song, settings: DiffRhythmSettings) -> bool:
    """Whether a style must be embedded."""
    is_led_away = settings.negative_prompt is not None and settings.cfg_strength > 0
    return style_source(song, settings) != "file" or is_led_away


def song_text(song: Song) -> str:
    """The text that is embedded where the prompt gives the style."""
    return embedded_text(song.prompt or "", bpm=song.bpm, key=song.key)


def style_document(song: Song, settings: DiffRhythmSettings, mulan: InstalledModel | None) -> dict[str, Json]:
    """A song's style as its recipe states it; ``mulan`` where something must be embedded."""
    source = style_source(song, settings)
    if source == "file":
        return {"vector": song.style_digest}
    if source == "reference":
        return {"audio": song.reference_digest, "model": _identity(mulan)}
    return {"text": song_text(song), "model": _identity(mulan)}


def negative_document(
    settings: DiffRhythmSettings, mulan: InstalledModel | None, data: InstalledModel
) -> dict[str, Json]:
    """The negative style of guidance, in the same form; none where there is no guidance."""
    if settings.cfg_strength == 0:
        return {"fixed": "none"}
    if settings.negative_prompt is not None:
        return {"text": settings.negative_prompt, "model": _identity(mulan)}
    if settings.negative_style == "none":
        return {"fixed": "none"}
    return {"fixed": "published", "digest": data.digests[NEGATIVE_STYLE_FILE]}


def style_material(style: Mapping[str, Json]) -> RenderInput | None:
    """The input artifact with the vector of a stated style; None for one that is part of the engine."""
    if "fixed" in style:
        return None
    if "vector" in style:
        return RenderInput(digest=style["vector"])
    embed = (
        embed_text(style["text"], style["model"]) if "text" in style else embed_audio(style["audio"], style["model"])
    )
    return RenderInput(request=embed, product="style")


def faults(song: Song, settings: DiffRhythmSettings, models: ModelStore) -> Iterator[Notice]:
    """The faults of a song's fields that this engine would refuse."""
    try:
        published_for(song.length_s)
    except InputError as error:
        yield Notice("fault", "length_s", error.what, error.remedy)
    else:
        yield from _model_fault(song, settings, models)
    try:
        style_source(song, settings)
    except InputError as error:
        yield Notice("fault", "settings.style_from", error.what, error.remedy)
    if song.style is not None:
        yield from _vector_fault(song)


def adapter_warnings(song: Song, settings: DiffRhythmSettings, models: ModelStore) -> Iterator[Notice]:
    """Warnings for adapters that were trained on another network; for a song without faults."""
    yield from adapter_notices(settings.adapters, models, checkpoint_for(song, settings, models), rope=settings.rope)


def language_warning(song: Song) -> Iterator[Notice]:
    """A warning for words in other languages, which are tried: the published models were trained on two."""
    if not song.instrumental and language_code(song.language) not in ("en", "zh"):
        message = f"DiffRhythm sings English and Chinese; lyrics in {song.language!r} are read by their rules."
        yield Notice("warning", "language", message)


def _model_fault(song: Song, settings: DiffRhythmSettings, models: ModelStore) -> Iterator[Notice]:
    try:
        network = checkpoint_for(song, settings, models)
    except SonglineError as error:
        yield Notice("fault", "settings.model", error.what, error.remedy)
    else:
        yield from (
            notice
            for notice in adapter_notices(settings.adapters, models, network, rope=settings.rope)
            if notice.kind == "fault"
        )


def _vector_fault(song: Song) -> Iterator[Notice]:
    from tasks.style.mulan.vector import read_style

    if song.style is None:
        return
    try:
        read_style(song.style)
    except InputError as error:
        yield Notice("fault", "style", error.what, error.remedy)


def _identity(mulan: InstalledModel | None) -> Mapping[str, Json]:
    if mulan is None:
        raise InputError("a style must be embedded, and no model for it is named", remedy="Plan the album again")
    return mulan.identity
