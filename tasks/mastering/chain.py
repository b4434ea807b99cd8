"""From a source to a written master that was read back and measured."""

from __future__ import annotations

import os
from pathlib import Path

from catalog.errors import WorkError
from catalog.mastering import MasteringSpec
from catalog.metrics import Measured, Reading
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.audio.loudness import measure_loudness, pyloudnorm_integrated
from tasks.audio.true_peak import sample_peak_dbfs, true_peak_dbtp
from tasks.mastering.finalise import Final, finalise
from tasks.mastering.report import Levels, MasterReport, Stage
from tasks.mastering.treatment import Treated, treat

TOLERANCE_LU = 0.1
"""How far from its target a master may read before it has to say what kept it away."""


def master_file(
    source: Audio, destination: Path, *, spec: MasteringSpec, fixed_gain_db: float | None = None
) -> MasterReport:
    """Master ``source`` into a 24-bit WAV of its own rate and length, and report what the written file reads.

    Without ``fixed_gain_db`` the file reads the spec's target. With it (the ``gain_db`` reported for the
    loudest song of an album) it reads that much more than its source, so that songs keep their distances;
    what the limiter takes off either way is made up for. The true peak keeps the spec's ceiling. Raises AudioRefused
    for what cannot be mastered; then, or when writing fails, nothing is left behind.
    """
    treated = treat(source, spec=spec)
    target = spec.loudness_target_lufs if fixed_gain_db is None else treated.source_lufs + fixed_gain_db
    final = finalise(treated.audio, spec=spec, target_lufs=target, loudness_lufs=treated.loudness_lufs)
    written = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    try:
        write_wav(written, final.audio, subtype="PCM_24")
        report = _report(read_audio(written), treated, final, spec=spec, target_lufs=target)
        os.replace(written, destination)
    finally:
        written.unlink(missing_ok=True)
    return report


def _report(written: Audio, treated: Treated, final: Final, *, spec: MasteringSpec, target_lufs: float) -> MasterReport:
    loudness, peak = measure_loudness(written), true_peak_dbtp(written)
    after = Levels(loudness.integrated_lufs, sample_peak_dbfs(written))
    integrated_lufs = _value(loudness.integrated_lufs)
    return MasterReport(
        target_lufs=target_lufs,
        ceiling_dbtp=spec.true_peak_ceiling_dbtp,
        integrated_lufs=integrated_lufs,
        true_peak_dbtp=_value(peak),
        loudness_range_lu=loudness.loudness_range_lu,
        second_meter_lufs=pyloudnorm_integrated(written),
        gain_db=integrated_lufs - treated.source_lufs,
        drive_db=final.drive_db,
        max_limiting_db=final.max_limiting_db,
        iterations=final.iterations,
        limited_by=_limited_by(final, spec=spec, target_lufs=target_lufs, reached_lufs=integrated_lufs),
        stages=(*treated.stages, _limit_stage(treated, final, after, spec=spec)),
        notes=treated.notes,
    )


def _value(reading: Reading) -> float:
    if isinstance(reading, Measured):
        return reading.value
    raise WorkError(f"the written master cannot be measured: {reading.reason}", remedy="Report this, with the source")


def _limit_stage(treated: Treated, final: Final, after: Levels, *, spec: MasteringSpec) -> Stage:
    settings = spec.limiter.model_dump() | {"drive_db": final.drive_db, "ceiling_dbtp": spec.true_peak_ceiling_dbtp}
    return Stage("limit", settings, treated.stages[-1].after, after)


def _limited_by(final: Final, *, spec: MasteringSpec, target_lufs: float, reached_lufs: float) -> str | None:
    if abs(reached_lufs - target_lufs) <= TOLERANCE_LU:
        return None
    if final.at_most:
        reason = f"more than the {spec.max_limiting_db:g} dB of limiting that are allowed"
    else:
        reason = f"peaks above {spec.true_peak_ceiling_dbtp:g} dBTP"
    return f"target_unreachable: {target_lufs:.1f} LUFS would take {reason}; the master reads {reached_lufs:.1f} LUFS"
