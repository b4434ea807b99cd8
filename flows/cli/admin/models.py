"""``songline models …``: lists, downloads, verifies and imports models."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from catalog.common import figures
from catalog.common.digests import digest_file
from catalog.common.errors import InputError
from catalog.common.packages import require_installed
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.models.install import Watch, install_session
from catalog.models.licences import not_accepted, stated_licence, summary
from catalog.models.spec import AdapterFacts, Licence, ModelSpec
from catalog.models.store import InstalledModel, ModelStore, remove_model
from flows.cli.admin.findings import Check
from flows.cli.console.lookup import open_store
from flows.console import SafeTable, print_json, stderr, stdout, warn


def list_models(*, as_json: bool) -> None:
    """List every model, those of the table first."""
    store = open_store()
    entries = [(spec, store.installed(spec.name)) for spec in store.specs().values()]
    if as_json:
        print_json({"folder": str(store.folder), "models": [_entry(store, spec, model) for spec, model in entries]})
        return
    table = SafeTable(pad_edge=False)
    for heading in ("model", "role", "licence", "commercial", "installed", "size"):
        table.add_column(heading, no_wrap=heading != "role")
    for spec, model in entries:
        size = (
            figures.size(model.size_bytes, digits=2) if model else f"about {figures.size(spec.about_bytes, digits=2)}"
        )
        revision = _short(model.revision) if model else "no"
        commercial_use = "yes" if spec.licence.commercial else "no"
        table.add_row(spec.name, _role(spec), spec.licence.id, commercial_use, revision, size)
    stdout().print(table)
    stdout().print(f"They are kept in {store.folder}", soft_wrap=True)


def pull(names: Sequence[str], *, accept: bool, as_json: bool) -> None:
    """Download models. Nothing is requested before the licence is accepted."""
    from catalog.models.download import Downloader
    from catalog.models.pull import pull as pull_model

    store = open_store()
    specs = [store.spec(name) for name in dict.fromkeys(names)]
    if unaccepted_specs := [spec for spec in specs if not (accept or store.accepted(spec.name))]:
        raise not_accepted(unaccepted_specs, f"songline models pull {' '.join(spec.name for spec in specs)}")
    for spec in specs:
        _show_licence(spec, as_json=as_json)
    models = []
    with Downloader(load_settings().hub_url) as fetcher, _bars(as_json=as_json) as watch:
        for spec in specs:
            models.append(pull_model(store, spec.name, fetcher, at=datetime.now(UTC), accept=accept, watch=watch))
    _print_models(store, models, "pulled", as_json=as_json)


def verify(names: Sequence[str], *, deep: bool, as_json: bool) -> None:
    """Read every byte of the installed models; exits 1 where one is missing or corrupt.

    ``deep`` samples those that are networks, and whole, in every form of weights that this machine has.
    """
    store = open_store()
    verdicts = {name: store.verify(name) for name in names or store.recorded() if names or store.record(name)}
    damaged_files = [(name, file) for name, files in verdicts.items() for file in files if file.verdict != "ok"]
    damaged_names = {name for name, _ in damaged_files}
    checks = _deep_checks([name for name in verdicts if name not in damaged_names]) if deep else []
    if as_json:
        models = [
            {"name": name, "files": [{"path": file.path, "verdict": file.verdict} for file in files]}
            for name, files in verdicts.items()
        ]
        document = {"models": models, "damaged": len(damaged_files)}
        print_json({**document, "precision": [asdict(check) for check in checks]} if deep else document)
    else:
        for name, file in damaged_files:
            stdout().print(f"{file.verdict} {name}/{file.path}", soft_wrap=True)
        files_read = sum(len(files) for files in verdicts.values())
        count_text = f"{counted(len(verdicts), 'model')} of {counted(files_read, 'file')}"
        stdout().print(f"{count_text} checked, {counted(len(damaged_files), 'file')} damaged")
        for name in dict.fromkeys(name for name, _ in damaged_files):
            stdout().print(f"`songline models pull {name}` fetches what is damaged.")
        for check in checks:
            stdout().print(" ".join(filter(None, (f"{check.name}: {check.found}.", check.remedy))), soft_wrap=True)
    if damaged_files:
        sys.exit(1)


def _deep_checks(names: Sequence[str]) -> list[Check]:
    from flows.cli.admin.doctor_precision import deep_checks

    return deep_checks(load_settings(), names)


def import_models(folder: Path, names: Sequence[str], *, accept: bool, as_json: bool) -> None:
    """Import models from a folder."""
    from catalog.models.importer import import_folder

    store = open_store()
    with _bars(as_json=as_json) as watch:
        import_result = import_folder(
            store, folder, names, at=datetime.now(UTC), accept=accept, watch=watch, examine=_examine
        )
    for line in import_result.incomplete:
        warn(line)
    for model in import_result.models:
        _show_licence(model.spec, as_json=as_json)
    _print_models(store, import_result.models, "imported", as_json=as_json)


def add(
    name: str,
    origin: str,
    *,
    like: str,
    licence: str,
    commercial: bool | None,
    sha256: str | None,
    as_json: bool,
) -> None:
    """Register the user's own checkpoint, or an adapter."""
    from catalog.models.download import Downloader
    from catalog.models.pull import add as add_model
    from catalog.models.pull import is_address
    from tasks.weights.adapters.detect import is_adapter

    if sha256 is not None and not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise InputError(f"{sha256[:80]!r} is no SHA-256 digest", remedy="Give 64 small hexadecimal digits")
    store = open_store()
    terms = stated_licence(store.table.licence(licence), licence, commercial=commercial, what="the model")
    if not is_address(origin, source := Path(origin).expanduser()) and is_adapter(source):
        model = _add_adapter(store, name, source, like=like, licence=terms, sha256=sha256)
        _print_models(store, [model], "added", as_json=as_json)
        return
    with Downloader(load_settings().hub_url) as downloader, _bars(as_json=as_json) as watch:
        model = add_model(
            store,
            name,
            origin,
            like=like,
            licence=terms,
            at=datetime.now(UTC),
            downloader=downloader,
            sha256=sha256,
            watch=watch,
        )
    if is_adapter(model.weights):
        with install_session(store, name) as session:
            remove_model(session.home, forget=True)
        raise InputError(f"{origin} is a LoRA adapter", remedy="Download it, then add the file or its folder")
    _print_models(store, [model], "added", as_json=as_json)


def _add_adapter(
    store: ModelStore, name: str, source: Path, *, like: str, licence: Licence, sha256: str | None
) -> InstalledModel:
    require_installed(("torch", "safetensors"), component="reading an adapter", extras=("diffrhythm",))
    from tasks.engines.registration import register_adapter
    from tasks.weights.adapters.detect import WEIGHTS_FILE

    weights = source / WEIGHTS_FILE if source.is_dir() else source
    if sha256 is not None and weights.is_file() and (found := digest_file(weights)) != sha256:
        raise InputError(f"{weights.name}: its SHA-256 is {found}, expected {sha256}", remedy="Get the file again")
    origin = f"added from {source}"
    model = register_adapter(store, name, source, base=like, licence=licence, origin=origin, at=datetime.now(UTC))
    facts, base = model.spec.adapter, store.installed(like)
    if facts and base and facts.base_digest not in (None, base.digest):
        warn(f"{name} was trained on another network than the {like} that is installed here")
    if model.spec.licence.id != licence.id:
        warn(f"{name} comes under the licence of {like}, which is stricter: {model.spec.licence.id}")
    elif licence.commercial and not model.spec.licence.commercial:
        warn(f"{name} may not be used in commercial albums: its own files say so")
    return model


def _examine(spec: ModelSpec, folder: Path) -> None:
    """Check an imported adapter, which needs torch; other models are checked by their digests alone."""
    if spec.adapter is not None:
        require_installed(("torch", "safetensors"), component="reading an adapter", extras=("diffrhythm",))
        from tasks.engines.registration import examine_adapter

        examine_adapter(spec, folder)


def remove(name: str, *, forget: bool, as_json: bool) -> None:
    """Remove a model's files."""
    store = open_store()
    if not store.home(name).is_dir():
        raise InputError(f"{store.spec(name).name} is not installed", remedy="Run `songline models list`")
    with install_session(store, name) as session:
        remove_model(session.home, forget=forget)
    if as_json:
        print_json({"removed": name, "forgotten": forget})
    else:
        stdout().print(f"{name} is removed")


@contextmanager
def _bars(*, as_json: bool) -> Iterator[Watch]:
    """A progress bar on stderr for each downloaded file, where stderr is a terminal."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=stderr(),
        disable=as_json or not sys.stderr.isatty(),
    ) as progress:
        tasks: dict[str, TaskID] = {}

        def update_bar(file: str, present_bytes: int, size: int | None) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(file, total=size)
            progress.update(tasks[file], completed=present_bytes, total=size)

        def report_wait(name: str) -> None:
            warn(f"another process installs {name}; waiting for it")

        yield Watch(on_wait=report_wait, on_progress=update_bar)


def _entry(store: ModelStore, spec: ModelSpec, model: InstalledModel | None) -> dict[str, object]:
    """A model in the form of ``--json``."""
    installation = {"revision": model.revision, "digest": model.digest, "folder": str(model.folder)} if model else {}
    return {
        "name": spec.name,
        "title": spec.title,
        "roles": [role.value for role in spec.roles],
        "licence": spec.licence.id,
        "commercial": spec.licence.commercial,
        "accepted": store.accepted(spec.name),
        "installed": model is not None,
        "bytes": model.size_bytes if model else spec.about_bytes,
        "like": spec.like,
        "kind": "adapter" if spec.adapter else "model",
        **({"adapter": _adapter_entry(spec.adapter)} if spec.adapter else {}),
        **installation,
    }


def _adapter_entry(facts: AdapterFacts) -> dict[str, object]:
    return {"base": facts.base, "base_digest": facts.base_digest, "rank": facts.rank, "rope": facts.rope}


def _role(spec: ModelSpec) -> str:
    return f"adapter of {spec.adapter.base}" if spec.adapter else ", ".join(spec.roles)


def _show_licence(spec: ModelSpec, *, as_json: bool) -> None:
    if not as_json:
        stderr().print(f"{spec.name}: {summary(spec.licence)}", soft_wrap=True)


def _print_models(store: ModelStore, models: Sequence[InstalledModel], verb: str, *, as_json: bool) -> None:
    if as_json:
        print_json({verb: [_entry(store, model.spec, model) for model in models]})
        return
    for model in models:
        size = figures.size(model.size_bytes, digits=2)
        line = f"{model.spec.name} {_short(model.revision)} is here ({size}): {model.folder}"
        stdout().print(line, soft_wrap=True)


def _short(revision: str) -> str:
    return revision.removeprefix("sha256:")[:12]
