"""``songline models export``: writes a network and the decoder for other programs, and checks such a folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from catalog.common import figures
from catalog.common.errors import CheckFailed, InputError, MachineError, remedy_of_writing
from catalog.common.settings import load_settings
from catalog.models.licences import summary
from flows.cli.console.lookup import open_store
from flows.cli.console.result_folder import check_result_folder, result_folder
from flows.console import SafeTable, print_json, stderr, stdout, warn
from tasks.engines.diffrhythm.export.packages import require_export_packages

if TYPE_CHECKING:
    from tasks.engines.diffrhythm.export.check import Comparison, FolderCheck
    from tasks.engines.diffrhythm.export.document import SamplerDocument
    from tasks.engines.diffrhythm.export.sources import Sources


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """How a network is exported: adapters as NAME or NAME:WEIGHT, precision of the layers, rounding of positions."""

    adapters: Sequence[str]
    dtype: Literal["float32", "float16"]
    rope: Literal["float16", "exact"]


def export(name: str | None, options: ExportOptions, *, to: str | None, out: Path | None, as_json: bool) -> None:
    """Write the network ``name`` and the decoder into the folder ``out``: all files, or none."""
    if name is None or to is None or out is None:
        missing = "NAME" if name is None else "--to onnx" if to is None else "--out DIR"
        raise InputError(f"{missing} is missing", remedy="Give NAME --to onnx --out DIR, or --check DIR alone")
    require_export_packages()
    from tasks.engines.diffrhythm.export.document import SAMPLER_FILE
    from tasks.engines.diffrhythm.export.sources import find_sources, read_adapter_options

    weighted_names = read_adapter_options(options.adapters)
    sources = find_sources(open_store(), name, weighted_names)
    check_result_folder(out, mark=SAMPLER_FILE, what="exported model")
    _show_licences(sources, as_json=as_json)
    for doubt in sources.doubts(options.rope):
        warn(doubt)
    start_s = time.monotonic()
    document = _write(sources, out, options, as_json=as_json)
    _print_export(out, document, seconds=time.monotonic() - start_s, as_json=as_json)


def check(folder: Path, *, given: Sequence[str], as_json: bool) -> None:
    """Check an exported folder; exits 1 where an output differs from torch's by more than its limit."""
    if given:
        raise InputError(f"--check takes a folder alone, not {' and '.join(given)}", remedy="Leave the others out")
    require_export_packages()
    from tasks.engines.diffrhythm.export.check import check_folder

    result = check_folder(folder, open_store())
    _print_check(folder, result, as_json=as_json)
    if not result.passed:
        files = dict.fromkeys(comparison.file for comparison in result.comparisons if not comparison.passed)
        raise CheckFailed(
            f"{' and '.join(files)} differ{'s' if len(files) == 1 else ''} from torch by more than the limit",
            remedy="Export the model again with --dtype float32",
        )


def _write(sources: Sources, out: Path, options: ExportOptions, *, as_json: bool) -> SamplerDocument:
    from tasks.engines.diffrhythm.export.folder import export_folder

    def progress(file: str) -> None:
        if not as_json:
            stderr().print(f"writing {file}", soft_wrap=True)

    try:
        with result_folder(out, load_settings().home) as staging:
            return export_folder(sources, staging, dtype=options.dtype, buffers=options.rope, progress=progress)
    except OSError as fault:
        sentence = f"the export cannot be written to {out} ({fault.strerror})"
        raise MachineError(sentence, remedy=remedy_of_writing(fault, "Name a folder that you may write")) from fault


def _show_licences(sources: Sources, *, as_json: bool) -> None:
    for model in () if as_json else sources.models:
        stderr().print(f"{model.spec.name}: {summary(model.spec.licence)}", soft_wrap=True)


def _print_export(out: Path, document: SamplerDocument, *, seconds: float, as_json: bool) -> None:
    if as_json:
        print_json(
            {"out": str(out), "seconds": round(seconds, 3), **document.model_dump(mode="json", exclude_none=True)}
        )
        return
    for name, entry in document.files.items():
        stdout().print(f"{out / name} ({figures.size(entry.size_bytes, digits=2)})", soft_wrap=True)
    network = document.network
    memory = figures.size(network.attention_bytes)
    stdout().print(
        f"{figures.clock(seconds)} for {network.dtype}; `songline models export --check {out}` compares it with torch"
    )
    stdout().print(f"Attention takes {memory} for a row of {network.max_frames} frames.", soft_wrap=True)
    if not document.commercial:
        forbidding = ", ".join(entry.model for entry in document.licences if not entry.commercial)
        stdout().print(f"No commercial use as it stands: the licence of {forbidding}.", soft_wrap=True)


def _print_check(folder: Path, result: FolderCheck, *, as_json: bool) -> None:
    if as_json:
        outputs = [_comparison_document(comparison) for comparison in result.comparisons]
        skipped = {"skipped": result.skipped} if result.skipped else {}
        print_json({"folder": str(folder), "passed": result.passed, "outputs": outputs, **skipped})
        return
    table = SafeTable("file", "against", "rows", "frames", "largest difference", "level", "error", "limit", "")
    for comparison in result.comparisons:
        found = comparison.difference
        table.add_row(
            comparison.file,
            comparison.reference,
            str(comparison.rows),
            str(comparison.frames),
            f"{found.largest:.1e}",
            f"{found.level:.2f}",
            f"{found.relative_db:.1f} dB",
            f"{comparison.limit_db:g} dB",
            "ok" if comparison.passed else "too large",
        )
    stdout().print(table)
    if result.skipped:
        stdout().print(f"Compared with the stored outputs only: {result.skipped}.", soft_wrap=True)


def _comparison_document(comparison: Comparison) -> dict[str, object]:
    found = comparison.difference
    return {
        "file": comparison.file,
        "against": comparison.reference,
        "rows": comparison.rows,
        "frames": comparison.frames,
        "largest_difference": _finite(found.largest),
        "level": found.level,
        "error_db": _finite(found.relative_db),
        "limit_db": comparison.limit_db,
        "passed": comparison.passed,
    }


def _finite(number: float) -> float | None:
    """JSON has no infinity: None for an output of another shape or without numbers, and for no difference at all."""
    return number if abs(number) != float("inf") else None
