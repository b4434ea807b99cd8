"""Register a LoRA adapter in the model store: read, compared with its network layer by layer, and stored anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from catalog.common.errors import InputError, MachineError
from catalog.common.text import counted, first_of
from catalog.models.adapters import install_adapter
from catalog.models.given_files import open_given, refuse_link
from catalog.models.install import Watch
from catalog.models.spec import AdapterFacts, Licence, ModelSpec
from catalog.models.store import InstalledModel, ModelStore
from tasks.engines.adapters.networks import AdaptedNetworks, is_of
from tasks.engines.registry import ADAPTED, adapted_networks
from tasks.weights.adapters.detect import CONFIG_FILE, WEIGHTS_FILE
from tasks.weights.adapters.digest import adapter_digest
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.merge import misfits
from tasks.weights.adapters.reading import read_adapter
from tasks.weights.adapters.writing import adapter_bytes, config_bytes


def register_adapter(
    store: ModelStore,
    name: str,
    source: Path,
    *,
    base: str,
    licence: Licence,
    origin: str,
    at: datetime,
    watch: Watch | None = None,
) -> InstalledModel:
    """Install the adapter in ``source``, a folder or a file, as the model ``name`` for the network ``base``.

    It is stored as PEFT's two files, written anew. Its licence is the strictest of the base's, the stated ``licence``
    and what Songline wrote into its files when it was trained.

    Does nothing where the same adapter has that name already. Raises InputError that names what is wrong with the
    adapter, a base that is no network of an engine that takes adapters, and a name in use.
    """
    spec = store.spec(base)
    networks = _networks_of(spec)
    adapter = _renamed(_read_given(source), networks.layer_name)
    if faults := list(misfits(adapter, networks.layers(store, spec))):
        problem = f"{source.name} does not fit {spec.name}: {first_of(faults)} ({counted(len(faults), 'layer')})"
        raise InputError(problem, remedy="Name the network that it was trained on with --like")
    licence = _as_recorded(adapter, licence)
    facts = AdapterFacts(adapter_digest(adapter), base, adapter.rank, adapter.base, adapter.rope)
    files = {WEIGHTS_FILE: adapter_bytes(adapter), CONFIG_FILE: config_bytes(adapter)}
    return install_adapter(store, name, files, facts, licence=licence, origin=origin, at=at, watch=watch)


def examine_adapter(spec: ModelSpec, folder: Path) -> None:
    """Raise MachineError where the files of an adapter from another machine are not what its record says."""
    if spec.adapter is None:
        return
    try:
        adapter = read_adapter(folder)
    except InputError as error:
        raise MachineError(f"the adapter {spec.name} cannot be used: {error.what}", remedy=error.remedy) from error
    remedy = "Get the models again from the machine that made them"
    if adapter_digest(adapter) != spec.adapter.digest:
        raise MachineError(f"the files of the adapter {spec.name} are not those of its record", remedy=remedy)
    if _as_recorded(adapter, spec.licence) != spec.licence:
        raise MachineError(f"the adapter {spec.name} may not be sold, and its record says that it may", remedy=remedy)


def _networks_of(spec: ModelSpec) -> AdaptedNetworks:
    """The networks that a model is one of. Raises InputError where no engine has it as one."""
    engines = [adapted_networks(engine) for engine in ADAPTED]
    for networks in engines:
        if is_of(spec, networks):
            return networks
    known = " or ".join(name for networks in engines for name in networks.names)
    titles = " or ".join(networks.engine for networks in engines)
    raise InputError(f"{spec.name} is no {titles} network", remedy=f"Name {known} as its base")


def _read_given(source: Path) -> Adapter:
    """The adapter in a user's files: each a regular one of a single name, and no link that leads elsewhere."""
    files = [source / WEIGHTS_FILE, source / CONFIG_FILE] if source.is_dir() else [source]
    for file in files:
        if file.exists() or file.is_symlink():
            refuse_link(file)
            open_given(file).close()
    return read_adapter(source)


def _renamed(adapter: Adapter, name: Callable[[str], str]) -> Adapter:
    """The adapter by the network's own names. Raises InputError where two layers get one name."""
    pairs = {name(layer): pair for layer, pair in adapter.pairs.items()}
    if len(pairs) < len(adapter.pairs):
        raise InputError("the adapter names a layer twice", remedy="Train the adapter again")
    ranks = {name(layer): rank for layer, rank in adapter.rank_pattern.items()}
    alphas = {name(layer): alpha for layer, alpha in adapter.alpha_pattern.items()}
    return replace(adapter, pairs=pairs, rank_pattern=ranks, alpha_pattern=alphas)


def _as_recorded(adapter: Adapter, stated: Licence) -> Licence:
    """The stated licence, without commercial use where the adapter's own record forbids it."""
    if adapter.record.get("commercial") is not False or not stated.commercial:
        return stated
    sentence = "No commercial use, as was stated when it was trained"
    return replace(stated, commercial=False, sentence=sentence)
