"""The settings of a manifest for the guide."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
)

from catalog.common.digests import Json
from catalog.manifest.files import SettingFile
from tasks.engines.guide.genres.library import AUTO, GENRE_SCHEMA, known_genre
from tasks.engines.guide.genres.schema import MAX_GENRE_BYTES

Instrument = Literal["auto", "oohs", "choir", "synth", "flute", "sax", "violin", "oboe", "clarinet"]
GrooveName = Literal["auto", "pop", "ballad", "rock", "dance", "folk", "soul"]
GenreSetting = Annotated[
    Any, SettingFile(MAX_GENRE_BYTES), BeforeValidator(known_genre), WithJsonSchema(dict(GENRE_SCHEMA))
]
VoiceKind = Literal["sung", "instrument"]
SingerName = Literal["auto", "alto", "tenor"]
SourceName = Literal["auto", "bank", "espeak", "neural"]

YOUNGER: dict[str, Json] = {"genre": AUTO, "voice": "sung", "singer": "auto", "singer_source": "auto"}
"""Fields that came later, and their defaults."""


class GuideSettings(BaseModel):
    """What a manifest may set for the guide; ``auto`` and ``null`` leave it to the prompt and the seed."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    groove: GrooveName = Field("auto", description="A genre by its older name; `genre` counts where both are set")
    genre: GenreSetting = Field(
        AUTO, description="What the band plays: a genre, or the name of a genre file beside the manifest"
    )
    voice: VoiceKind = Field("sung", description="`sung`: a voice sings the words; else an instrument plays them")
    singer: SingerName = Field(
        "auto", description="Who sings; auto: as the prompt says (female, baritone …), else the seed"
    )
    singer_source: SourceName = Field(
        "auto",
        description="Where the voice comes from; `bank` sings English, `espeak` other languages too, `neural` (extra "
        "`singer`, not for commercial albums) English",
    )
    vocals: Instrument = Field("auto", description="Instrument that stands in for the singer")
    swing: float | None = Field(None, ge=0, le=1, description="0 straight, 1 triplet feel")
    density: float = Field(0.6, ge=0, le=1, description="How much plays beside drums, bass, chords and melody")
    reverb: float = Field(0.4, ge=0, le=1, description="Amount of room on every part")

    @model_serializer(mode="wrap")
    def _without_younger_defaults(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Json]:
        """Albums of older versions keep their stored settings; new ones state what they set."""
        document: dict[str, Json] = serialise(self)
        return {name: value for name, value in document.items() if name not in YOUNGER or value != YOUNGER[name]}

    def complete(self) -> dict[str, Json]:
        """All settings as JSON, with every default."""
        return {**YOUNGER, **self.model_dump(mode="json")}
