"""Whisper (by CTranslate2) as a transcriber of singing, with times, in several passes.

A temperature above zero samples at random, and CTranslate2 seeds its generators once in the life of a thread, so the
same song would give another transcript each time. The passes differ instead in the width of their search and in the
position of the windows of thirty seconds, which decides most of Whisper's errors with singing.
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from catalog.common.errors import MachineError, TransientError
from tasks.audio.audio import Audio
from tasks.scoring.registry import WHISPER, install_command

RATE_HZ = 16_000
NEEDED = ("config.json", "model.bin", "tokenizer.json", "preprocessor_config.json")
PULL_AGAIN = f"Run `songline models verify {WHISPER}`, and pull it again where a file is wrong"

# CTranslate2 4.8 opens this when it first multiplies on a GPU (its other CUDA parts are built in), while torch 2.11
# includes CUDA 13's only. The extra `lyrics-cuda` provides it, 0.8 GB; without it Whisper runs on the CPU.
CUBLAS = "libcublas.so.12"

PASSES = ((5, 0.0), (1, 0.0), (5, 11.0), (1, 11.0))
"""Width of the search, and seconds of silence put before the song."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A few transcribed words between two moments."""

    start_s: float
    end_s: float
    text: str


class Whisper:
    """A loaded Whisper."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Whisper:
        """The model installed in ``folder``: 8-bit integers on a processor, half precision on an accelerator.

        Where an accelerator cannot be used it runs on the processor, and logs a warning. Its 3 GB are not hashed at
        each load, as no judge's model is (Demucs' files are, since their output is audible in the release): `songline
        models verify` does that.

        Raises MachineError where its package is not installed, or the folder lacks a file or holds a wrong one, and
        TransientError where the device has no memory left for it.
        """
        missing_files = [name for name in NEEDED if not (folder / name).is_file()]
        if missing_files:
            # Without its tokenizer the package would request one from the hub.
            problem = f"{WHISPER} is not whole: {', '.join(missing_files)} missing"
            raise MachineError(problem, remedy=f"Run `songline models pull {WHISPER}`")
        try:
            from faster_whisper import WhisperModel  # type: ignore[import-untyped]
        except ImportError as fault:
            raise MachineError(
                f"{WHISPER} needs packages that are not installed ({fault})",
                remedy=f"Run `{install_command('lyrics')}`",
            ) from fault
        if device != "cpu" and not can_multiply_on_cuda():
            _on_cores(f"{CUBLAS} cannot be loaded: install the extra `lyrics-cuda`")
            device = "cpu"
        kind, _, index = device.partition(":")
        try:
            model = WhisperModel(
                str(folder),
                device=kind,
                device_index=int(index or 0),
                compute_type="int8" if kind == "cpu" else "float16",
                local_files_only=True,
            )
        except Exception as fault:  # tokenizers raises nothing narrower than that
            if "out of memory" in str(fault):
                problem = f"out of memory: {WHISPER} does not fit on {device}"
                raise TransientError(problem, remedy="Free memory, or run fewer things at once") from fault
            if kind != "cpu":  # a fault of the device does not show on the processor; a wrong file does
                _on_cores(str(fault))
                return cls.load(folder)
            raise MachineError(f"{WHISPER} cannot be loaded: {fault}", remedy=PULL_AGAIN) from fault
        return cls(model)

    def knows(self, language: str) -> bool:
        """Whether it supports a language, given by its code."""
        return language in self._model.supported_languages

    def passes(self, audio: Audio, language: str) -> Iterator[tuple[Phrase, ...]]:
        """The transcribed phrases, pass by pass; the same for the same audio (channels, frames)."""
        mono = audio.samples.mean(axis=0)
        if audio.rate != RATE_HZ:
            mono = soxr.resample(mono, audio.rate, RATE_HZ, quality="HQ")
        for width, lead_s in PASSES:
            padded_mono = np.pad(mono, (round(lead_s * RATE_HZ), 0)).astype(np.float32)
            segments, _ = self._model.transcribe(
                padded_mono,
                language=language,
                beam_size=width,
                temperature=0.0,
                # Conditioning on earlier text would repeat its errors, and refrains are no reason to reject a segment.
                condition_on_previous_text=False,
                compression_ratio_threshold=None,
            )
            phrases = (Phrase(segment.start - lead_s, segment.end - lead_s, segment.text) for segment in segments)
            yield tuple(_within(phrase, audio.duration_s) for phrase in phrases if phrase.end_s > 0)


@cache
def can_multiply_on_cuda() -> bool:
    """Whether the library that CTranslate2 opens on a GPU can be loaded.

    Once it is loaded here, CTranslate2 finds it by name.
    """
    return any(_loads(library) for library in _libraries())


def _libraries() -> Iterator[str]:
    """The system's library, then the package's, which is in no loader's search path."""
    yield CUBLAS
    nvidia = find_spec("nvidia")
    for folder in (nvidia and nvidia.submodule_search_locations) or ():
        yield str(Path(folder, "cublas", "lib", CUBLAS))


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _on_cores(reason: str) -> None:
    logging.getLogger("songline.lyrics").warning("%s works on the processor, not on the GPU: %s", WHISPER, reason)


def _within(phrase: Phrase, duration_s: float) -> Phrase:
    """The phrase inside the song: Whisper's times run on to the end of its window."""
    start_s = min(max(0.0, phrase.start_s), duration_s)
    return Phrase(start_s, min(max(start_s, phrase.end_s), duration_s), phrase.text)
