"""The gate of quantised networks: how far one is from full precision, measured once and kept, and refused over a limit.

The reference is the same network with the same adapters in float32 on a CPU and in bfloat16 on a GPU. Its layers are
made one by one from the file, so that the measurement takes no second network's memory.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from catalog.common.digests import Json
from catalog.common.errors import MachineError, RefusedError
from catalog.common.settings import Settings
from catalog.models.store import InstalledModel
from tasks.engines.diffrhythm.measured_precision import (
    REFUSE_ABOVE,
    MeasuredPrecision,
    keep_precision,
    known_precision,
    precision_key,
)
from tasks.engines.diffrhythm.network import precision
from tasks.engines.diffrhythm.network.checkpoint import load_network
from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig
from tasks.engines.diffrhythm.network.quantised import StreamedLayers, quantised_layers
from tasks.engines.diffrhythm.network.sampler import Sampler, Sampling
from tasks.engines.diffrhythm.weight_forms import FP8_CAPABILITY, Form, no_fp8, require_torchao
from tasks.weights.adapters.merge import WeightedAdapters
from tasks.weights.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from tasks.engines.diffrhythm.embedding_check import EmbeddingCheck

_LOG = logging.getLogger("songline.precision")


@dataclass(frozen=True, slots=True)
class Quantised:
    """A network to be loaded in a form; ``read`` gives it as stored, with ``adapters`` not merged into its layers."""

    read: Callable[[], DiT]
    form: Form
    device: torch.device
    dtype: torch.dtype
    adapters: WeightedAdapters = ()

    def sampler(self, *, compile: bool = False) -> tuple[Sampler, NetworkConfig]:
        """The network in its form. Raises MachineError without torchao, RefusedError on a device without the form."""
        require_form(self.form, self.device)
        network = self.read()
        layers = quantised_layers(network, self.form, device=self.device, dtype=self.dtype, adapters=self.adapters)
        return Sampler(network, device=self.device, dtype=self.dtype, compile=compile, layers=layers), network.config

    def reference(self) -> Sampler:
        """The network in full precision, its layers made anew in every evaluation."""
        network, dtype = self.read(), reference_dtype(self.device)
        layers = StreamedLayers(network, device=self.device, dtype=dtype, adapters=self.adapters)
        return Sampler(network, device=self.device, dtype=dtype, layers=layers)

    def forward_error(self, sampler: Sampler, config: NetworkConfig) -> float:
        """The worst relative error of one evaluation at a few times."""
        reference = precision.probe_velocities(self.reference(), config)
        return precision.worst_error(reference, precision.probe_velocities(sampler, config))


def reference_dtype(device: torch.device) -> torch.dtype:
    """The full precision of a device."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def require_form(form: Form, device: torch.device) -> None:
    """Raise where this machine lacks the package, or the device the form: planning on another cannot know."""
    require_torchao(form)
    if form != "fp8":
        return
    if device.type != "cuda":
        raise no_fp8("and this machine renders on a CPU")
    capability = torch.cuda.get_device_capability(device)
    if capability < FP8_CAPABILITY:
        raise no_fp8(f"and {torch.cuda.get_device_name(device)} has {capability[0]}.{capability[1]}")


def checked_error(
    settings: Settings, inputs: Mapping[str, Json], quantised: Quantised, sampler: Sampler, config: NetworkConfig
) -> float:
    """The error of one evaluation of a recipe's network, measured once.

    Raises RefusedError over :data:`REFUSE_ABOVE`; warns in the log where a figure is doubtful.
    """
    device = device_name(quantised.device)
    key = precision_key(inputs, device)
    known = known_precision(settings, key)
    if known is None:
        try:
            error = quantised.forward_error(sampler, config)
        except RuntimeError as fault:  # torch and torchao tell so of a device or a size that a form lacks
            if is_out_of_memory(fault):
                raise
            raise _cannot_run(quantised.form, device, fault) from fault
        name, count = inputs["files"]["network"]["name"], len(inputs.get("adapters", []))
        known = MeasuredPrecision(name, count, quantised.form, inputs["dtype"], device, error)
        keep_precision(settings, key, known)
    judge(known)
    return known.forward_error


def judge(measured: MeasuredPrecision) -> None:
    """Raise RefusedError for an error over the limit; warn in the log where it is large."""
    what = f"{measured.network} in {measured.weights} is {measured.forward_error:.3f} off full precision"
    if measured.is_refused:
        raise RefusedError(
            f"{what} on {measured.device}, over the limit of {REFUSE_ABOVE:g}",
            remedy="Leave `weights` out of the song's settings",
        )
    if measured.is_doubtful:
        _LOG.warning("%s on %s: listen before you deliver", what, measured.device)


def measure_sample(
    settings: Settings,
    model: InstalledModel,
    form: Form,
    *,
    frames: int = precision.SAMPLE_FRAMES,
    sampling: Sampling = precision.SAMPLE,
    check: EmbeddingCheck | None = None,
) -> MeasuredPrecision:
    """One evaluation and a whole sample of an installed network in a form against full precision; the result is kept.

    With ``check``, embeddings of several songs are compared too. Raises what :func:`require_form` does. On a CPU the
    published networks take the better part of an hour, and with ``check`` many hours.
    """
    device = torch.device(settings.device_here)
    require_form(form, device)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32

    def read() -> DiT:
        return load_network(model.weights)

    network = read()
    config = network.config
    full = Sampler(network, device=device, dtype=reference_dtype(device))
    velocities = precision.probe_velocities(full, config)
    latent = precision.probe_sample(full, config, frames=frames, sampling=sampling)
    embeddings = check.embed(full, config) if check else {}
    del network, full
    sampler, _ = Quantised(read, form, device, dtype).sampler()
    forward_error = precision.worst_error(velocities, precision.probe_velocities(sampler, config))
    sampled = precision.probe_sample(sampler, config, frames=frames, sampling=sampling)
    of_sample = precision.sample_error(latent, sampled)
    inputs: dict[str, Json] = {
        "files": {"network": {"name": model.spec.name, "digest": model.digest}},
        "dtype": str(dtype).removeprefix("torch."),
        "rope": "float16",
        "ema": False,
        "weights": form,
    }
    name = device_name(device)
    measured = MeasuredPrecision(model.spec.name, 0, form, inputs["dtype"], name, forward_error)
    measured = replace(measured, sample_error=of_sample.error, sample_cosine=of_sample.cosine)
    if check:
        figures = check.compare(embeddings, check.embed(sampler, config))
        measured = replace(
            measured,
            embedding_cosine=figures.cosine,
            match_full=figures.match_full,
            match=figures.match,
            match_spread=figures.spread,
        )
    keep_precision(settings, precision_key(inputs, name), measured)
    return measured


def device_name(device: torch.device) -> str:
    """The device as its driver names it; ``cpu`` for any CPU."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _cannot_run(form: str, device: str, fault: Exception) -> MachineError:
    reason = " ".join(str(fault).split())[:200]
    return MachineError(
        f"`weights: {form}` does not run on {device}: {reason}", remedy="Leave `weights` out of the song's settings"
    )
