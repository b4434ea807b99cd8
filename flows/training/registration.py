"""Registers a trained adapter among this machine's models, and writes its files into a folder of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from catalog.catalog import Catalog
from catalog.common.errors import InputError, remedy_of_writing
from catalog.common.slugs import slug
from catalog.files.permissions import file_mode_in, users_file_mode, users_umask
from catalog.files.whole_file import copy_whole
from catalog.models.spec import Licence
from catalog.models.store import InstalledModel, ModelStore
from flows.training.finished import Trained, trained_adapter
from flows.training.progress import PreviewMade
from tasks.training.steps.document import TrainingDocument

OWN_LICENCE, OWN_LICENCE_NAME = "own-recordings", "Own recordings"
MAX_SENTENCE = 300
NOT_COMMERCIAL = "No commercial use: the training does not state `commercial: true`"
WEIGHTS_FILE, CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"
"""The names that PEFT gives an adapter's files."""


def register(catalog: Catalog, document: TrainingDocument, trained: Trained) -> InstalledModel:
    """Register the adapter under the training's name; does nothing where it is that already.

    Raises InputError where another model has the name.
    """
    from tasks.engines.registration import register_adapter

    with catalog.scratch() as folder:
        _write_adapter(catalog, trained, folder, mode=file_mode_in(folder))
        return register_adapter(
            catalog.models,
            document.name,
            folder,
            base=document.base.name,
            licence=licence_of(document, catalog.models),
            origin=f"trained: {trained.key}",
            at=datetime.now(UTC),
        )


def taken_name(catalog: Catalog, document: TrainingDocument) -> InputError | None:
    """The error where an adapter of that name is here that is not the result of this training."""
    spec = catalog.models.specs().get(document.name)
    if spec is None or spec.adapter is None or spec.adapter.digest == trained_adapter(catalog, document):
        return None
    remedy = f"Choose another --name, or run `songline models remove {document.name}` first"
    return InputError(f"there is an adapter {document.name} already, and it is another", remedy=remedy)


def licence_of(document: TrainingDocument, models: ModelStore) -> Licence:
    """The licence that the rights amount to: a known one, or one of its own that says what was stated.

    Commercial use is allowed where the manifest says so and a known licence does not forbid it.
    """
    known = models.table.licence(document.licence or "")
    is_commercial = document.commercial and (known is None or known.commercial)
    sentence = " ".join(document.rights.split())[:MAX_SENTENCE]
    if known is not None and known.commercial == is_commercial:
        return known
    if not document.commercial:
        sentence = f"{NOT_COMMERCIAL} ({sentence})"
    if document.licence is None:
        return Licence(OWN_LICENCE, OWN_LICENCE_NAME, is_commercial, sentence)
    licence_id = known.id if known else document.licence
    return Licence(licence_id, known.name if known else licence_id, is_commercial, sentence)


def write_files(catalog: Catalog, document: TrainingDocument, trained: Trained, folder: Path) -> list[Path]:
    """Write adapter, card, curve and previews into ``folder``; returns the previews' paths.

    Permissions follow the user's umask, as the files may be shared. Raises InputError where one cannot be written.
    """
    make_folder(folder)
    _write_adapter(catalog, trained, folder, mode=users_file_mode())
    for role, name in (("card", "card.md"), ("loss_curve", "loss_curve.json")):
        _copy(catalog, trained.result.made[role], folder / name, mode=users_file_mode())
    return [write_preview(catalog, preview, folder) for preview in trained.previews]


def make_folder(folder: Path) -> None:
    """Make a folder for results of the user's. Raises InputError where it cannot be made."""
    with _refused_by(folder), users_umask():
        folder.mkdir(parents=True, exist_ok=True)


def write_preview(catalog: Catalog, preview: PreviewMade, folder: Path) -> Path:
    """Write a preview into ``folder/previews``; returns its path."""
    path = folder / "previews" / f"{slug(preview.prompt, fallback='preview')}-step-{preview.step}.wav"
    make_folder(path.parent)
    _copy(catalog, preview.audio, path, mode=users_file_mode())
    return path


def _write_adapter(catalog: Catalog, trained: Trained, folder: Path, *, mode: int) -> None:
    _copy(catalog, trained.result.made["adapter"], folder / WEIGHTS_FILE, mode=mode)
    _copy(catalog, trained.result.made["adapter_config"], folder / CONFIG_FILE, mode=mode)


def _copy(catalog: Catalog, digest: str, path: Path, *, mode: int) -> None:
    source = catalog.store.local(digest)
    with _refused_by(path):
        copy_whole(source, path, mode=mode)


@contextmanager
def _refused_by(path: Path) -> Iterator[None]:
    """Raise InputError for what the system says against writing at ``path``."""
    try:
        yield
    except OSError as error:
        remedy = remedy_of_writing(error, "Choose another folder with --out")
        raise InputError(f"{path} cannot be written: {error.strerror or error}", remedy=remedy) from error
