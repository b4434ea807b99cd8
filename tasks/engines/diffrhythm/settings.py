"""The settings of a manifest for DiffRhythm, and the values resolved from them before rendering."""

from __future__ import annotations

from typing import Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
)

from catalog.common.digests import Json
from catalog.common.settings import Settings
from tasks.engines.adapters.setting import MAX_ADAPTERS, AdapterSetting, each_once

Precision = Literal["float32", "bfloat16", "float16"]
Weights = Literal["full", "int8", "fp8"]
"""Forms of the layers' matrices."""

BASE_MODEL = "diffrhythm-1.2-base"
FULL_MODEL = "diffrhythm-1.2-full"
VAE_MODEL = "diffrhythm-vae"
DATA_MODEL = "diffrhythm-data"
CHINESE_MODEL = "diffrhythm-chinese"
NEGATIVE_STYLE_FILE = "vocal.npy"

MIN_STEPS, MAX_STEPS = 8, 128


class DiffRhythmSettings(BaseModel):
    """The settings of a song; left out, they are the published ones."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    model: str = Field(
        "auto", max_length=64, description="A model of the registry; auto: base for 95 s, full for 96 to 285 s"
    )
    steps: int = Field(32, ge=MIN_STEPS, le=MAX_STEPS, description="Points of the sampler's time grid")
    cfg_strength: float = Field(
        4.0, ge=0, le=10, description="How strongly words and style are enforced; 0: not at all"
    )
    sway: float = Field(0.0, ge=-1, le=1, description="Sway of the time grid; -1 suits few steps, 0 is even")
    style_from: Literal["auto", "prompt", "reference", "file"] = Field(
        "auto", description="Where the style comes from; auto: the style file, else the reference, else the prompt"
    )
    negative_style: Literal["published", "none"] = Field(
        "published", description="The style that guidance leads away from: the model's own, or none"
    )
    negative_prompt: str | None = Field(
        None,
        min_length=1,
        max_length=2000,
        description="A style in words to lead away from, in place of negative_style",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Precision of the network; auto: bfloat16 on a GPU and on a CPU that has it, float32 on others",
    )
    weights: Weights = Field(
        "full",
        description="Form of the layers' matrices; int8 and fp8 take a quarter of float32's memory",
    )
    vae: Literal["chunked", "whole"] = Field(
        "chunked", description="How latents become sound; whole has no seams and takes 14 GB and more"
    )
    vae_dtype: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto", description="Precision of the decoder; auto: float16 on a GPU, float32 without"
    )
    rope: Literal["float16", "exact"] = Field(
        "float16", description="Rotary and position tables rounded as the model was published, or exact"
    )
    ema: bool = Field(False, description="Use the averaged weights of a training checkpoint")
    compile: bool = Field(False, description="Compile the network; the samples then differ by rounding")
    lyrics: Literal["careful", "original"] = Field(
        "careful", description="careful keeps every line; original drops what the published code drops"
    )
    adapters: list[AdapterSetting] = Field(
        [], max_length=MAX_ADAPTERS, description="LoRA adapters: `{model: my-style, weight: 0.8}`; their changes add up"
    )

    @field_validator("adapters")
    @classmethod
    def _each_once(cls, adapters: list[AdapterSetting]) -> list[AdapterSetting]:
        return each_once(adapters)

    @model_serializer(mode="wrap")
    def _without_new_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Json]:
        """Albums of older versions keep their stored settings, and those without the newer ones have none of them."""
        document: dict[str, Json] = serialise(self)
        unset = {"adapters": [], "weights": "full"}
        return {name: value for name, value in document.items() if name not in unset or value != unset[name]}

    def network_dtype(self, settings: Settings) -> Precision:
        """The precision of the network, decided when planning for the device that renders.

        On a CPU int8 stands beside float32: it is for processors without bfloat16, and nearer to full precision so.
        """
        if self.dtype != "auto":
            return self.dtype
        if settings.device_of_renders == "cuda" or self.weights == "fp8":
            return "bfloat16"
        return "float32" if self.weights == "int8" else settings.dtype_on_cpu

    def decoder_dtype(self, settings: Settings) -> Precision:
        """The precision of the decoder, decided in the same way."""
        if self.vae_dtype != "auto":
            return self.vae_dtype
        return "float16" if settings.device_of_renders == "cuda" else "float32"
