"""``separate``: splits any audio file into stems with a model of the registry."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from catalog.common.digests import Json
from catalog.common.errors import InputError, MachineError, remedy_of_writing
from catalog.common.settings import load_settings
from catalog.models.store import ModelStore
from flows.cli.console.result_folder import check_result_folder, result_folder
from flows.console import print_json, stderr, stdout, warn
from tasks.audio.files import notes_on, read_audio
from tasks.separation.demucs.models import require_stem_packages, stems_given
from tasks.separation.demucs.separate import SeparationOptions, SeparationResult, check_mix, separate_stems

FIGURES_FILE = "stems.json"
"""The file that marks a folder as Songline's stems, which may be replaced."""


def separate(source: Path, out: Path, *, model: str, two_stems: str | None, as_json: bool) -> None:
    """Write the stems of ``source`` and their residual into the folder ``out``: all of them, or none."""
    stems_given(model, two_stems)
    settings = load_settings()
    installed_model = ModelStore(settings.models_path, table=settings.models_table).need(model)
    require_stem_packages()
    _check_place(out, source)
    mix = read_audio(source)
    for note in notes_on(source):
        warn(f"{source.name}: {note}")
    check_mix(mix)
    try:
        with result_folder(out, settings.home) as staging, _bar(as_json) as progress:
            separation = separate_stems(
                mix, installed_model, settings, options=SeparationOptions(two_stems), folder=staging, progress=progress
            )
            figures = _document(source, separation)
            (staging / FIGURES_FILE).write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    except OSError as fault:
        sentence = f"the stems cannot be written to {out} ({fault.strerror})"
        raise MachineError(sentence, remedy=remedy_of_writing(fault, "Name a folder that you may write")) from fault
    if as_json:
        print_json({"out": str(out), **figures})
    else:
        _print_result(out, separation)


def _check_place(out: Path, source: Path) -> None:
    """Raise InputError where the stems would replace anything but older stems."""
    check_result_folder(out, mark=FIGURES_FILE, what="stems")
    if source.resolve().is_relative_to(out.resolve()):
        sentence = f"{source} lies in {out}, which would be replaced"
        raise InputError(sentence, remedy="Name another folder with --out")


def _document(source: Path, separation: SeparationResult) -> dict[str, Json]:
    files: list[Json] = [
        {"name": file.name, "file": file.path.name, "sample_digest": file.sample_digest} for file in separation.files
    ]
    return {"source": source.name, **separation.figures, "files": files}


def _print_result(out: Path, separation: SeparationResult) -> None:
    figures: dict[str, Any] = separation.figures
    for file in separation.files:
        stdout().print(str(out / file.path.name), soft_wrap=True)
    lines = (
        f"The stems alone leave {figures['residual_db']:.1f} dB of the mix; with the residual they null against it "
        f"to {figures['null_dbfs']:.0f} dBFS. One gain for all: {figures['common_gain_db']:.1f} dB.",
        f"{figures['model']} took {figures['seconds']:.1f} s on {figures['device']}, {figures['batch']} segments of "
        f"{figures['segment_s']:.2f} s at once.",
    )
    for line in lines:
        stdout().print(line, soft_wrap=True)


@contextmanager
def _bar(as_json: bool) -> Iterator[Callable[[float], None]]:
    """A progress bar on stderr, where stderr is a terminal."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.percentage:>3.0f}%"))
    is_hidden = as_json or not sys.stderr.isatty()
    with Progress(*columns, TimeRemainingColumn(), console=stderr(), disable=is_hidden) as progress:
        task = progress.add_task("separating", total=1.0)
        yield lambda share: progress.update(task, completed=share)
