"""The models that took part in making audio, and their licences."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from catalog.common.digests import Json

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


Number = Annotated[float, Field(allow_inf_nan=False)]


class StoredPart(BaseModel):
    """A part of a stored document: frozen, without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    later: ClassVar[frozenset[str]] = frozenset()
    """Fields added after the first releases: they are written only where they are not a default, so that the digest
    of an older document still matches."""

    @model_serializer(mode="wrap")
    def _as_written(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Json]:
        document: dict[str, Json] = serialise(self)
        return {name: value for name, value in document.items() if name not in self.later or _says_something(value)}


def _says_something(value: Json) -> bool:
    """Whether a value is more than a default: false counts as a value, 0 s and an empty list do not."""
    return value is not None and (isinstance(value, bool) or bool(value))


class ModelUsed(StoredPart):
    """A model or sound library that took part in making the audio, and its licence.

    ``adapts`` names the network that an adapter belongs to.
    """

    later: ClassVar[frozenset[str]] = frozenset({"adapts"})

    name: str
    revision: str
    licence: str
    digest: Digest | None = None
    role: str | None = None
    adapts: str | None = None


class Agreement(StoredPart):
    """A licence that was obtained separately for one model."""

    model: str
    agreement: str
