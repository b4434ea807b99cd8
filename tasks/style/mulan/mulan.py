"""MuQ-MuLan: text and music in one space of 512 dimensions, in which matching pairs are close to each other.

A cosine of two of its vectors is not a percentage: unrelated pairs are near 0, and for good songs the cosine with their
own prompt is around 0.4 to 0.5. Text may be English or Chinese.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from catalog.common.errors import InputError, MachineError
from tasks.audio.audio import Audio
from tasks.style.mulan.names import AUDIO_FOLDER, JOINT_FOLDER, MUQ_MULAN, RATE_HZ, STYLE_SIZE, TEXT_FOLDER, WINDOW_S
from tasks.style.mulan.vector import Style
from tasks.style.mulan.weights import PULL_AGAIN, fill
from tasks.style.mulan.window import Mono, reference_clip, whole_length
from tasks.weights.tensors import preserved_rng_state, read_json

NEEDED = (
    f"{JOINT_FOLDER}/config.json",
    f"{AUDIO_FOLDER}/config.json",
    f"{TEXT_FOLDER}/config.json",
    f"{TEXT_FOLDER}/tokenizer.json",
)

TEXTS_KEPT = 64
"""The number of text vectors that a loaded model caches."""


class MuLan:
    """A loaded MuQ-MuLan. Vectors are float32, shape (512,), of length 1, and depend on nothing but their subject."""

    def __init__(self, joint: Any, device: str) -> None:
        self._joint = joint
        self._device = device
        # The same prompt is embedded for every candidate of its song.
        self._text = lru_cache(maxsize=TEXTS_KEPT)(self._embedded_text)

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> MuLan:
        """The model installed in ``folder``; nothing is looked up anywhere else.

        Raises MachineError where ``muq`` is not installed, or the folder lacks a file or holds a wrong one.
        """
        _check_layout(folder)
        joint_model = _build(folder)
        fill(joint_model, folder)
        return cls(joint_model["mulan"].float().eval().to(device), device)

    def text(self, text: str) -> Style:
        """The vector of a text. Raises InputError for an empty one, or one beyond 512 tokens (about 350 words)."""
        if not text.strip():
            raise InputError("there is no text to embed", remedy="Write a prompt")
        return self._text(text).copy()

    def _embedded_text(self, text: str) -> Style:
        from tasks.style.mulan.towers import TextTooLong

        try:
            with torch.inference_mode(), preserved_rng_state():
                return _style(self._joint.get_text_latents(raw_texts=[text]))
        except TextTooLong as fault:
            raise InputError(str(fault), remedy="Shorten the prompt") from fault

    def clip(self, audio: Audio) -> Style:
        """The vector of a reference: of the ten seconds around its middle, at their own level.

        Raises InputError for less than ten seconds, or for samples that are not finite.
        """
        return self._heard(reference_clip(audio))

    def windows(self, audio: Audio, *, hop_s: float | None = None) -> list[tuple[float, float, Style]]:
        """Start and end in seconds and the vector of ten-second windows over the whole length.

        Without ``hop_s`` they follow each other; the last one ends with the audio. Raises InputError as :meth:`clip`.
        """
        return [(start_s, end_s, self._heard(mono)) for start_s, end_s, mono in whole_length(audio, hop_s=hop_s)]

    def _heard(self, mono: Mono) -> Style:
        with torch.inference_mode(), preserved_rng_state():
            return _style(self._joint.get_audio_latents(torch.from_numpy(mono)[None].to(self._device)))


@lru_cache(maxsize=2)
def shared_mulan(folder: Path, *, device: str = "cpu") -> MuLan:
    """The model in ``folder``, loaded once per device in the life of a process (2.6 GB at full size)."""
    return MuLan.load(folder, device=device)


def _style(latents: torch.Tensor) -> Style:
    vector: Style = latents[0].float().cpu().numpy()
    return vector.copy()


def _check_layout(folder: Path) -> None:
    missing_files = [file for file in NEEDED if not (folder / file).is_file()]
    if missing_files:
        raise MachineError(
            f"{MUQ_MULAN} is not whole: {', '.join(missing_files)} "
            f"{'is' if len(missing_files) == 1 else 'are'} missing",
            remedy=f"Run `songline models pull {MUQ_MULAN}`",
        )


def _build(folder: Path) -> torch.nn.ModuleDict:
    try:
        # Imported on demand, which takes five seconds: it imports transformers, torchaudio and librosa.
        from tasks.style.mulan import towers
    except ImportError as fault:
        raise MachineError(
            f"MuQ-MuLan needs packages that are not installed ({fault})", remedy="Run `pip install 'songline[mulan]'`"
        ) from fault
    try:
        measures = read_json(folder / JOINT_FOLDER / "config.json")["mulan"]
        if (measures["sr"], measures["clip_secs"], measures["dim_latent"]) != (RATE_HZ, WINDOW_S, STYLE_SIZE):
            raise ValueError("its sampling rate, window or embedding size differs")
        return towers.build(folder)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError, ImportError) as fault:
        raise MachineError(f"{MUQ_MULAN} is not configured as a MuQ-MuLan: {fault}", remedy=PULL_AGAIN) from fault
