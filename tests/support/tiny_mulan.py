"""A tiny MuQ-MuLan with random weights, in the files that the registry installs for the real one. Downloads nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ENGLISH = ("pop", "rock", "folk", "jazz", "piano", "guitar", "drums", "warm", "sad", "female", "vocal", "bpm", "minor")
CHINESE = ("流行", "摇滚", "钢琴", "吉他", "女声", "忧伤")
WORDS = ENGLISH + CHINESE
WIDTH = 16


def write_tiny_mulan(folder: Path, seed: int = 0, *, safetensors: bool = False) -> dict[str, str]:
    """Write ``mulan/``, ``muq-large-msd-iter/`` and ``xlm-roberta-base/`` under ``folder``.

    Returns the files' relative paths by their role: ``mulan_config``, ``mulan_weights``, ``audio_config``,
    ``audio_weights``, ``text_config``, ``text_weights``, ``tokenizer``, ``tokenizer_config``. Equal seeds write equal
    weights.
    """
    import torch
    from safetensors.torch import save_file

    paths = {
        "mulan_config": "mulan/config.json",
        "mulan_weights": "mulan/model.safetensors" if safetensors else "mulan/pytorch_model.bin",
        "audio_config": "muq-large-msd-iter/config.json",
        "audio_weights": "muq-large-msd-iter/pytorch_model.bin",
        "text_config": "xlm-roberta-base/config.json",
        "text_weights": "xlm-roberta-base/model.safetensors",
        "tokenizer": "xlm-roberta-base/tokenizer.json",
        "tokenizer_config": "xlm-roberta-base/tokenizer_config.json",
    }
    for path in paths.values():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    for name, document in (
        ("mulan_config", _mulan_config()),
        ("audio_config", _audio_config()),
        ("text_config", _text_config()),
        ("tokenizer_config", {"model_max_length": 512, "tokenizer_class": "XLMRobertaTokenizer"}),
    ):
        (folder / paths[name]).write_text(json.dumps(document, indent=2))
    _tokenizer().save(str(folder / paths["tokenizer"]))
    state = _random_state(folder, seed)
    if safetensors:
        save_file(state, folder / paths["mulan_weights"])
    else:
        torch.save(state, folder / paths["mulan_weights"])
    torch.save(_part(state, "mulan.audio.model."), folder / paths["audio_weights"])
    save_file(_part(state, "mulan.text.model."), folder / paths["text_weights"], metadata={"format": "pt"})
    return paths


def _random_state(folder: Path, seed: int) -> dict[str, Any]:
    """Weights from their own generator, of such variance that different inputs give clearly different vectors."""
    import torch

    from tasks.style.mulan.towers import build

    generator = torch.Generator().manual_seed(seed)
    state = build(folder).state_dict()
    for name, tensor in state.items():
        is_weight = tensor.is_floating_point() and tensor.ndim >= 2 and "quantizer" not in name
        if is_weight:
            fan_in = tensor[0].numel()
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * (1.5 / fan_in**0.5))
    return {name: tensor.clone().contiguous() for name, tensor in state.items()}


def _part(state: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}


def _mulan_config() -> dict[str, Any]:
    tower = {"dim": WIDTH, "heads": 2, "dim_head": 8, "attn_dropout": 0.0, "ff_dropout": 0.0, "ff_mult": 2}
    return {
        "mulan": {
            "sr": 24000,
            "clip_secs": 10,
            "dim_latent": 512,
            "decoupled_contrastive_learning": True,
            "hierarchical_contrastive_loss": False,
            "hierarchical_contrastive_loss_layers": None,
            "sigmoid_contrastive_loss": False,
            "rank_contrast": True,
        },
        "audio_model": {"name": "OpenMuQ/MuQ-large-msd-iter", "model_dim": WIDTH, "use_layer_idx": -1},
        "text_model": {"name": "xlm-roberta-base", "model_dim": None, "use_layer_idx": -1},
        "audio_transformer": tower | {"tf_depth": 0},
        "text_transformer": tower | {"tf_depth": 2, "max_seq_len": 1024},
    }


def _audio_config() -> dict[str, Any]:
    from transformers import Wav2Vec2ConformerConfig

    conformer = Wav2Vec2ConformerConfig(
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        conv_depthwise_kernel_size=5,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        position_embeddings_type="rotary",
    )
    return {
        "label_rate": 25,
        "num_codebooks": 1,
        "codebook_dim": 4,
        "codebook_size": 16,
        "features": ["melspec_2048"],
        "hop_length": 240,
        "n_mels": 128,
        "conv_dim": 4,
        "encoder_dim": WIDTH,
        "encoder_depth": 1,
        "is_flash": False,
        "stat": {"melspec_2048_mean": 6.77, "melspec_2048_std": 18.42},
        "w2v2_config": conformer.to_dict(),
    }


def _text_config() -> dict[str, Any]:
    from transformers import XLMRobertaConfig

    config = XLMRobertaConfig(
        vocab_size=len(_vocabulary()),
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    document: dict[str, Any] = config.to_dict() | {"architectures": ["XLMRobertaForMaskedLM"]}
    return document


def _vocabulary() -> list[tuple[str, float]]:
    specials = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    words = [(f"▁{word}", -2.0) for word in WORDS] + [(word, -3.0) for word in WORDS]
    letters = [(letter, -6.0) for letter in "▁abcdefghijklmnopqrstuvwxyz0123456789,.:#"]
    return [*specials, *words, *letters, ("<mask>", 0.0)]


def _tokenizer() -> Any:
    from tokenizers import (  # type: ignore[import-untyped]
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
    )

    tokenizer = Tokenizer(models.Unigram(_vocabulary(), unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["<s>", "$A", "</s>"], special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return tokenizer
