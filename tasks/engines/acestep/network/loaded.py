"""The models of this engine in memory: loaded when a recipe first needs them, kept while recipes use the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AceStepConditionEncoder, AceStepTransformer1DModel, FlowMatchEulerDiscreteScheduler
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model
from transformers.utils import logging as transformers_logging

from catalog.common.digests import Json
from catalog.common.errors import MachineError, WorkError
from catalog.common.settings import Settings
from catalog.common.text import first_of
from catalog.models.store import InstalledModel, ModelStore
from tasks.audio.files import read_audio
from tasks.engines.acestep.names import TEXT_MODEL, TOKENIZER_FILE
from tasks.engines.acestep.network.layout import CONFIG_FILE, linear_layers, load_parts
from tasks.engines.acestep.network.pipeline import SongPipeline
from tasks.engines.acestep.network.vae import Vae, check_precision, reference_segments
from tasks.engines.acestep.texts import END
from tasks.engines.latents.models import StatedModels, check_device
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.merge import merged, misfits
from tasks.weights.networks import check_fields
from tasks.weights.tensors import damaged, read_json, redownload_remedy

LONGEST_REFERENCE_S = 600.0

TEXT_FIELDS = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"),
    *("num_key_value_heads", "head_dim", "hidden_act", "max_position_embeddings", "rms_norm_eps", "rope_theta"),
    *("rope_scaling", "rope_parameters", "attention_bias", "use_sliding_window", "sliding_window"),
    *("max_window_layers", "layer_types", "pad_token_id"),
)
"""What the config file of the text encoder states of its network; all else there is not read."""


@dataclass(frozen=True, slots=True)
class Network:
    """Everything that samples latents, on one device and in one precision."""

    transformer: AceStepTransformer1DModel
    condition_encoder: AceStepConditionEncoder
    text_encoder: Qwen3Model
    tokenizer: PreTrainedTokenizerFast
    dtype: torch.dtype

    def pipeline(self, vae: Vae) -> SongPipeline:
        """The pipeline over these parts; it needs the autoencoder for its figures only."""
        return SongPipeline(
            vae=vae.module,
            text_encoder=self.text_encoder,
            tokenizer=self.tokenizer,
            transformer=self.transformer,
            condition_encoder=self.condition_encoder,
            scheduler=FlowMatchEulerDiscreteScheduler(num_train_timesteps=1, shift=1.0),
        )


def network_key(inputs: Mapping[str, Json]) -> list[Json]:
    """What songs must have in common to be rendered by one network in memory."""
    files = inputs["files"]
    return [files["network"], files["text"], inputs["dtype"], inputs.get("adapters", [])]


class Loaded:
    """At most one network, one autoencoder and one reference, on this machine's device."""

    def __init__(self, settings: Settings) -> None:
        self._models = StatedModels(ModelStore(settings.models_path, table=settings.models_table))
        self.device = torch.device(settings.device_here)
        self._network: tuple[Json, Network] | None = None
        self._vae: tuple[Json, Vae] | None = None
        self._reference: tuple[Json, Tensor] | None = None

    def network(self, inputs: Mapping[str, Json]) -> Network:
        """The network that a recipe names. Raises ModelMissing, WorkError where another is installed, MachineError."""
        key = network_key(inputs)
        if self._network is None or self._network[0] != key:
            self._network = None  # frees the previous one, so that both are never in memory at once
            self._network = key, self._load_network(inputs)
        return self._network[1]

    def vae(self, inputs: Mapping[str, Json]) -> Vae:
        """The autoencoder that a recipe names, with its reduced precision checked.

        Raises ModelMissing, WorkError where another is installed, MachineError, and RefusedError.
        """
        key = [inputs["files"]["vae"], inputs["vae_dtype"]]
        if self._vae is None or self._vae[0] != key:
            self._vae = None
            self._vae = key, self._load_vae(inputs)
        return self._vae[1]

    def reference(self, inputs: Mapping[str, Json], file: Path) -> Tensor:
        """The latents of a recipe's reference. Raises what reading its audio raises."""
        vae, key = self.vae(inputs), [inputs["reference"], inputs["files"]["vae"], inputs["vae_dtype"]]
        if self._reference is None or self._reference[0] != key:
            segments = reference_segments(read_audio(file, longest_s=LONGEST_REFERENCE_S))
            self._reference = key, vae.encode(segments)
        return self._reference[1]

    def _load_network(self, inputs: Mapping[str, Json]) -> Network:
        check_device(self.device)
        dtype = getattr(torch, inputs["dtype"])
        parts = load_parts(self._models.installed(inputs, "network"))
        text = self._models.installed(inputs, "text")
        _merge(parts.transformer, self._models.adapters(inputs))
        return Network(
            parts.transformer.to(self.device, dtype),
            parts.condition_encoder.to(self.device, dtype),
            _text_encoder(text, self.device, dtype),
            _tokenizer(text.path(TOKENIZER_FILE)),
            dtype,
        )

    def _load_vae(self, inputs: Mapping[str, Json]) -> Vae:
        model, dtype = self._models.installed(inputs, "vae"), getattr(torch, inputs["vae_dtype"])
        vae = Vae.load(model, device=self.device, dtype=dtype)
        if dtype != torch.float32:
            check_precision(Vae.load(model, device=self.device), vae)
        return vae


def _merge(network: nn.Module, adapters: list[tuple[Adapter, float]]) -> None:
    """Add adapters to a network's own weights. Raises WorkError where one does not fit."""
    layers = linear_layers(network)
    for adapter, _ in adapters:
        if faults := list(misfits(adapter, layers)):
            problem = f"an adapter of the recipe does not fit its network: {first_of(faults)}"
            raise WorkError(problem, remedy="Leave the adapter out, or name the network it was trained on")
    if changed := merged(network.state_dict(), adapters):
        network.load_state_dict(changed, strict=False, assign=True)
        network.requires_grad_(False)


def _text_encoder(model: InstalledModel, device: torch.device, dtype: torch.dtype) -> Qwen3Model:
    """The text encoder, every tensor of it from its file. Raises MachineError."""
    remedy = redownload_remedy(TEXT_MODEL)
    config = _text_config(model)
    kind: Any = Qwen3Model  # its own types say nothing of what is loaded beside the model
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        encoder, info = kind.from_pretrained(
            model.folder,
            config=config,
            local_files_only=True,
            use_safetensors=True,
            dtype=dtype,
            output_loading_info=True,
        )
    except Exception as error:  # damaged files provoke errors of any kind
        raise MachineError(f"{TEXT_MODEL} cannot be read: {error}", remedy=remedy) from error
    if wrong := _wrong(info):
        raise MachineError(f"the tensors of {TEXT_MODEL} are not those of its network: {wrong}", remedy=remedy)
    model_read: Qwen3Model = encoder.requires_grad_(False).eval().to(device)
    return model_read


def _text_config(model: InstalledModel) -> Qwen3Config:
    """The shape of the text encoder, and nothing else of its config file: transformers would obey that also where it
    asks for other code, such as attention from a hub or a package for quantised weights. Raises MachineError."""
    path, remedy = model.path(CONFIG_FILE), redownload_remedy(TEXT_MODEL)
    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise damaged(path, remedy=remedy) from error
    fields = {name: document[name] for name in TEXT_FIELDS if name in document}
    plain = Qwen3Config()
    check_fields(fields, {name: getattr(plain, name, None) for name in fields}, model=TEXT_MODEL)
    try:
        return Qwen3Config(**fields)
    except Exception as error:  # its checks raise errors of their own kinds
        raise MachineError(f"{TEXT_MODEL} cannot be read: {error}", remedy=remedy) from error


def _tokenizer(file: Path) -> PreTrainedTokenizerFast:
    """The tokenizer of the file with which planning counts."""
    kind: Any = PreTrainedTokenizerFast
    tokenizer: PreTrainedTokenizerFast = kind(tokenizer_file=str(file), pad_token=END)
    return tokenizer


def _wrong(info: Mapping[str, Any]) -> str:
    kinds = {"missing": "missing_keys", "unknown": "unexpected_keys", "of another shape": "mismatched_keys"}
    found = {kind: list(info.get(key) or ()) for kind, key in kinds.items()}
    return ", ".join(f"{len(names)} {kind} (such as {names[0]})" for kind, names in found.items() if names)
