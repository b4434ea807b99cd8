"""The settings of a manifest for ACE-Step, and the values resolved from them before rendering."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from catalog.common.settings import Settings
from tasks.engines.acestep.names import NETWORK_PREFIX, Variant, is_turbo
from tasks.engines.adapters.setting import MAX_ADAPTERS, AdapterSetting, each_once

Precision = Literal["float32", "bfloat16", "float16"]

TURBO_STEPS, MAX_TURBO_STEPS = 8, 20
STEPS, MIN_STEPS, MAX_STEPS = 50, 8, 100
GUIDANCE = 7.0


class AceStepSettings(BaseModel):
    """The settings of a song; left out, they are the published ones."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    model: Variant = Field("turbo", description="The network; xl ones are larger, turbo ones need few steps")
    steps: int | None = Field(
        None,
        ge=1,
        le=MAX_STEPS,
        description=f"Steps of the sampler: 1 to {MAX_TURBO_STEPS} for turbo (left out: {TURBO_STEPS}), "
        f"{MIN_STEPS} to {MAX_STEPS} for others (left out: {STEPS})",
    )
    guidance: float | None = Field(
        None,
        ge=1,
        le=15,
        description=f"How strongly words and style are enforced; left out: {GUIDANCE:g}. Turbo takes none",
    )
    shift: float = Field(3.0, ge=1, le=5, description="How many of the steps are spent on the noisy end; 1 is even")
    time_signature: Literal[2, 3, 4, 6] | None = Field(
        None, description="Beats of a bar; left out, the model chooses for each seed"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto",
        description="Precision of the network; auto: bfloat16 on a GPU and on a CPU that has it, float32 on others",
    )
    vae_dtype: Literal["float32", "float16", "bfloat16"] = Field("float32", description="Precision of the decoder")
    adapters: list[AdapterSetting] = Field(
        [], max_length=MAX_ADAPTERS, description="LoRA adapters: `{model: my-style, weight: 0.8}`; their changes add up"
    )

    @field_validator("adapters")
    @classmethod
    def _each_once(cls, adapters: list[AdapterSetting]) -> list[AdapterSetting]:
        return each_once(adapters)

    @model_validator(mode="after")
    def _suits_the_model(self) -> Self:
        low, high = (1, MAX_TURBO_STEPS) if is_turbo(self.model) else (MIN_STEPS, MAX_STEPS)
        if self.steps is not None and not low <= self.steps <= high:
            raise ValueError(f"the model {self.model} takes {low} to {high} steps, not {self.steps}")
        if self.guidance is not None and is_turbo(self.model):
            raise ValueError(f"the model {self.model} takes no `guidance`: it is part of its weights")
        return self

    @property
    def network(self) -> str:
        """The registry's name of the network."""
        return f"{NETWORK_PREFIX}{self.model}"

    @property
    def sampler_steps(self) -> int:
        """The steps, or the published number of them."""
        return self.steps or (TURBO_STEPS if is_turbo(self.model) else STEPS)

    @property
    def sampler_guidance(self) -> float | None:
        """The guidance; None for a network that takes none."""
        if is_turbo(self.model):
            return None
        return GUIDANCE if self.guidance is None else self.guidance

    def network_dtype(self, settings: Settings) -> Precision:
        """The precision of the network, decided when planning for the device that renders."""
        if self.dtype != "auto":
            return self.dtype
        return "bfloat16" if settings.device_of_renders == "cuda" else settings.dtype_on_cpu
