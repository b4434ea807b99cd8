"""How an album is to be mastered: the manifest's ``mastering:`` block, checked and with every default in place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from catalog.digests import Json

Profile = Literal["streaming", "loud", "broadcast"]
Mode = Literal["tracks", "album"]
Preset = Literal["none", "bright"]

CHAIN_REVISION = 1
"""Raised whenever the mastering code gives other samples for the same parameters."""

TARGETS: dict[Profile, tuple[float, float]] = {
    "streaming": (-14.0, -1.0),
    "loud": (-9.0, -2.0),
    "broadcast": (-23.0, -1.0),
}
"""Integrated loudness (LUFS) and true-peak ceiling (dBTP) of each profile."""

Number = Annotated[float, Field(allow_inf_nan=False)]


class _Block(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class Compression(_Block):
    """Gentle stereo-linked compression, worked at -18 LUFS so that the threshold means the same for every song."""

    enabled: bool = Field(default=True, description="false leaves the dynamics to the limiter alone")
    threshold_db: Number = Field(
        default=-20.0, ge=-60, le=0, description="level above which it acts, dBFS of a song at -18 LUFS"
    )
    ratio: Number = Field(default=1.5, ge=1, le=20, description="input dB per output dB above the threshold")
    attack_ms: Number = Field(default=30.0, ge=0.1, le=500, description="time constant of rising levels")
    release_ms: Number = Field(default=200.0, ge=1, le=5000, description="time constant of falling levels")

    def parameters(self) -> dict[str, Json]:
        """What of this changes samples: nothing but the switch when it is off."""
        return self.model_dump() if self.enabled else {"enabled": False}


class Limiting(_Block):
    """The shape of the limiter that holds the true-peak ceiling."""

    release_db_per_s: Number = Field(
        default=120.0, ge=5, le=1000, description="speed at which the gain comes back after a peak"
    )
    lookahead_ms: Number = Field(
        default=3.0, ge=0.5, le=20, description="how long before a peak the gain begins to fall"
    )


class MasteringSpec(_Block):
    """The ``mastering:`` block of a manifest.

    A profile names a target and a ceiling; ``target_lufs`` and ``ceiling_dbtp`` overrule it. Use
    :attr:`loudness_target_lufs` and :attr:`true_peak_ceiling_dbtp` to read what holds.
    """

    profile: Profile = Field(
        default="streaming", description="streaming -14 LUFS / -1 dBTP, loud -9 / -2, broadcast -23 / -1"
    )
    mode: Mode = Field(
        default="tracks", description="tracks: each song meets the target; album: one gain, the loudest song meets it"
    )
    target_lufs: Number | None = Field(
        default=None, ge=-40, le=-5, description="integrated loudness in place of the profile's"
    )
    ceiling_dbtp: Number | None = Field(
        default=None, ge=-12, le=-0.1, description="true-peak ceiling in place of the profile's"
    )
    preset: Preset = Field(
        default="none", description="bright: shelves of +2 dB at 100 Hz, +3 dB at 10 kHz, +2 dB at 16 kHz"
    )
    highpass_hz: Number = Field(default=30.0, ge=10, le=120, description="corner of the 12 dB/octave high-pass")
    compression: Compression = Field(
        default_factory=Compression, description="gentle linked compression before the limiter"
    )
    max_limiting_db: Number = Field(
        default=12.0,
        ge=0,
        le=24,
        description="the most a peak may be turned down; a target that needs more is not forced",
    )
    limiter: Limiting = Field(default_factory=Limiting, description="release and lookahead of the limiter")

    @property
    def loudness_target_lufs(self) -> float:
        """Integrated loudness to reach, LUFS."""
        return TARGETS[self.profile][0] if self.target_lufs is None else self.target_lufs

    @property
    def true_peak_ceiling_dbtp(self) -> float:
        """True peak not to be passed, dBTP."""
        return TARGETS[self.profile][1] if self.ceiling_dbtp is None else self.ceiling_dbtp

    def parameters(self) -> dict[str, Json]:
        """Everything here that decides the samples of a master, resolved, and nothing else: part of a step's key."""
        return {
            "chain_revision": CHAIN_REVISION,
            "mode": self.mode,
            "target_lufs": self.loudness_target_lufs,
            "ceiling_dbtp": self.true_peak_ceiling_dbtp,
            "preset": self.preset,
            "highpass_hz": self.highpass_hz,
            "compression": self.compression.parameters(),
            "max_limiting_db": self.max_limiting_db,
            "limiter": self.limiter.model_dump(),
        }
