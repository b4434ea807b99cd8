"""How an album is mastered: the manifest's ``mastering:`` block, checked, with every default filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from catalog.album.waivers import WAIVER_PATTERN
from catalog.common.digests import Json

Profile = Literal["streaming", "apple", "loud", "dynamic", "broadcast", "custom"]
Mode = Literal["tracks", "album"]
Preset = Literal["none", "bright"]
Tone = Literal[
    "none", "balanced", "pop", "rock", "metal", "electronic", "hip-hop", "acoustic", "jazz", "classical", "orchestral"
]

CHAIN_REVISION = 3
"""Raised whenever the mastering code yields different samples for the same parameters."""

TARGETS_LUFS: dict[Profile, float] = {
    "streaming": -14.0,
    "apple": -16.0,
    "loud": -9.0,
    "dynamic": -14.0,
    "broadcast": -23.0,
}
"""Integrated loudness of each profile that names one (services' own pages, AES TD1008, EBU R 128)."""

LOUD_FROM_LUFS = -12.0
CEILING_DBTP = -1.0
LOUD_CEILING_DBTP = -2.0
"""Above -12 LUFS lossy encoders overshoot by more than 1 dB, so such masters keep 1 dB more headroom."""

REFERENCE = "reference"
"""The tone curve's name where it is measured from a reference track; in parameters it also stands for the track
itself."""

Number = Annotated[float, Field(allow_inf_nan=False)]
CheckName = Annotated[str, Field(pattern=WAIVER_PATTERN, max_length=60)]


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
        """The values that affect samples: only the switch where compression is off."""
        return self.model_dump() if self.enabled else {"enabled": False}


class Limiting(_Block):
    """The shape of the limiter that holds the true-peak ceiling."""

    release_db_per_s: Number = Field(
        default=120.0, ge=5, le=1000, description="speed at which the gain comes back after a peak"
    )
    lookahead_ms: Number = Field(
        default=3.0, ge=0.5, le=20, description="how long before a peak the gain begins to fall"
    )


class Reverb(_Block):
    """A room around the whole song: an effect that adds sound, no correction."""

    mix: Number = Field(default=0.1, gt=0, le=1, description="share of the room in the sound, the rest is dry")
    room: Number = Field(default=0.4, ge=0, le=1, description="size of the room, 1 the largest")
    damping: Number = Field(default=0.5, ge=0, le=1, description="how fast highs die away in it")
    width: Number = Field(default=1.0, ge=0, le=1, description="0 a room in the middle, 1 the whole stereo width")


class Echo(_Block):
    """A repeat of the whole song: an effect that adds sound, no correction."""

    delay_ms: Number = Field(default=250.0, ge=1, le=2000, description="time from one repeat to the next")
    feedback: Number = Field(default=0.2, ge=0, le=0.9, description="how loud a repeat is beside the one before it")
    mix: Number = Field(default=0.1, gt=0, le=1, description="share of the repeats in the sound, the rest is dry")


class Effects(_Block):
    """Effects on the whole song, all off unless they are named."""

    reverb: Reverb | None = Field(default=None, description="a room around the song")
    echo: Echo | None = Field(default=None, description="repeats of the song")


class MasteringSpec(_Block):
    """The ``mastering:`` block of a manifest.

    A profile names a target; ``target_lufs`` and ``ceiling_dbtp`` overrule it.
    """

    profile: Profile = Field(
        default="streaming",
        description="streaming -14 LUFS, apple -16, loud -9, broadcast -23; dynamic: gain alone, up to -14 where "
        "the peaks allow it, without compression or limiting; custom: target_lufs says",
    )
    mode: Mode = Field(
        default="tracks", description="tracks: each song meets the target; album: one gain, the loudest song meets it"
    )
    target_lufs: Number | None = Field(
        default=None, ge=-40, le=-5, description="integrated loudness in place of the profile's"
    )
    ceiling_dbtp: Number | None = Field(
        default=None, ge=-12, le=-0.1, description="true-peak ceiling; left out: -2 for targets above -12 LUFS, else -1"
    )
    preset: Preset = Field(
        default="none", description="bright: shelves of +2 dB at 100 Hz, +3 dB at 10 kHz, +2 dB at 16 kHz"
    )
    tone: Tone = Field(
        default="balanced",
        description="spectrum to be brought nearer to; balanced corrects only what lies outside the usual spread",
    )
    tone_max_db: Number = Field(default=3.0, ge=0, le=6, description="the most that tone may change at any frequency")
    reference: str | None = Field(
        default=None, min_length=1, max_length=1000, description="a track whose spectrum takes the place of tone"
    )
    reference_loudness: bool = Field(default=False, description="true: the reference's loudness is the target too")
    trim: bool = Field(default=True, description="silence before and after the song is cut to a short rest")
    fade: bool = Field(default=True, description="a short fade where the song's first or last sound is cut off")
    highpass_hz: Number = Field(default=30.0, ge=10, le=120, description="corner of the 12 dB/octave high-pass")
    effects: Effects = Field(default_factory=Effects, description="reverb and echo, off unless named")
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
    waive: list[CheckName] = Field(
        default_factory=list, max_length=50, description="checks of the master that may fail without stopping a release"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.profile == "custom" and self.target_lufs is None:
            raise ValueError("profile custom needs target_lufs")
        if self.reference_loudness and self.reference is None:
            raise ValueError("reference_loudness needs a reference")
        return self

    @property
    def gain_only(self) -> bool:
        """Whether dynamics are unchanged: no compression, no limiting."""
        return self.profile == "dynamic"

    @property
    def loudness_may_be_under(self) -> bool:
        """Whether a master may be quieter than its target, since only gain may be used to reach it."""
        return self.gain_only

    @property
    def loudness_target_lufs(self) -> float:
        """Integrated loudness to reach, LUFS; with ``reference_loudness`` the reference's own loudness replaces it."""
        return TARGETS_LUFS[self.profile] if self.target_lufs is None else self.target_lufs

    @property
    def true_peak_ceiling_dbtp(self) -> float:
        """Maximum true peak, dBTP."""
        return self.ceiling_for(self.loudness_target_lufs)

    def ceiling_for(self, target_lufs: float) -> float:
        """Maximum true peak of a master of that loudness, dBTP."""
        if self.ceiling_dbtp is not None:
            return self.ceiling_dbtp
        return LOUD_CEILING_DBTP if target_lufs > LOUD_FROM_LUFS else CEILING_DBTP

    @property
    def tone_curve(self) -> str:
        """Name of the target tone curve: ``none``, a named curve, or ``reference``."""
        return self.tone if self.reference is None else REFERENCE

    def parameters(self) -> dict[str, Json]:
        """Every value that affects the samples of a master, resolved, and nothing else: part of a step's key.

        A reference counts by its audio, which is an input of the step, not by its name. ``mode`` counts through the
        gain of the album's songs, which is a separate parameter of the step.
        """
        tone: dict[str, Json] = {"curve": self.tone_curve}
        dynamics: dict[str, Json] = {"gain_only": True}
        if self.tone_curve != "none":
            tone["max_db"] = self.tone_max_db
        if not self.gain_only:
            dynamics = {
                "gain_only": False,
                "compression": self.compression.parameters(),
                "max_limiting_db": self.max_limiting_db,
                "limiter": self.limiter.model_dump(),
            }
        return {
            "chain_revision": CHAIN_REVISION,
            "target_lufs": None if self.reference_loudness else self.loudness_target_lufs,
            "ceiling_dbtp": self.ceiling_dbtp if self.reference_loudness else self.true_peak_ceiling_dbtp,
            "preset": self.preset,
            "tone": tone,
            "ends": {"trim": self.trim, "fade": self.fade},
            "highpass_hz": self.highpass_hz,
            "effects": self.effects.model_dump(exclude_none=True),
            **dynamics,
        }

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> MasteringSpec:
        """The spec that has these :meth:`parameters`; a reference has no name there."""
        fields = {
            name: value
            for name, value in parameters.items()
            if name not in ("chain_revision", "gain_only", "tone", "ends")
        }
        tone, target_lufs = parameters["tone"], parameters["target_lufs"]
        curve = tone["curve"]
        reference = {"reference": REFERENCE, "reference_loudness": target_lufs is None}
        return cls.model_validate(
            fields
            | parameters["ends"]
            | {"profile": "dynamic" if parameters["gain_only"] else "streaming"}
            | (reference if curve == REFERENCE else {"tone": curve})
            | ({"tone_max_db": tone["max_db"]} if "max_db" in tone else {})
        )

    def level_parameters(self) -> dict[str, Json]:
        """Every value that affects the measurement of a song for the album's gain, and nothing else: part of a step's
        key too.

        Where a limiter may hold the peaks, that is only the target, null where the reference's loudness is the
        target. With gain alone the peaks count too, and they depend on all of the processing.
        """
        if self.gain_only:
            return self.parameters()
        return {"gain_only": False, "target_lufs": None if self.reference_loudness else self.loudness_target_lufs}

    @classmethod
    def from_level_parameters(cls, parameters: Mapping[str, Any]) -> MasteringSpec:
        """A spec that has these :meth:`level_parameters`; it names a reference only where the measurement needs one."""
        if parameters["gain_only"]:
            return cls.from_parameters(parameters)
        target_lufs = parameters["target_lufs"]
        if target_lufs is None:
            return cls(reference=REFERENCE, reference_loudness=True)
        return cls(target_lufs=target_lufs)
