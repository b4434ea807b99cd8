"""The parameters of deployed flows: ids only, as models, so that Prefect's UI can show them as forms."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RunParameters(BaseModel):
    """Base of all parameter models: frozen, without unknown fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AlbumParameters(RunParameters):
    """Take charge of an album: hand its missing work out, and pack it when all is in."""

    album: str = Field(description="Id of an album that was submitted.")
    attempt: int = Field(0, ge=0, description="Number of the album's coordinating run; 0: a new one.")


class ShardParameters(RunParameters):
    """Render one shard and score its candidates."""

    album: str = Field(description="Id of the album.")
    shard: str = Field(description="Key of the shard.")


class AdapterParameters(RunParameters):
    """Train an adapter: prepare its songs, train it, and register it where this runs."""

    training: str = Field(pattern=r"^[0-9a-f]{64}$", description="Digest of the training's document in the store.")


class SongParameters(RunParameters):
    """Bring songs whose candidates are in to a stage: decided, mastered, or finished but for the packing."""

    album: str = Field(description="Id of the album.")
    songs: tuple[str, ...] = Field(min_length=1, description="Ids of songs of the album.")
    until: str = Field("finish", description="Stage to stop after: score, decide, select, master or finish.")
