"""MuQ-MuLan as torch modules, built from local files alone.

The ``muq`` package builds each tower by ``from_pretrained``, which contacts the hub, lets a model folder run code of
its own, reads 2.4 GB of weights that the joint checkpoint then overwrites, and accepts a local folder only with
safetensors, while the release is a pickle. Here its classes are built from their configurations and filled by one
strict load.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from muq.muq import MuQ, MuQConfig
from muq.muq_mulan.models.audio import AudioSpectrogramTransformerPretrained
from muq.muq_mulan.models.mulan import MuLanModel
from muq.muq_mulan.models.text import TextTransformerPretrained
from tokenizers import Tokenizer  # type: ignore[import-untyped]
from transformers import BatchEncoding, XLMRobertaConfig, XLMRobertaModel

from tasks.style.mulan.names import AUDIO_FOLDER, JOINT_FOLDER, TEXT_FOLDER
from tasks.weights.tensors import preserved_rng_state, read_json

Json = Mapping[str, Any]


class TextTooLong(ValueError):
    """A text of more tokens than the text tower has positions for."""


class LocalTokenizer:
    """``tokenizer.json`` with the interface that the text tower expects."""

    def __init__(self, file: Path, *, longest: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as fault:  # tokenizers raises nothing narrower
            raise ValueError(f"{file.name} is no tokenizer ({fault})") from fault
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._longest = longest

    def __call__(self, texts: Sequence[str], **_: object) -> BatchEncoding:
        """Token ids of one text, shape (1, tokens). Several would be padded, which changes the tower's result."""
        (text,) = texts
        ids = self._tokenizer.encode(text).ids
        if len(ids) > self._longest:
            raise TextTooLong(f"the text has {len(ids)} tokens, and the model reads {self._longest} at most")
        tokens = torch.tensor([ids])
        return BatchEncoding({"input_ids": tokens, "attention_mask": torch.ones_like(tokens)})


class AudioTower(AudioSpectrogramTransformerPretrained):  # type: ignore[misc]  # muq has no types
    """The audio tower over a MuQ that is built from its configuration; ``model_name`` is its folder."""

    def _init_pretrained_model(self, model_name: str) -> None:
        self.model = MuQ(MuQConfig(**read_json(Path(model_name) / "config.json")))


class TextTower(TextTransformerPretrained):  # type: ignore[misc]  # muq has no types
    """The text tower over an XLM-R that is built from its configuration; ``model_name`` is its folder."""

    def _init_pretrained_model(self) -> XLMRobertaModel:
        model: XLMRobertaModel = XLMRobertaModel(XLMRobertaConfig(**read_json(Path(self.model_name) / "config.json")))  # type: ignore[no-untyped-call]
        return model

    def _init_tokenizer(self) -> LocalTokenizer:
        config = self.model.config
        # XLM-R counts positions from the padding's id on.
        most_tokens = config.max_position_embeddings - config.pad_token_id - 1
        return LocalTokenizer(Path(self.model_name) / "tokenizer.json", longest=most_tokens)


def build(folder: Path) -> torch.nn.ModuleDict:
    """The joint model with random weights, as ``{"mulan": …}``: its state dict has the names of the release.

    Raises OSError, ValueError, TypeError or KeyError where the folder's configurations are not those of a MuQ-MuLan.
    """
    config = read_json(folder / JOINT_FOLDER / "config.json")
    with preserved_rng_state():
        audio = AudioTower(
            str(folder / AUDIO_FOLDER),
            model_dim=config["audio_model"]["model_dim"],
            use_layer_idx=config["audio_model"]["use_layer_idx"],
            frozen_pretrained=False,
            **config["audio_transformer"],
        )
        text = TextTower(
            str(folder / TEXT_FOLDER),
            model_dim=config["text_model"]["model_dim"],
            frozen_pretrained=False,
            **config["text_transformer"],
        )
        # The tokenizer is made on first use otherwise, and a fault in its file found only then.
        text.tokenizer  # noqa: B018
        joint_model = MuLanModel(audio_transformer=audio, text_transformer=text, **config["mulan"])
    return torch.nn.ModuleDict({"mulan": joint_model})
