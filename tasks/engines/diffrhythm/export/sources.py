"""The installed models that an export is made from, and the network that they give."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalog.common.errors import InputError
from catalog.models.store import InstalledModel, ModelStore
from tasks.engines.adapters.setting import MAX_ADAPTER_WEIGHT, MAX_ADAPTERS
from tasks.engines.diffrhythm.export.document import Buffers, LicenceEntry, SourceEntry
from tasks.engines.diffrhythm.inputs import BUILT_IN
from tasks.engines.diffrhythm.network.checkpoint import load_network
from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.settings import (
    DATA_MODEL,
    NEGATIVE_STYLE_FILE,
    VAE_MODEL,
)
from tasks.engines.registration import examine_adapter
from tasks.style.mulan.vector import read_style
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.reading import read_adapter

WeightedName = tuple[str, float]


@dataclass(frozen=True, slots=True)
class SourceAdapter:
    """An installed adapter and how strongly it counts."""

    model: InstalledModel
    content: Adapter
    weight: float


@dataclass(frozen=True, slots=True)
class Sources:
    """The models of an export: a network with its adapters, the decoder, the language data."""

    network: InstalledModel
    adapters: tuple[SourceAdapter, ...]
    decoder: InstalledModel
    data: InstalledModel

    @property
    def models(self) -> tuple[InstalledModel, ...]:
        """All of them."""
        return (self.network, *(adapter.model for adapter in self.adapters), self.decoder, self.data)

    @property
    def entries(self) -> tuple[SourceEntry, ...]:
        """Their entries in the document, the network first."""
        adapters = (_entry("adapter", adapter.model, weight=adapter.weight) for adapter in self.adapters)
        return (
            _entry("network", self.network),
            *adapters,
            _entry("decoder", self.decoder),
            _entry("negative style", self.data),
        )

    @property
    def licences(self) -> tuple[LicenceEntry, ...]:
        """The licence of each."""
        return tuple(LicenceEntry.of(model.spec.name, model.spec.licence) for model in self.models)

    def load_network(self, *, exact_buffers: bool) -> DiT:
        """The network on the CPU with its adapters merged. Raises MachineError for a damaged file, or an adapter that
        does not fit."""
        adapters = [(adapter.content, adapter.weight) for adapter in self.adapters]
        return load_network(self.network.weights, exact_buffers=exact_buffers, adapters=adapters)

    def doubts(self, buffers: Buffers) -> Iterator[str]:
        """A sentence for each adapter that was trained with something else than it is merged into."""
        for adapter in self.adapters:
            name, base, rope = adapter.model.spec.name, adapter.content.base, adapter.content.rope
            if base not in (None, self.network.digest):
                yield f"{name} was trained on another network than {self.network.spec.name}: it may sound otherwise."
            if rope not in (None, buffers):
                yield f"{name} was trained with positions `{rope}`, and this is exported with --rope {buffers}."

    def negative_style(self) -> tuple[float, ...]:
        """The published negative style of guidance, 512 numbers."""
        return tuple(float(number) for number in read_style(self.data.path(NEGATIVE_STYLE_FILE)))


def find_sources(store: ModelStore, name: str, adapters: Sequence[WeightedName] = ()) -> Sources:
    """The models for the export of the network ``name``.

    Raises InputError for a name that is no DiffRhythm network, or no adapter for it, ModelMissing, and MachineError
    for an adapter whose files were changed.
    """
    kind = store.spec(name).like or name
    if kind not in BUILT_IN:
        raise InputError(f"{name} is no DiffRhythm network", remedy=f"Export {' or '.join(BUILT_IN)}, or one like them")
    store.need_all([name, VAE_MODEL, DATA_MODEL, *(adapter for adapter, _ in adapters)])
    network = store.need(name)
    if network.spec.adapter is not None:
        remedy = f"Export its base with `--adapters {name}`"
        raise InputError(f"{name} is an adapter, which has no network of its own", remedy=remedy)
    found_adapters = tuple(_source_adapter(store, network, name, weight) for name, weight in adapters)
    return Sources(network, found_adapters, store.need(VAE_MODEL), store.need(DATA_MODEL))


def read_adapter_options(options: Sequence[str]) -> tuple[WeightedName, ...]:
    """``NAME`` or ``NAME:WEIGHT`` of each option. Raises InputError for a wrong one, a repeated one, or too many."""
    adapters = tuple(_read_adapter_option(option) for option in options)
    names = [name for name, _ in adapters]
    if len(set(names)) < len(names):
        repeated_name = next(name for name in names if names.count(name) > 1)
        raise InputError(f"the adapter {repeated_name} is given twice", remedy="Give each adapter once")
    if len(adapters) > MAX_ADAPTERS:
        raise InputError(f"{len(adapters)} adapters are given", remedy=f"Give at most {MAX_ADAPTERS}")
    return adapters


def _read_adapter_option(option: str) -> WeightedName:
    name, has_weight, weight = option.partition(":")
    if not has_weight:
        return name, 1.0
    is_number = re.fullmatch(r"-?(?:\d{1,3}(?:\.\d{0,9})?|\.\d{1,9})", weight) is not None
    if not is_number or abs(float(weight)) > MAX_ADAPTER_WEIGHT:
        raise InputError(
            f"{option[:80]!r} gives an adapter no weight",
            remedy=f"Give NAME:WEIGHT with a number from {-MAX_ADAPTER_WEIGHT:g} to {MAX_ADAPTER_WEIGHT:g}",
        )
    return name, float(weight)


def _source_adapter(store: ModelStore, network: InstalledModel, name: str, weight: float) -> SourceAdapter:
    """Raises InputError where a model is no adapter, or one for another kind of network; MachineError where its files
    are not those that were registered."""
    adapter = store.need(name)
    if adapter.spec.adapter is None:
        raise InputError(f"{name} is no adapter", remedy="Name adapters as `songline models list` shows them")
    kind, wanted_kind = adapter.spec.like, network.spec.like or network.spec.name
    if kind not in (wanted_kind, network.spec.name):
        raise InputError(f"the adapter {name} is for {kind}, not for {network.spec.name}", remedy=f"Export {kind}")
    examine_adapter(adapter.spec, adapter.folder)
    return SourceAdapter(adapter, read_adapter(adapter.folder), weight)


def _entry(role: str, model: InstalledModel, *, weight: float | None = None) -> SourceEntry:
    return SourceEntry.model_validate(
        {
            "role": role,
            "name": model.spec.name,
            "revision": model.revision,
            "digest": model.digest,
            "weight": weight,
        }
    )
