"""From a source to a written master, which is read back and measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json
from catalog.common.errors import AudioRefused, WorkError
from catalog.files.whole_file import written_beside
from catalog.release.resampled import Resampled
from catalog.selection.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.audio.metering.loudness import measure_loudness, pyloudnorm_integrated
from tasks.audio.metering.true_peak import sample_peak_dbfs, true_peak_dbtp
from tasks.mastering.analysis.admission import admitted_at
from tasks.mastering.analysis.reference import Reference
from tasks.mastering.analysis.report import Levels, MasterReport, Stage
from tasks.mastering.colour import Treated, target_of, treat
from tasks.mastering.finalise import Final, Goal, finalise

TOLERANCE_LU = 0.05
"""The largest deviation from the target for which a master need not state a reason."""


def master_file(
    source: Audio,
    destination: Path,
    *,
    spec: MasteringSpec,
    reference: Reference | None = None,
    fixed_gain_db: float | None = None,
    fade_out_s: float | None = None,
    must_reach: bool = False,
    rate: int | None = None,
) -> MasterReport:
    """Master ``source`` into a 24-bit WAV of its own rate, and report the readings of the written file.

    Where ``rate`` is another one, in Hz, the source is resampled to it before anything else.

    Without ``fixed_gain_db`` the file meets the spec's target. With it (the ``gain_db`` reported for the loudest song
    of an album) it is that much louder than its source, so that songs keep their loudness differences; the loss by the
    limiter is compensated in both cases. The true peak stays under the ceiling. The length is the source's where the
    spec's ``trim`` is off. ``reference`` is given exactly where the spec names one.

    Raises AudioRefused for audio that cannot be mastered, and with ``must_reach`` also, as ``target_unreachable``,
    where the target is out of reach; then, or when writing fails, no file is left behind.
    """
    target = target_of(spec, reference, fixed_gain_db=fixed_gain_db)
    dimensions = _Source(source.rate, source.frames)
    source = admitted_at(source, rate)
    treatment = treat(source, spec=spec, target=target, reference=reference, fade_out_s=fade_out_s)
    del source  # every copy of a song that is released here reduces peak memory by a tenth
    goal = Goal(target.lufs_for(treatment.source_lufs), target.ceiling_dbtp)
    course = _Treatment.of(treatment, dimensions)
    final_render = finalise(
        treatment.audio, spec=spec, goal=goal, loudness_lufs=treatment.loudness_lufs, measurement=treatment.measurement
    )
    del treatment
    with written_beside(destination) as partial_file:
        write_wav(partial_file, final_render.audio, subtype="PCM_24")
        render = _Render.of(final_render)
        del final_render
        report = _report(read_audio(partial_file), course, render, spec=spec, goal=goal)
        if must_reach and report.limited_by is not None:
            _refuse(report, spec)
    return report


class _Source(NamedTuple):
    """The rate and length of the source, before any processing."""

    rate: int
    frames: int


@dataclass(frozen=True, slots=True)
class _Treatment:
    """What remains of a treatment once its audio is released."""

    source: _Source
    source_lufs: float
    ends: dict[str, Json]
    stages: tuple[Stage, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, treated: Treated, source: _Source) -> _Treatment:
        ends = treated.ends.as_document(treated.audio.rate)
        return cls(source, treated.source_lufs, ends, treated.stages, treated.notes)


@dataclass(frozen=True, slots=True)
class _Render:
    """What remains of a final rendering once its audio is released."""

    drive_db: float
    max_limiting_db: float
    turned_down_db: float
    offset_removed: float
    iterations: int
    at_most: bool

    @classmethod
    def of(cls, final: Final) -> _Render:
        return cls(
            final.drive_db,
            final.max_limiting_db,
            final.turned_down_db,
            final.offset_removed,
            final.iterations,
            final.at_most,
        )


def _report(written: Audio, treatment: _Treatment, render: _Render, *, spec: MasteringSpec, goal: Goal) -> MasterReport:
    loudness, peak = measure_loudness(written), true_peak_dbtp(written)
    notes = (*_resampled_note(treatment.source.rate, written.rate), *treatment.notes)
    levels_after = Levels(loudness.integrated_lufs, sample_peak_dbfs(written), loudness.loudness_range_lu)
    reached_lufs = _value(loudness.integrated_lufs)
    shortfall = _short_of(goal, reached_lufs, render, spec)
    may_be_under = shortfall is not None and spec.loudness_may_be_under
    return MasterReport(
        target_lufs=goal.target_lufs,
        ceiling_dbtp=goal.ceiling_dbtp,
        integrated_lufs=reached_lufs,
        true_peak_dbtp=_value(peak),
        loudness_range_lu=loudness.loudness_range_lu,
        second_meter_lufs=pyloudnorm_integrated(written),
        gain_db=reached_lufs - treatment.source_lufs,
        drive_db=render.drive_db,
        max_limiting_db=render.max_limiting_db,
        iterations=render.iterations,
        limited_by=None if shortfall is None or may_be_under else f"target_unreachable: {shortfall}",
        ends=treatment.ends,
        rate=written.rate,
        frames=written.frames,
        source_rate=treatment.source.rate,
        source_frames=treatment.source.frames,
        sample_digest=sample_digest(written),
        stages=(*treatment.stages, _last_stage(treatment, render, levels_after, spec=spec, goal=goal)),
        notes=(*notes, f"gain alone: {shortfall}") if may_be_under else notes,
    )


def _resampled_note(source_rate: int, rate: int) -> tuple[str, ...]:
    """A note on the change of rate, where there was one."""
    return () if rate == source_rate else (Resampled(from_hz=source_rate, to_hz=rate).sentence,)


def _value(reading: Reading) -> float:
    if isinstance(reading, Measured):
        return reading.value
    raise WorkError(f"the written master cannot be measured: {reading.reason}", remedy="Report this, with the source")


def _last_stage(treatment: _Treatment, render: _Render, after: Levels, *, spec: MasteringSpec, goal: Goal) -> Stage:
    levels_before = treatment.stages[-1].after
    if spec.gain_only:
        return Stage("gain", {"gain_db": render.drive_db, "ceiling_dbtp": goal.ceiling_dbtp}, levels_before, after)
    settings = spec.limiter.model_dump() | {
        "drive_db": render.drive_db,
        "turned_down_db": render.turned_down_db,
        "offset_removed": render.offset_removed,
        "ceiling_dbtp": goal.ceiling_dbtp,
    }
    return Stage("limit", settings, levels_before, after)


def _short_of(goal: Goal, reached_lufs: float, render: _Render, spec: MasteringSpec) -> str | None:
    """What prevented a master from reaching its target; None where it reached it."""
    if abs(reached_lufs - goal.target_lufs) <= TOLERANCE_LU:
        return None
    if render.at_most:
        reason = f"more than the {spec.max_limiting_db:g} dB of limiting that are allowed"
    else:
        reason = f"peaks above {goal.ceiling_dbtp:g} dBTP"
    return f"{goal.target_lufs:.1f} LUFS would take {reason}; the master reads {reached_lufs:.1f} LUFS"


def _refuse(report: MasterReport, spec: MasteringSpec) -> None:
    raise AudioRefused(
        str(report.limited_by).removeprefix("target_unreachable: "),
        reason="target_unreachable",
        remedy=f"Ask for {report.integrated_lufs - TOLERANCE_LU:.1f} LUFS or less",
    )
