"""``measure`` and ``master``: the meter and the mastering chain for any file, without an album."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from rich.text import Text

from catalog.album.mastering import MasteringSpec
from catalog.common.digests import Json
from catalog.common.errors import AudioRefused, InputError, MachineError, SonglineError, remedy_of_writing
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.files.permissions import users_file_mode
from catalog.files.scratch import scratch_or_none
from catalog.files.whole_file import move_whole
from catalog.selection.metrics import Measured, Reading
from flows.cli.console.exit import to_songline_error
from flows.console import SafeTable, print_error, print_json, stdout, warn
from tasks.acceptance.checks import Finding, Target, examine, failed
from tasks.audio.audio import Audio
from tasks.audio.files import notes_on, read_audio, write_flac24
from tasks.audio.metering.meter import RANGE_IS_STABLE_S, LoudnessMeasurement, MeteredFile, meter_file, read_measurement
from tasks.delivery.package.bundle import building_folder
from tasks.mastering.analysis.reference import reference_from
from tasks.mastering.analysis.report import MasterReport
from tasks.mastering.chain import master_file

COLUMNS = {
    "integrated_lufs": "LUFS",
    "loudness_range_lu": "LRA",
    "true_peak_dbtp": "dBTP",
    "max_momentary_lufs": "max M",
    "max_short_term_lufs": "max S",
    "plr_db": "PLR",
}
FORMATS = (".wav", ".flac")
STYLES = {"pass": "green", "warn": "yellow", "fail": "red"}


def measure(paths: Sequence[Path], *, series: bool, as_json: bool) -> None:
    """Print every reading of each file; files that cannot be read are listed at the end, and make the exit code 2."""
    if series and not as_json:
        raise InputError("--series is too much for a table", remedy="Add --json")
    documents: list[dict[str, Json]] = []
    faults: list[SonglineError] = []
    table = _readings_table("file")
    notes: list[str] = []
    for path in paths:
        try:
            measurement = meter_file(path, series=series)
        except Exception as error:  # no error of one file may stop the others
            fault = to_songline_error(error)
            faults.append(fault)
            documents.append(_unreadable(path, fault))
            table.add_row(Text(str(path)), *["-"] * len(COLUMNS))
            continue
        documents.append(_document(path, measurement))
        table.add_row(Text(str(path)), *_figures(measurement.meter, measurement.duration_s))
        notes += [f"{path}: {reason}" for reason in (*measurement.notes, *_reasons(measurement))]
    if as_json:
        print_json(documents)
    else:
        stdout().print(table)
        for note in notes:
            stdout().print(Text(note), soft_wrap=True)
    for file_fault in faults:
        print_error(file_fault, as_json=as_json)
    if faults:
        is_input = any(isinstance(fault, InputError) for fault in faults)
        raise typer.Exit(InputError.exit_code if is_input else faults[0].exit_code)


def master(
    source: Path,
    out: Path,
    *,
    cli_options: Mapping[str, Any],
    reference: Path | None,
    as_json: bool,
) -> None:
    """Master ``source`` to ``out`` with the ``cli_options`` options of the mastering block, and print its readings."""
    spec = _spec(cli_options, reference)
    _check_places(source, out, reference)
    audio = read_audio(source)
    for note in notes_on(source):
        warn(f"{source.name}: {note}")
    measurement_before = read_measurement(audio)
    try:
        with _build_folder(out) as folder:
            report = _master_audio(audio, folder / "master.wav", spec=spec, reference=reference)
            master_path = _convert(folder / "master.wav", out.suffix.lower())
            findings = examine(master_path, target=_target(report, spec, audio.frames))
            measurement_after = read_measurement(read_audio(master_path))
            move_whole(master_path, out, mode=users_file_mode())
    except OSError as fault:
        sentence = f"the master cannot be written to {out} ({fault.strerror})"
        raise MachineError(sentence, remedy=remedy_of_writing(fault, "Name a place that you may write to")) from fault
    if as_json:
        print_json(
            {
                "in": str(source),
                "out": str(out),
                "before": measurement_before.as_document(),
                "after": measurement_after.as_document(),
                "report": report.as_document(),
                "findings": [finding.as_document() for finding in findings],
                "failed": list(failed(findings)),
            }
        )
    else:
        _print_report(measurement_before, measurement_after, report, findings, audio=audio)


@contextmanager
def _build_folder(out: Path) -> Iterator[Path]:
    """A folder to build the master in: in the home folder, or next to ``out`` where that is not writable."""
    with scratch_or_none(load_settings().home) as scratch:
        if scratch is not None:
            yield scratch
            return
        with building_folder(out) as folder:
            yield folder


def _spec(cli_options: Mapping[str, Any], reference: Path | None) -> MasteringSpec:
    """The mastering block from the options. A target without a profile is ``custom``."""
    options = {name: value for name, value in cli_options.items() if value is not None}
    if "target_lufs" in options:
        options.setdefault("profile", "custom")
    elif options.get("profile") == "custom":
        raise InputError("--profile custom needs --target", remedy="Give `--target LUFS`, such as --target -12")
    if reference is not None:
        options["reference"] = reference.name
    try:
        return MasteringSpec.model_validate({**options, "trim": False})
    except ValidationError as fault:
        first_error = fault.errors()[0]
        option = "--" + str(first_error["loc"][0]).split("_")[0] if first_error["loc"] else "the options"
        reason = first_error["msg"].removeprefix("Value error, ")
        raise InputError(f"{option} cannot be used: {reason}", remedy="See `songline master --help`") from fault


def _check_places(source: Path, out: Path, reference: Path | None) -> None:
    if out.suffix.lower() not in FORMATS:
        raise InputError(f"{out.name} is neither .wav nor .flac", remedy="Name OUT with one of these endings")
    if not out.parent.is_dir():
        raise InputError(f"{out.parent} is not a folder", remedy="Make it first, or name another place")
    if out.is_dir():
        raise InputError(f"{out} is a folder", remedy="Name a file")
    for read_path in (source, reference):
        if read_path is not None and read_path.exists() and out.exists() and out.samefile(read_path):
            raise InputError(f"{out} is what is read", remedy="Name another file for the master")


def _master_audio(audio: Audio, destination: Path, *, spec: MasteringSpec, reference: Path | None) -> MasterReport:
    reference_audio = reference_from(reference) if reference else None
    must_reach = not spec.loudness_may_be_under
    try:
        return master_file(audio, destination, spec=spec, reference=reference_audio, must_reach=must_reach)
    except AudioRefused as refusal:  # its remedy may be one for an album
        raise AudioRefused(refusal.what, reason=refusal.reason, remedy=_remedy(refusal)) from refusal


def _remedy(refusal: AudioRefused) -> str:
    """The remedy of a refusal, in this command's own options."""
    if refusal.reason == "silent":
        return "Name a file that can be heard"
    return f"{refusal.remedy} (`--target`)" if refusal.reason == "target_unreachable" else refusal.remedy


def _convert(wav: Path, suffix: str) -> Path:
    """The master in the requested file format, with its 24 bits unchanged."""
    if suffix == ".wav":
        return wav
    flac = wav.with_suffix(suffix)
    write_flac24(flac, read_audio(wav))
    return flac


def _target(report: MasterReport, spec: MasteringSpec, frames: int) -> Target:
    return Target(
        target_lufs=report.target_lufs,
        ceiling_dbtp=report.ceiling_dbtp,
        rate=report.rate,
        bits=24,
        channels=2,
        frames=frames,
        loudness_may_be_under=spec.loudness_may_be_under,
        trimmed=spec.trim,
    )


def _document(path: Path, measurement: MeteredFile) -> dict[str, Json]:
    properties: dict[str, Json] = {
        "file": str(path),
        "duration_s": measurement.duration_s,
        "rate": measurement.rate,
        "channels": measurement.channels,
    }
    notes: dict[str, Json] = {"notes": list(measurement.notes)} if measurement.notes else {}
    curves: dict[str, Json] = {"series": measurement.series} if measurement.series is not None else {}
    return properties | measurement.meter.as_document() | notes | curves


def _unreadable(path: Path, fault: SonglineError) -> dict[str, Json]:
    """The entry of a file that cannot be read: no readings, and the error."""
    error: dict[str, Json] = {"error": fault.what, "kind": fault.kind, "remedy": fault.remedy}
    return {"file": str(path)} | LoudnessMeasurement.unreadable(fault.what).as_document() | error


def _readings_table(first: str) -> SafeTable:
    table = SafeTable()
    table.add_column(first)
    for name in COLUMNS.values():
        table.add_column(name, justify="right")
    return table


def _figures(meter: LoudnessMeasurement, duration_s: float) -> list[str]:
    readings = meter.readings()
    figures = {name: _figure(readings[name]) for name in COLUMNS}
    if _range_is_unstable(meter, duration_s):
        figures["loudness_range_lu"] = "~" + figures["loudness_range_lu"]
    return list(figures.values())


def _figure(reading: Reading) -> str:
    return f"{reading.value:.1f}" if isinstance(reading, Measured) else "-"


def _range_is_unstable(meter: LoudnessMeasurement, duration_s: float) -> bool:
    return isinstance(meter.loudness_range_lu, Measured) and duration_s < RANGE_IS_STABLE_S


def _reasons(measurement: MeteredFile) -> list[str]:
    """The reasons why readings are missing or uncertain, each once."""
    reasons: dict[str, list[str]] = {}
    for name, reading in measurement.meter.readings().items():
        if name in COLUMNS and not isinstance(reading, Measured):
            reasons.setdefault(reading.reason, []).append(COLUMNS[name])
    sentences = [f"{', '.join(names)} not measurable: {reason}" for reason, names in reasons.items()]
    if _range_is_unstable(measurement.meter, measurement.duration_s):
        sentences.append("~ LRA is not stable before 60 s")
    if measurement.channels == 1:
        sentences.append("mono; played by two loudspeakers it is 3 LU louder")
    return sentences


def _print_report(
    before: LoudnessMeasurement,
    after: LoudnessMeasurement,
    report: MasterReport,
    findings: Sequence[Finding],
    *,
    audio: Audio,
) -> None:
    table = _readings_table("")
    table.add_row("before", *_figures(before, audio.duration_s))
    table.add_row("after", *_figures(after, audio.duration_s))
    stdout().print(table)
    target_text = f"target {report.target_lufs:g} LUFS, ceiling {report.ceiling_dbtp:g} dBTP; "
    limiting_text = f"gain {report.gain_db:+.1f} dB, at most {report.max_limiting_db:.1f} dB of limiting"
    stdout().print(Text(target_text + limiting_text), soft_wrap=True)
    for note in report.notes:
        stdout().print(Text(note), soft_wrap=True)
    passed_count = sum(finding.verdict == "pass" for finding in findings)
    stdout().print(Text(f"{passed_count} of {counted(len(findings), 'check')} passed", style=STYLES["pass"]))
    for finding in findings:
        if finding.verdict != "pass":
            line = f"{finding.verdict}  {finding.check}: {finding.sentence}"
            stdout().print(Text(line, style=STYLES[finding.verdict]), soft_wrap=True)
