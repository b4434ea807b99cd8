"""LAION-CLAP from local files alone: transformers' classes, filled by one strict load.

``from_pretrained`` is not used: it looks for a safetensors version of a pickled checkpoint on the hub, and accepts a
checkpoint with missing tensors.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from catalog.common.errors import InputError, MachineError
from tasks.audio.audio import Audio
from tasks.scoring.judges.windows import WINDOW_S, windows_of
from tasks.scoring.registry import CLAP, install_command
from tasks.style.mulan.window import middle_window
from tasks.weights.tensors import load_into, preserved_rng_state, read_json, read_tensors, redownload_remedy

RATE_HZ = 48_000
NEEDED = ("config.json", "preprocessor_config.json", "tokenizer.json")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TEXTS_KEPT = 64
PULL_AGAIN = redownload_remedy(CLAP)

Vector = NDArray[np.float32]


class Clap:
    """A loaded CLAP. Vectors are float32, shape (size,), of length 1, and depend on nothing but their subject."""

    def __init__(self, model: Any, features: Any, tokenizer: Any, *, device: str) -> None:
        self._model = model
        self._features = features
        self._tokenizer = tokenizer
        self._device = device
        # The same prompt is embedded for every candidate of its song.
        self._text = lru_cache(maxsize=TEXTS_KEPT)(self._embedded)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Clap:
        """The model installed in ``folder``; nothing is looked up anywhere else.

        Raises MachineError where transformers is not installed, or the folder lacks a file or holds a wrong one.
        """
        weights = _weights(folder)
        model, features, tokenizer = _built(folder)
        load_into(
            model, read_tensors(weights, remedy=PULL_AGAIN), component=weights.name, model=CLAP, remedy=PULL_AGAIN
        )
        return cls(model.float().eval().to(device), features, tokenizer, device=device)

    def text(self, text: str) -> Vector:
        """The vector of a text. Raises InputError for one of more tokens than the model has positions for."""
        return self._text(text).copy()

    def clip(self, audio: Audio) -> Vector:
        """The vector of the ten seconds around the middle. Raises InputError for less than ten seconds."""
        start_s, end_s = middle_window(audio.duration_s)
        clip = audio.samples[:, round(start_s * audio.rate) : round(end_s * audio.rate)]
        return self._heard(Audio(clip, audio.rate))

    def windows(self, audio: Audio) -> list[tuple[float, float, Vector]]:
        """Start and end in seconds and the vector of every ten-second window, the last down to half that length."""
        return [(start_s, end_s, self._heard(part)) for start_s, end_s, part in windows_of(audio)]

    def _embedded(self, text: str) -> Vector:
        ids = self._tokenizer.encode(text).ids
        config = self._model.config.text_config
        # RoBERTa counts positions from the padding id on.
        most_tokens = config.max_position_embeddings - config.pad_token_id - 1
        if len(ids) > most_tokens:
            problem = f"the text has {len(ids)} tokens, and {CLAP} reads {most_tokens} at most"
            raise InputError(problem, remedy="Shorten the prompt")
        tokens = torch.tensor([ids], device=self._device)
        with torch.inference_mode():
            return _vector(self._model.get_text_features(input_ids=tokens, attention_mask=torch.ones_like(tokens)))

    def _heard(self, part: Audio) -> Vector:
        mono = part.samples.mean(axis=0)
        if part.rate != RATE_HZ:
            mono = soxr.resample(mono, part.rate, RATE_HZ, quality="HQ")
        # From a longer input, even by the resampler's last sample, the model would draw a passage at random.
        mono = mono[: round(WINDOW_S * RATE_HZ)]
        features = self._features(mono, sampling_rate=RATE_HZ, return_tensors="pt")
        with torch.inference_mode():
            return _vector(self._model.get_audio_features(input_features=features["input_features"].to(self._device)))


def _vector(output: Any) -> Vector:
    """The only vector of an output, which is a tensor or, in newer versions, holds one; scaled to length 1."""
    tensor = output if isinstance(output, torch.Tensor) else output.pooler_output
    vector: Vector = tensor[0].float().cpu().numpy()
    unit: Vector = vector / np.linalg.norm(vector)
    return unit


def _weights(folder: Path) -> Path:
    missing_files = [file for file in NEEDED if not (folder / file).is_file()]
    weight_files = [folder / name for name in WEIGHTS if (folder / name).is_file()]
    if missing_files or not weight_files:
        missing_names = ", ".join(missing_files or [WEIGHTS[-1]])
        raise MachineError(f"{CLAP} is not whole: {missing_names} missing", remedy=f"Run `songline models pull {CLAP}`")
    return weight_files[0]


def _built(folder: Path) -> tuple[Any, Any, Any]:
    """The model with random weights, its feature extractor, and its tokenizer."""
    try:
        # Imported on demand: it takes four seconds.
        from tokenizers import Tokenizer  # type: ignore[import-untyped]
        from transformers import ClapConfig, ClapFeatureExtractor, ClapModel
    except ImportError as fault:
        raise MachineError(
            f"{CLAP} needs packages that are not installed ({fault})", remedy=f"Run `{install_command('clap')}`"
        ) from fault
    try:
        config = ClapConfig.from_dict(read_json(folder / "config.json"))
        features = ClapFeatureExtractor(**read_json(folder / "preprocessor_config.json"))
        if (features.sampling_rate, features.max_length_s) != (RATE_HZ, WINDOW_S):
            raise ValueError("its sampling rate or window differs")
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        with preserved_rng_state():
            return ClapModel(config), features, tokenizer
    except Exception as fault:  # tokenizers raises nothing narrower than that
        raise MachineError(f"{CLAP} is not configured as a CLAP: {fault}", remedy=PULL_AGAIN) from fault
