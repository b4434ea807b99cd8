"""The settings of a manifest for the guide."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from catalog.common.digests import Json

Instrument = Literal["auto", "oohs", "choir", "synth", "flute", "sax", "violin", "oboe", "clarinet"]
GrooveName = Literal["auto", "pop", "ballad", "rock", "dance", "folk", "soul"]
VoiceKind = Literal["sung", "instrument"]
SingerName = Literal["auto", "alto", "tenor"]
SourceName = Literal["auto", "bank", "espeak"]

YOUNGER: dict[str, Json] = {"voice": "instrument", "singer": "auto", "singer_source": "auto"}
"""Fields that came later, and their defaults."""


class GuideSettings(BaseModel):
    """What a manifest may set for the guide; ``auto`` and ``null`` leave it to the prompt and the seed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    groove: GrooveName = Field("auto", description="Feel of drums, bass and chords")
    voice: VoiceKind = Field("instrument", description="`sung`: a voice sings the words; else an instrument plays them")
    singer: SingerName = Field(
        "auto", description="Who sings; auto: as the prompt says (female, baritone …), else the seed"
    )
    singer_source: SourceName = Field(
        "auto", description="Where the voice comes from; `bank` sings English, `espeak` other languages too"
    )
    vocals: Instrument = Field("auto", description="Instrument that stands in for the singer")
    swing: float | None = Field(None, ge=0, le=1, description="0 straight, 1 triplet feel")
    density: float = Field(0.6, ge=0, le=1, description="How much plays beside drums, bass, chords and melody")
    reverb: float = Field(0.4, ge=0, le=1, description="Amount of room on every part")

    @model_serializer(mode="wrap")
    def _without_younger_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Json]:
        """Albums of older versions keep their stored settings and recipes; new ones state what they set."""
        document: dict[str, Json] = serialise(self)
        return {name: value for name, value in document.items() if name not in YOUNGER or value != YOUNGER[name]}
