"""Tiny ACE-Step models in the published file structures, for tests that go through the real loading code."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from catalog.models.store import ModelStore
from tests.support.models import install, relaxed_table

TURBO, SFT, XL = "acestep-1.5-turbo", "acestep-1.5-sft", "acestep-1.5-xl-turbo"
VAE, TEXT = "acestep-1.5-vae", "qwen3-embedding-0.6b"
ALL = (TURBO, SFT, XL, VAE, TEXT)
XL_FOLDER = "acestep-v15-xl-turbo-diffusers"

CHANNELS = 8
WIDTH = 32
SYMBOLS = 512

SIZES: Mapping[str, Any] = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "in_channels": 3 * CHANNELS,
    "audio_acoustic_hidden_dim": CHANNELS,
    "patch_size": 2,
    "sliding_window": 16,
}
ENCODER_SIZES: Mapping[str, Any] = {
    "text_hidden_dim": WIDTH,
    "timbre_hidden_dim": CHANNELS,
    "num_lyric_encoder_hidden_layers": 2,
    "num_timbre_encoder_hidden_layers": 2,
}
VAE_SIZES: Mapping[str, Any] = {
    "encoder_hidden_size": 2 * CHANNELS,
    "downsampling_ratios": [2, 4, 4, 6, 10],
    "channel_multiples": [1, 1, 1, 2, 2],
    "decoder_channels": 4,
    "decoder_input_channels": CHANNELS,
    "audio_channels": 2,
    "sampling_rate": 48_000,
}
OFFICIAL_NAMES = {"to_q": "q_proj", "to_k": "k_proj", "to_v": "v_proj", "norm_q": "q_norm", "norm_k": "k_norm"}

TRAINED_ON = (
    "# Instruction\nFill the audio semantic mask based on the given conditions:\n\n# Caption\nindie pop\n\n# Metas\n"
    "Repaint the mask area based on the given conditions:\n- bpm: N/A\n- timesignature: 4\n- keyscale: A minor\n"
    "- duration: 30 seconds\n# Languages\nen\n\n# Lyric\n[verse]\n"
)
"""What the tiny tokenizer has symbols for: the fixed parts of a prompt take no more of its budget than usual."""


def acestep_variables(folder: Path, *names: str) -> dict[str, str]:
    """Install the tiny models of these names (by default all of them) under ``folder``.

    Returns the SONGLINE_* variables that point to them.
    """
    table = relaxed_table(folder / "models.toml")
    store = ModelStore(folder / "models", table)
    for name in names or ALL:
        with tempfile.TemporaryDirectory() as scratch:
            install(store, name, _files(name, Path(scratch)))
    return {"SONGLINE_MODELS": str(store.folder), "SONGLINE_MODELS_TABLE": str(table), "SONGLINE_DEVICE": "cpu"}


@cache
def networks(*, is_turbo: bool = True) -> tuple[nn.Module, nn.Module]:
    """The sampler and the condition encoder of diffusers with fixed random weights."""
    from diffusers import AceStepConditionEncoder, AceStepTransformer1DModel

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7 if is_turbo else 8)
        transformer = AceStepTransformer1DModel(**SIZES, is_turbo=is_turbo)
        encoder = AceStepConditionEncoder(**_shared(), **ENCODER_SIZES)
        encoder.silence_latent.normal_()
    return transformer.eval(), encoder.eval()


def write_official(folder: Path, *, is_turbo: bool = True) -> dict[str, Path]:
    """The authors' three files, with the parts that are left out: path in the model → file."""
    transformer, encoder = networks(is_turbo=is_turbo)
    tensors = {f"decoder.{_official(name)}": tensor for name, tensor in transformer.state_dict().items()}
    for name, tensor in encoder.state_dict().items():
        if name not in ("null_condition_emb", "silence_latent"):
            tensors[f"encoder.{_official(name)}"] = tensor
    tensors["null_condition_emb"] = encoder.state_dict()["null_condition_emb"]
    tensors["tokenizer.quantizer.project_in.weight"] = torch.ones(2, 2)
    tensors["detokenizer.special_tokens"] = torch.ones(2, 2)
    paths = {name: folder / name for name in ("config.json", "model.safetensors", "silence_latent.pt")}
    config = {**SIZES, **ENCODER_SIZES, "is_turbo": is_turbo, "model_type": "acestep", "layer_types": _layer_types()}
    paths["config.json"].write_text(json.dumps(config))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, paths["model.safetensors"])
    torch.save(encoder.state_dict()["silence_latent"].transpose(1, 2).contiguous(), paths["silence_latent.pt"])
    return paths


def write_diffusers(folder: Path, *, is_turbo: bool = True) -> dict[str, Path]:
    """The same weights in the folders of diffusers, the sampler in two shards."""
    transformer, encoder = networks(is_turbo=is_turbo)
    transformer.save_pretrained(folder / "transformer", max_shard_size=160_000)
    encoder.save_pretrained(folder / "condition_encoder")
    shards = len(list((folder / "transformer").glob("*.safetensors")))
    assert shards == 2, f"{shards} shards"
    return {f"{XL_FOLDER}/{path.relative_to(folder)}": path for path in folder.rglob("*") if path.is_file()}


def write_vae(folder: Path) -> dict[str, Path]:
    """The autoencoder as diffusers saves it."""
    from diffusers import AutoencoderOobleck

    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*weight_norm.*", FutureWarning)
        torch.manual_seed(9)
        AutoencoderOobleck(**VAE_SIZES).save_pretrained(folder)
    return {path.name: path for path in folder.iterdir()}


def write_text_encoder(folder: Path) -> dict[str, Path]:
    """The text encoder with its tokenizer: a byte-level one that marks the end of a text, as the published one does."""
    from transformers import Qwen3Config, Qwen3Model

    config = Qwen3Config(
        vocab_size=SYMBOLS,
        hidden_size=WIDTH,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(10)
        Qwen3Model(config).save_pretrained(folder)
    write_tokenizer(folder / "tokenizer.json")
    return {name: folder / name for name in ("config.json", "model.safetensors", "tokenizer.json")}


def write_tokenizer(path: Path) -> Path:
    """The tokenizer alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=SYMBOLS,
        show_progress=False,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator([TRAINED_ON] * 3, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", tokenizer.token_to_id("<|endoftext|>"))]
    )
    tokenizer.save(str(path))
    return path


def official_state(name: str) -> dict[str, Tensor]:
    """The sampler's tensors by the authors' names."""
    transformer, _ = networks(is_turbo=name.endswith("turbo"))
    return {_official(key): tensor for key, tensor in transformer.state_dict().items()}


def _files(name: str, scratch: Path) -> Mapping[str, Path]:
    if name == VAE:
        return write_vae(scratch)
    if name == TEXT:
        return write_text_encoder(scratch)
    return write_diffusers(scratch) if name == XL else write_official(scratch, is_turbo=name == TURBO)


def _official(name: str) -> str:
    """A tensor's name in the authors' file."""
    name = name.replace("proj_in_conv.", "proj_in.1.").replace("proj_out_conv.", "proj_out.1.")
    name = name.replace(".to_out.0.", ".o_proj.")
    return ".".join(OFFICIAL_NAMES.get(part, part) for part in name.split("."))


def _shared() -> dict[str, Any]:
    names = ("hidden_size", "intermediate_size", "num_attention_heads", "num_key_value_heads", "head_dim")
    return {name: SIZES[name] for name in (*names, "sliding_window")}


def _layer_types() -> list[str]:
    return ["sliding_attention", "full_attention"]
