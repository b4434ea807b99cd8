"""How a manifest names LoRA adapters."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MAX_ADAPTERS, MAX_ADAPTER_WEIGHT = 8, 2.0


class AdapterSetting(BaseModel):
    """One LoRA adapter of a song."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    model: str = Field(max_length=64, description="An adapter of the registry: `songline models list` shows them")
    weight: float = Field(
        1.0,
        ge=-MAX_ADAPTER_WEIGHT,
        le=MAX_ADAPTER_WEIGHT,
        description="How strongly it counts; 0 changes nothing, below 0 leads away from it",
    )


def each_once(adapters: list[AdapterSetting]) -> list[AdapterSetting]:
    """The adapters. Raises ValueError where one is named twice."""
    names = [adapter.model for adapter in adapters]
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"{twice[0]} is named twice")
    return adapters
