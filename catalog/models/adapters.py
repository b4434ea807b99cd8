"""LoRA adapters in the model store: installed under a name, and found by the digest that a recipe states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError
from catalog.files.permissions import file_mode_in
from catalog.files.whole_file import write_whole
from catalog.models.install import InstallSession, Watch, install_session
from catalog.models.licences import strictest
from catalog.models.record import FileRecord, OwnModel
from catalog.models.spec import AdapterFacts, Licence, ModelFile, Role
from catalog.models.store import HELD, InstalledModel, ModelStore
from catalog.models.used import ModelUsed


def install_adapter(
    store: ModelStore,
    name: str,
    files: Mapping[str, bytes],
    facts: AdapterFacts,
    *,
    licence: Licence,
    origin: str,
    at: datetime,
    watch: Watch | None = None,
) -> InstalledModel:
    """Install an adapter's ``files`` as the model ``name``; does nothing where it is here already, and whole.

    Its licence is the strictest of its base's and the stated one. Raises InputError for a name in use.
    """
    watch, base = watch or Watch(), store.spec(facts.base)
    terms = strictest(base.licence, licence)
    if (model := _same(store, name, facts, terms)) is not None:
        return model
    with install_session(store, name, on_wait=lambda: watch.on_wait(name)) as session:
        if (model := _same(store, name, facts, terms)) is not None:
            return model
        session.need_room(sum(len(data) for data in files.values()))
        records = {path: _place(session, path, data) for path, data in files.items()}
        own_model = OwnModel(
            like=base.like or base.name,
            title=f"A LoRA adapter for {facts.base}",
            roles=(Role.GENERATES,),
            licence=terms.id,
            licence_name=terms.name,
            commercial=terms.commercial,
            sentence=terms.sentence,
            adapter=facts,
        )
        spec = own_model.spec(name, records)
        session.accept(spec, at)
        revision = f"sha256:{facts.digest[:12]}"
        return session.finish(spec, records, revision=revision, origin=origin, at=at, own=own_model)


def adapter_by_digest(store: ModelStore, digest: str) -> InstalledModel | None:
    """The installed adapter of that content; of several names, one whose licence forbids the most."""
    names = (name for name in store.recorded() if _is_of(store, name, digest))
    models = [model for name in names if (model := store.installed(name)) is not None]
    return min(models, key=lambda model: (model.spec.licence.commercial, model.spec.name), default=None)


def adapter_used(store: ModelStore, digest: str) -> ModelUsed:
    """An adapter's entry in the lineage, by its digest: also of one that was removed since."""
    if (model := adapter_by_digest(store, digest)) is not None:
        return model.used
    revision = f"sha256:{digest[:12]}"
    name = next(_removed(store, digest), None)
    licence = store.held(name).licence if name else ""
    unnamed = f"adapter-{digest[:12]}"
    return ModelUsed(name=name or unnamed, revision=revision, licence=licence or "unknown", digest=digest)


def _place(session: InstallSession, path: str, data: bytes) -> FileRecord:
    place = session.place(path)
    write_whole(place, data, mode=file_mode_in(place.parent))
    return session.check(ModelFile(path, path, size_bytes=len(data), sha256=digest_bytes(data)))


def _same(store: ModelStore, name: str, facts: AdapterFacts, terms: Licence) -> InstalledModel | None:
    """The model of that name where it is this adapter; raises InputError where it is another."""
    store.home(name)
    store.table.refuse_name(name)
    if name not in store.table.models and (store.record(name) is None or store.holds_no_model(name)):
        return None
    spec = store.spec(name)
    has_terms = (spec.licence.id, spec.licence.commercial) == (terms.id, terms.commercial)
    if spec.adapter == facts and has_terms:
        return store.installed(name) if store.is_whole(name) else None  # a damaged one is installed again
    remedy = "Choose another name"
    if name not in store.table.models:  # a name of the table remains taken
        remedy = f"{remedy}, or run `songline models remove {name}` first"
    raise InputError(f"there is a model {name} already, and it is another", remedy=remedy)


def _is_of(store: ModelStore, name: str, digest: str) -> bool:
    record = store.record(name)
    return bool(record and record.own and record.own.adapter and record.own.adapter.digest == digest)


def _removed(store: ModelStore, digest: str) -> Iterator[str]:
    """The names under which the adapter was once installed."""
    for path in sorted(store.folder.glob(f"*/{HELD}")):
        try:
            if store.held(path.parent.name).adapter == digest:
                yield path.parent.name
        except InputError:
            continue  # a folder of another name than a model's
