"""Tiny versions of the optional judges' models with random weights, in the files that the registry installs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.tiny_mulan import WORDS

CLAP_FEATURES = {
    "chunk_length_s": 10,
    "feature_extractor_type": "ClapFeatureExtractor",
    "feature_size": 64,
    "fft_window_size": 1024,
    "frequency_max": 14000,
    "frequency_min": 50,
    "hop_length": 480,
    "max_length_s": 10,
    "n_fft": 1024,
    "nb_frequency_bins": 513,
    "nb_max_frames": 1000,
    "nb_max_samples": 480000,
    "padding": "repeatpad",
    "padding_side": "right",
    "padding_value": 0.0,
    "processor_class": "ClapProcessor",
    "return_attention_mask": False,
    "sampling_rate": 48000,
    "top_db": None,
    "truncation": "rand_trunc",
}
"""As in the release: the model's input is not scaled down with it."""

SUNG = ("walking", "home", "last", "bus", "city", "lights", "rain", "again")
"""The words that the tiny Whisper can output."""


def write_tiny_clap(folder: Path, seed: int = 0, *, safetensors: bool = False) -> Path:
    """Write a CLAP of about 50,000 parameters into ``folder``; returns the file of its weights."""
    import torch
    from safetensors.torch import save_file
    from transformers import ClapConfig, ClapModel

    config = ClapConfig(
        text_config={
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "vocab_size": len(WORDS) + 4,
            "max_position_embeddings": 34,
        },
        audio_config={
            "hidden_size": 32,
            "patch_embeds_hidden_size": 4,
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 1, 1, 1],
            "num_hidden_layers": 4,
        },
        projection_dim=16,
    )
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    (folder / "preprocessor_config.json").write_text(json.dumps(CLAP_FEATURES))
    _words_tokenizer().save(str(folder / "tokenizer.json"))
    state = _random_state(ClapModel(config), seed)
    weights = folder / ("model.safetensors" if safetensors else "pytorch_model.bin")
    if safetensors:
        save_file(state, weights)
    else:
        torch.save(state, weights)
    return weights


@contextmanager
def small_aesthetics() -> Iterator[None]:
    """Make the package build a small network during the block: its size is fixed in its code, not in the checkpoint."""
    from audiobox_aesthetics.model import aes

    sizes = {
        "encoder_layers": 2,
        "encoder_embed_dim": 16,
        "encoder_ffn_embed_dim": 32,
        "encoder_attention_heads": 2,
        "conv_feature_layers": "[(8,10,5)] + [(8,3,2)] * 4 + [(8,2,2)] * 2",
        "conv_pos_groups": 4,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sizes.items():
            patch.setattr(aes.DEFAULT_AUDIO_CFG, name, value)
        yield


def write_tiny_aesthetics(folder: Path, seed: int = 0) -> Path:
    """Write ``checkpoint.pt`` in the published structure, for use inside :func:`small_aesthetics`."""
    import warnings

    import torch
    from audiobox_aesthetics.model.aes import AesMultiOutput

    shape: dict[str, Any] = {
        "proj_num_layer": 2,
        "proj_ln": True,
        "proj_act_fn": "gelu",
        "proj_dropout": 0.0,
        "nth_layer": 3,
        "use_weighted_layer_sum": True,
        "precision": "bf16",
        "normalize_embed": True,
        "output_dim": 1,
    }
    scales = {axis: {"mean": 5.0 + number, "std": 1.5} for number, axis in enumerate(("CE", "CU", "PC", "PQ"))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        with small_aesthetics():
            network = AesMultiOutput(**{**shape, "precision": "32"})
    state = {f"model.{name}": tensor for name, tensor in _random_state(network, seed).items()}
    file = folder / "checkpoint.pt"
    torch.save({"state_dict": state, "model_cfg": shape, "target_transform": scales}, file)
    return file


def write_tiny_whisper(folder: Path, scratch: Path, seed: int = 0) -> Path:
    """Write a Whisper into ``folder``, converted by CTranslate2 from random weights saved under ``scratch``."""
    import torch
    from ctranslate2.converters import TransformersConverter
    from transformers import WhisperConfig, WhisperForConditionalGeneration, WhisperTokenizerFast  # type: ignore[attr-defined]

    tokenizer = _whisper_tokenizer()
    ids = {name: tokenizer.token_to_id(name) for name in ("<|endoftext|>", "<|startoftranscript|>")}
    config = WhisperConfig(
        vocab_size=tokenizer.get_vocab_size(),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        num_mel_bins=80,
        pad_token_id=ids["<|endoftext|>"],
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|endoftext|>"],
        decoder_start_token_id=ids["<|startoftranscript|>"],
        suppress_tokens=[],
        begin_suppress_tokens=[],
    )
    model = WhisperForConditionalGeneration(config)
    model.load_state_dict(_random_state(model, seed))
    model.generation_config.alignment_heads = [[0, 0]]  # type: ignore[attr-defined]
    model.save_pretrained(scratch)
    wrapped = WhisperTokenizerFast(tokenizer_object=tokenizer, unk_token="<|endoftext|>")
    wrapped.save_pretrained(scratch)
    features = {"feature_size": 80, "sampling_rate": 16000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}
    (scratch / "preprocessor_config.json").write_text(json.dumps(features))
    converter = TransformersConverter(
        str(scratch), copy_files=["tokenizer.json", "preprocessor_config.json"], load_as_float16=False
    )
    converter.convert(str(folder), force=True)
    torch.manual_seed(0)
    return folder / "model.bin"


def _random_state(module: Any, seed: int) -> dict[str, Any]:
    """Weights from their own generator, of such variance that different inputs give clearly different outputs."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    state = {name: tensor.clone().contiguous() for name, tensor in module.state_dict().items()}
    for tensor in state.values():
        if tensor.is_floating_point() and tensor.ndim >= 2:
            fan_in = tensor[0].numel()
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (1.5 / fan_in**0.5))
    return state


def _words_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors  # type: ignore[import-untyped]

    vocabulary = {token: number for number, token in enumerate(("<s>", "<pad>", "</s>", "<unk>", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["<s>", "$A", "</s>"], special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return tokenizer


def _whisper_tokenizer() -> Any:
    """Whisper's special tokens with few words; all token numbers differ from the real ones."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = [f"Ġ{word}" for word in SUNG]
    vocabulary = {token: number for number, token in enumerate((*letters, *words))}
    tokenizer = Tokenizer(models.BPE(vocabulary, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    languages = [f"<|{code}|>" for code in ("en", "zh", "de", "pt")]
    tasks = ["<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    stamps = [f"<|{0.02 * number:.2f}|>" for number in range(1501)]
    tokenizer.add_special_tokens(["<|endoftext|>", "<|startoftranscript|>", *languages, *tasks])
    tokenizer.add_tokens(stamps)
    return tokenizer
