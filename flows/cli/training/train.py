"""``train``: reads a training's manifest, says what it will take, trains on this machine, and registers the adapter."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common import figures
from catalog.common.errors import MachineError, SonglineError
from catalog.common.settings import Settings, load_settings
from catalog.common.text import counted
from catalog.models.store import InstalledModel, ModelStore
from catalog.training.schema import training_json_schema
from catalog.training.style import Style
from flows.cli.console.stopping import stoppable
from flows.cli.training.display import TrainingView
from flows.console import print_json, stdout, warn, with_subject
from flows.training.finished import Trained, begun_times, finished_training, retry_failed
from flows.training.forecast import RunForecast, forecast_run
from flows.training.plan_training import PlannedTraining, plan_training, store_training
from flows.training.progress import ProgressReporter, TrainingProgress
from flows.training.read_style import read_style
from flows.training.registration import make_folder, register, taken_name, write_files, write_preview
from tasks.training.steps.card import copied_sentence, summary
from tasks.training.steps.document import TrainingDocument

MEMORY_NOTE = "That is more than is free: close other programs, or lower `crop_frames` or `rank`."


def train(
    path: Path,
    out: Path,
    *,
    name: str | None,
    preview: int | None,
    dry_run: bool,
    submit: bool,
    as_json: bool,
) -> None:
    """Train the adapter that the manifest at ``path`` declares."""
    settings = load_settings()
    style, planned = _planned(path, settings, name=name, preview=preview)
    for line in (*style.warnings, *planned.remarks):
        warn(line)
    expected = forecast_run(planned.document, settings, ModelStore(settings.models_path, table=settings.models_table))
    if dry_run:
        _print_plan(planned.document, expected, as_json=as_json)
        return
    folder = out / planned.document.name
    with open_catalog(settings) as catalog:
        trained = finished_training(catalog, planned.document)
        if error := taken_name(catalog, planned.document):
            raise error
        if submit:
            _submit(catalog, style, planned.document, as_json=as_json)
            return
        was_missing = trained is None
        if trained is None:
            make_folder(folder)
            _check_room(catalog, expected)
            if not as_json:
                _print_forecast(planned.document, expected)
            trained = _train(catalog, style, planned.document, folder, is_silent=as_json)
        model = register(catalog, planned.document, trained)
        write_files(catalog, planned.document, trained, folder)
    _print_result(planned.document, trained, model, folder, was_missing=was_missing, as_json=as_json)


def schema() -> None:
    """Print the JSON Schema of a training's manifest."""
    print_json(training_json_schema())


def _planned(path: Path, settings: Settings, *, name: str | None, preview: int | None) -> tuple[Style, PlannedTraining]:
    """The checked manifest with the command's options in place of its own, and its plan."""
    style = read_style(path, settings)
    if name is not None:
        style = replace(style, name=name)
    if preview is not None:
        style = replace(style, previews=replace(style.previews, every=preview))
    return style, plan_training(style, settings, ModelStore(settings.models_path, table=settings.models_table))


def _train(catalog: Catalog, style: Style, document: TrainingDocument, folder: Path, *, is_silent: bool) -> Trained:
    from flows.embedded.api import local_api

    training = store_training(catalog, style, document)
    retry_failed(catalog, document)
    reporter = ProgressReporter(len(document.songs))
    reporter.listen(PreviewWriter(catalog, folder))
    with local_api(catalog.settings.prefect_path):
        from flows.train_locally import train_locally

        with TrainingView(reporter, stdout(), is_silent=is_silent) as view, stoppable(view.stop):
            return train_locally(catalog, document, training, reporter)


class PreviewWriter:
    """Writes each preview as soon as it is there, so that it can be heard while the training goes on.

    One that cannot be written is a warning: it is in the store, and the training goes on.
    """

    def __init__(self, catalog: Catalog, folder: Path) -> None:
        self._catalog, self._folder = catalog, folder
        self._written = 0

    def __call__(self, progress: TrainingProgress) -> None:
        """Write the previews that are new."""
        new_previews, self._written = progress.previews[self._written :], len(progress.previews)
        for preview in new_previews:
            try:
                write_preview(self._catalog, preview, self._folder)
            except (OSError, SonglineError) as error:
                reason = getattr(error, "strerror", None) or str(error)
                warn(f"the preview of step {preview.step} could not be written: {reason}")


def _submit(catalog: Catalog, style: Style, document: TrainingDocument, *, as_json: bool) -> None:
    from flows.orchestration.run_launcher import PrefectRunLauncher
    from flows.training.submitted import start_run

    training = store_training(catalog, style, document)
    retry_failed(catalog, document)
    launcher = PrefectRunLauncher()
    run_id = start_run(launcher, document, training, begun=begun_times(catalog, document))
    launcher.switch_reconcile(True)
    if as_json:
        print_json({"name": document.name, "training": training, "flow_run_id": run_id})
    else:
        stdout().print(f"{document.name}: a worker of the pool gpu trains it. Run this again without --submit when")
        stdout().print("it is done: what is trained is only registered here.")


def _check_room(catalog: Catalog, expected: RunForecast) -> None:
    free_bytes = shutil.disk_usage(catalog.settings.home).free
    if free_bytes < expected.stored_bytes:
        raise MachineError(
            f"the training needs about {figures.size(expected.stored_bytes)} and {figures.size(free_bytes)} are free "
            f"in {catalog.settings.home}",
            remedy="Free disk space, or point SONGLINE_HOME to another disk",
        )


def _print_plan(document: TrainingDocument, expected: RunForecast, *, as_json: bool) -> None:
    if not as_json:
        _print_forecast(document, expected)
        return
    songs = [
        {"name": song.name, "duration_s": song.duration_s, "lines": len(song.lines), "held_out": song.held_out}
        for song in document.songs
    ]
    print_json(
        {
            "name": document.name,
            "base": document.base.name,
            "songs": songs,
            "rights": document.rights,
            "commercial": document.commercial,
            "training": document.training,
            "forecast": asdict(expected),
        }
    )


def _print_forecast(document: TrainingDocument, expected: RunForecast) -> None:
    held_out = [song.name for song in document.songs if song.held_out]
    minutes = sum(song.duration_s for song in document.songs) / 60
    songs = f"{counted(len(document.songs), 'song')} ({minutes:.0f} min)"
    use = f"held out: {', '.join(held_out)}" if held_out else "none held out"
    stdout().print(Text(f"{document.name}: {songs}, {use}; for {document.base.name}"), soft_wrap=True)
    duration = figures.clock(expected.seconds, with_hours=True)
    steps = counted(int(document.training["steps"]), "step")
    stdout().print(
        f"At most {steps} in about {duration} on {expected.device}; about {figures.size(expected.memory_bytes)} of "
        f"memory ({figures.size(expected.free_bytes)} are free), {figures.size(expected.stored_bytes)} of disk.",
        soft_wrap=True,
    )
    if expected.memory_bytes > expected.free_bytes:
        warn(MEMORY_NOTE)


def _print_result(
    document: TrainingDocument,
    trained: Trained,
    model: InstalledModel,
    folder: Path,
    *,
    was_missing: bool,
    as_json: bool,
) -> None:
    result: dict[str, Any] = dict(trained.result.result)
    for prompt, error in (trained.failures or {}).items():
        warn(with_subject(f"preview of {prompt!r}", str(error)))
    if as_json:
        print_json(
            {
                "name": model.spec.name,
                "training": trained.key,
                "folder": str(folder),
                "installed": str(model.folder),
                "licence": model.spec.licence.id,
                "commercial": model.spec.licence.commercial,
                **result,
                "previews": [asdict(preview) for preview in trained.previews],
                "trained_now": was_missing,
            }
        )
        return
    note = "" if was_missing else "  (it was trained already; nothing was missing)"
    stdout().print(Text(summary(result)).append(note, style="dim"), soft_wrap=True)
    for found in result["copies"]:
        stdout().print(Text(f"{copied_sentence(found)}."), soft_wrap=True)
    allowed = "allowed" if model.spec.licence.commercial else "not allowed"
    stdout().print(f"Licence: {model.spec.licence.id}; commercial use is {allowed}.", soft_wrap=True)
    stdout().print(Text("Read and listen: ", style="bold").append(str(folder), style="cyan"), soft_wrap=True)
    stdout().print(f"Use it: `settings: {{adapters: [{{model: {model.spec.name}, weight: 0.8}}]}}`", soft_wrap=True)
