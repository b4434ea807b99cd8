"""The parameters of a run over the inbox, as a model that Prefect's UI shows as a form."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from catalog.common.inbox_location import normalize_location
from flows.inbox.time_windows import Schedule, parse_hours


class InboxParameters(BaseModel):
    """Submit the new and changed albums of an inbox, within a budget of GPU minutes, certain hours, or both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    place: Annotated[str, AfterValidator(normalize_location)] = Field(
        "",
        description="Folder or s3://BUCKET/PREFIX of the manifests, within SONGLINE_INBOX; empty: all of it.",
    )
    priority: Literal["urgent", "normal", "batch"] = Field("batch", description="Queue of the albums.")
    until: Literal["score", "select", "master", "release"] = Field("release", description="Stage to stop after.")
    max_gpu_minutes: float | None = Field(
        None, gt=0, le=1e6, description="GPU minutes for the whole night, of all albums together; empty: no bound."
    )
    window: str | None = Field(None, description="Hours in which albums are submitted, such as 22:00-06:00.")
    time_zone: str | None = Field(
        None, description="Whose clocks the hours are by, such as Europe/Berlin; empty: the machine's."
    )
    gpus: int = Field(
        1, ge=1, le=1000, description="Devices that render at once: hours hold so many times their GPU minutes."
    )
    max_albums: int | None = Field(None, ge=1, description="Albums to submit at most; empty: no bound.")

    @model_validator(mode="after")
    def _has_sound_hours(self) -> InboxParameters:
        if self.window is None and self.time_zone is not None:
            raise ValueError("a time zone says nothing without hours; give the window too")
        _ = self.hours
        return self

    @property
    def hours(self) -> Schedule | None:
        """The time window parsed from the parameters."""
        return parse_hours(self.window, self.time_zone) if self.window is not None else None
