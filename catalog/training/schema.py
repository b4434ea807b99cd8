"""The schema of a training's manifest: field names, types and bounds, and its JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from catalog.common.digests import Json
from catalog.common.slugs import slug
from catalog.manifest.fields import FilePath, Id, Language, Prompt, Seed, fault
from catalog.manifest.schema import MAX_LYRICS_CHARACTERS, FileModel
from catalog.models.spec import Name as ModelName

MAX_SONGS = 500
MAX_HELD_OUT = 0.5
DEFAULT_BASE = "diffrhythm-1.2-base"
Layer = Literal["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LAYERS: tuple[Layer, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of every transformer layer, which an adapter may change."""

AUDIO_STYLE = "audio"
"""Value of ``style`` for a song whose style vector is made from its own audio."""


def _licence_id(text: str) -> str:
    if not text.isascii() or not all(character.isalnum() or character in ".-+" for character in text):
        raise fault(f"{text[:40]!r} is not the id of a licence", "Write one such as 'CC-BY-4.0'")
    return text


def _each_once(layers: list[Layer]) -> list[Layer]:
    if len(set(layers)) != len(layers):
        raise fault("a layer occurs twice", "Name each of them once")
    return layers


def _own_files(prompts: list[str]) -> list[str]:
    """Previews are named after their prompts."""
    if len({slug(prompt, fallback="preview") for prompt in prompts}) != len(prompts):
        raise fault("two prompts would be written to the same file", "Let them differ in a letter or a number")
    return prompts


def _hold_out_form(value: Any) -> str:
    return "(names)" if isinstance(value, list) else "(share)"


HoldOut = Annotated[
    Annotated[float, Field(ge=0, le=MAX_HELD_OUT), Tag("(share)")]
    | Annotated[list[str], Field(min_length=1, max_length=MAX_SONGS), Tag("(names)")],
    Discriminator(_hold_out_form),
]
FORMS = frozenset({"(share)", "(names)"})
"""Steps of Pydantic's locations that are no fields: the forms of ``hold_out``."""


class TrainingSongFile(FileModel):
    """One song to learn from: a recording, its words and how it sounds."""

    name: Id | None = Field(None, description="The song's name, in reports and in `hold_out`; left out: the file's.")
    audio: FilePath = Field(description="The recording, relative to this file: WAV, FLAC, MP3, OGG …")
    lyrics: str | None = Field(
        None,
        max_length=MAX_LYRICS_CHARACTERS,
        description="LRC: a file's name, or the text itself after |. Left out: a song without words.",
    )
    language: Language = Field("en", description="Language of the lyrics.")
    prompt: Prompt | None = Field(None, description="How it sounds, in words as in an album's manifest.")
    style: FilePath | None = Field(
        None, description="A style vector (.npy) in place of a prompt, or `audio`: the style of the recording itself."
    )


class ParametersFile(FileModel):
    """How the adapter is trained. The defaults suit ten to a hundred songs of one sound."""

    rank: int = Field(16, ge=1, le=256, description="Size of the adapter; 64 learns more and forgets more.")
    alpha: float | None = Field(None, gt=0, le=1024, description="Scale of the adapter; left out: the rank.")
    targets: Annotated[list[Layer], AfterValidator(_each_once)] = Field(
        list(LAYERS), min_length=1, max_length=len(LAYERS), description="The linear layers that it changes."
    )
    steps: int = Field(2000, ge=1, le=1_000_000, description="The most optimiser steps; it stops earlier by itself.")
    batch: int = Field(1, ge=1, le=64, description="Songs learned from at once.")
    accumulation: int = Field(4, ge=1, le=256, description="How many batches one optimiser step learns from.")
    learning_rate: float = Field(1e-4, gt=0, le=0.1, description="For rank 64, half of the default.")
    warm_up: int = Field(50, ge=0, le=100_000, description="Steps over which the learning rate grows.")
    weight_decay: float = Field(0.01, ge=0, le=1, description="AdamW's weight decay.")
    clip: float = Field(1.0, gt=0, le=1000, description="The largest norm of a gradient.")
    ema: float = Field(0.99, ge=0, lt=1, description="Decay of the averaged adapter, which is the one delivered.")
    drop_words: float = Field(0.2, ge=0, le=1, description="Share of items that are learned without their words.")
    drop_style: float = Field(0.2, ge=0, le=1, description="Share of items that are learned without their style.")
    crop_frames: int = Field(2048, ge=16, le=2048, description="Latent frames of one item; 2048 are 95 s.")
    evaluate_every: int = Field(100, ge=1, le=100_000, description="Steps between two readings of the held-out loss.")
    patience: int = Field(5, ge=1, le=1000, description="Readings without an improvement after which it stops.")
    improvement: float = Field(0.002, ge=0, le=1, description="The least share that counts as an improvement.")
    seed: Seed = Field(0, description="Decides the order of the songs, the crops and the noise.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="What the network calculates in; auto: bfloat16 on a GPU, float32 without."
    )
    rope: Literal["float16", "exact"] = Field(
        "float16", description="Rotary and position tables as they will be used when rendering."
    )


class PreviewsFile(FileModel):
    """What the adapter is asked to sing while it is trained, so that overfitting is heard."""

    prompts: Annotated[list[Prompt], AfterValidator(_own_files)] | None = Field(
        None, min_length=1, max_length=4, description="Left out: the prompts of the first two songs that have one."
    )
    every: int = Field(0, ge=0, le=1_000_000, description="Steps between two previews; 0: only of the result.")
    seed: Seed = Field(1, description="Seed of every preview.")
    steps: int = Field(32, ge=8, le=128, description="Points of the sampler's time grid.")


class TrainingFile(FileModel):
    """A sound to be trained: the songs that it is learned from, the rights to them, and how."""

    schema_version: Literal[1] = Field(1, description="Version of this format.")
    name: ModelName | None = Field(None, description="The adapter's name among the models; left out: the file's.")
    base: str = Field(DEFAULT_BASE, max_length=64, description="The network that the adapter is for.")
    rights: Prompt = Field(description="Who owns the recordings and what they allow; kept in the lineage.")
    commercial: bool = Field(False, description="true: these rights allow commercial albums to use the adapter.")
    licence: Annotated[str, Field(min_length=1, max_length=60), AfterValidator(_licence_id)] | None = Field(
        None, description="Id of the licence of the adapter; left out: that of recordings of your own."
    )
    hold_out: HoldOut = Field(
        0.1, description="Share of the songs, or their names, that are listened to and never learned from."
    )
    songs: list[TrainingSongFile] = Field(min_length=1, max_length=MAX_SONGS, description="The songs.")
    training: ParametersFile = Field(ParametersFile(), description="How the adapter is trained.")
    previews: PreviewsFile = Field(PreviewsFile(), description="What is rendered to hear how far it is.")


MODELS: Mapping[str, type[FileModel]] = {"training": ParametersFile, "previews": PreviewsFile}
"""The models of the blocks of a manifest, by field."""


def training_json_schema() -> dict[str, Json]:
    """JSON Schema (2020-12) of a training's manifest."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Songline training manifest"}
    return head | {name: part for name, part in TrainingFile.model_json_schema().items() if name != "title"}
