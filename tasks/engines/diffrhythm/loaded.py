"""The models of this engine in memory: loaded when a recipe first needs them, kept while recipes use the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from catalog.common.digests import Json
from catalog.common.errors import RefusedError, WorkError
from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from tasks.engines.diffrhythm.network.checkpoint import load_network
from tasks.engines.diffrhythm.network.config import BASE_FRAMES, CONDITION, NetworkConfig
from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.network.sampler import Sampler
from tasks.engines.diffrhythm.precision_gate import Quantised, checked_error
from tasks.engines.diffrhythm.settings import DATA_MODEL, NEGATIVE_STYLE_FILE
from tasks.engines.diffrhythm.vae.precision import check_precision
from tasks.engines.diffrhythm.vae.vae import Vae
from tasks.engines.diffrhythm.weight_forms import weights_of
from tasks.engines.latents.models import StatedModels, check_device, not_alike
from tasks.style.mulan.vector import read_style


@dataclass(frozen=True, slots=True)
class Network:
    """A sampler and the sizes of its network; ``forward_error`` is that of quantised weights."""

    sampler: Sampler
    config: NetworkConfig
    dtype: torch.dtype
    forward_error: float | None = None


def network_key(inputs: Mapping[str, Json]) -> list[Json]:
    """What songs must have in common to be rendered by one network in memory."""
    named = [inputs["files"]["network"], *(inputs[name] for name in ("dtype", "rope", "ema"))]
    return [*named, inputs.get("compiled", False), inputs.get("adapters", []), weights_of(inputs)]


class Loaded:
    """At most one network and one autoencoder, on this machine's device."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._models = StatedModels(ModelStore(settings.models_path, table=settings.models_table))
        self.device = torch.device(settings.device_here)
        self._network: tuple[Json, Network] | None = None
        self._vae: tuple[Json, Vae] | None = None

    def network(self, inputs: Mapping[str, Json]) -> Network:
        """The network a recipe names. Raises ModelMissing, WorkError where another is installed, MachineError, and
        RefusedError for a form of weights that this device lacks or that is too far from full precision."""
        key = network_key(inputs)
        if self._network is None or self._network[0] != key:
            self._network = None  # frees the previous one, so that both are never in memory at once
            self._network = key, self._load_network(inputs)
        return self._network[1]

    def vae(self, inputs: Mapping[str, Json]) -> Vae:
        """The autoencoder a recipe names, with its reduced precision checked.

        Raises ModelMissing, WorkError where another is installed, MachineError, and RefusedError.
        """
        key = [inputs["files"]["vae"], inputs["vae_dtype"]]
        if self._vae is None or self._vae[0] != key:
            self._vae = None
            self._vae = key, self._load_vae(inputs)
        return self._vae[1]

    def fixed_style(self, inputs: Mapping[str, Json]) -> Tensor:
        """A negative style [512] that needs no embedding: the published one, or none, which is all zeros."""
        style_entry = inputs["negative_style"]
        if style_entry["fixed"] == "none":
            return torch.zeros(CONDITION)
        data = self._models.store.need(DATA_MODEL)
        if data.digests[NEGATIVE_STYLE_FILE] != style_entry["digest"]:
            raise not_alike(DATA_MODEL)
        return torch.from_numpy(read_style(data.path(NEGATIVE_STYLE_FILE)))

    def _load_network(self, inputs: Mapping[str, Json]) -> Network:
        check_device(self.device)
        form, dtype, compiled = weights_of(inputs), getattr(torch, inputs["dtype"]), inputs.get("compiled", False)
        if form == "full":
            network = self._read_network(inputs, merge_layers=True)
            sampler = Sampler(network, device=self.device, dtype=dtype, compile=compiled)
            return Network(sampler, network.config, dtype)
        read = partial(self._read_network, inputs, merge_layers=False)
        quantised = Quantised(read, form, self.device, dtype, self._models.adapters(inputs))
        sampler, config = quantised.sampler(compile=compiled)
        return Network(sampler, config, dtype, checked_error(self._settings, inputs, quantised, sampler, config))

    def _read_network(self, inputs: Mapping[str, Json], *, merge_layers: bool) -> DiT:
        network = load_network(
            self._models.installed(inputs, "network").weights,
            exact_buffers=inputs["rope"] == "exact",
            prefer_ema=inputs["ema"],
            adapters=self._models.adapters(inputs),
            merge_layers=merge_layers,
        )
        _check_kind(network.config, inputs)
        return network

    def _load_vae(self, inputs: Mapping[str, Json]) -> Vae:
        path = self._models.installed(inputs, "vae").weights
        vae = Vae.load(path, device=self.device, dtype=getattr(torch, inputs["vae_dtype"]))
        if vae.dtype != torch.float32:
            try:
                check_precision(Vae.load(path, device=self.device), vae)
            except RefusedError as error:
                raise RefusedError(error.what, remedy="Set `vae_dtype: float32` in the song's settings") from error
        return vae


def _check_kind(config: NetworkConfig, inputs: Mapping[str, Json]) -> None:
    """Songs of other lengths than the base model's need a network with a duration input; v1.0's full one has none."""
    needs_duration = inputs["frames"] != BASE_FRAMES
    if config.has_duration == needs_duration:
        return
    name = inputs["files"]["network"]["name"]
    if needs_duration:
        problem = f"{name} has no length embedding: it is a base model, or one of version 1.0, which cannot be used"
    else:
        problem = f"{name} is a full model, and songs of 95 s need a base model"
    raise WorkError(problem, remedy="Run `songline models pull` for a v1.2 model that suits the song's length")
