"""Whisper's ear (by CTranslate2): what is sung, with times, in several passes.

A temperature above zero draws at random, and CTranslate2 seeds its generators once in the life of a thread, so the
same song would read differently each time. The passes differ instead in how widely they search and in where the
windows of thirty seconds fall, which decides most of what Whisper mishears in song.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from catalog.errors import MachineError
from tasks.audio.audio import Audio
from tasks.scoring.registry import WHISPER, install_command

RATE_HZ = 16_000
NEEDED = ("config.json", "model.bin", "tokenizer.json", "preprocessor_config.json")
PULL_AGAIN = f"Run `songline models verify {WHISPER}`, and pull it again where a file is wrong"

PASSES = ((5, 0.0), (1, 0.0), (5, 11.0), (1, 11.0))
"""Width of the search, and seconds of silence put before the song."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A few words that were heard between two moments."""

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

        Raises MachineError where its package is not installed, or the folder lacks a file or holds a wrong one.
        """
        missing = [name for name in NEEDED if not (folder / name).is_file()]
        if missing:
            # Without its tokenizer the package would ask the hub for one.
            what = f"{WHISPER} is not whole: {', '.join(missing)} missing"
            raise MachineError(what, remedy=f"Run `songline models pull {WHISPER}`")
        try:
            from faster_whisper import WhisperModel  # type: ignore[import-untyped]
        except ImportError as fault:
            raise MachineError(
                f"{WHISPER} needs packages that are not installed ({fault})",
                remedy=f"Run `{install_command('lyrics')}`",
            ) from fault
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
            raise MachineError(f"{WHISPER} cannot be loaded: {fault}", remedy=PULL_AGAIN) from fault
        return cls(model)

    def knows(self, language: str) -> bool:
        """Whether it can be told to hear a language, given by its code."""
        return language in self._model.supported_languages

    def passes(self, audio: Audio, language: str) -> Iterator[tuple[Phrase, ...]]:
        """What is heard, pass by pass; the same for the same audio."""
        mono = audio.samples.mean(axis=0)
        if audio.rate != RATE_HZ:
            mono = soxr.resample(mono, audio.rate, RATE_HZ, quality="HQ")
        for width, lead_s in PASSES:
            padded = np.pad(mono, (round(lead_s * RATE_HZ), 0)).astype(np.float32)
            segments, _ = self._model.transcribe(
                padded,
                language=language,
                beam_size=width,
                temperature=0.0,
                # What it misheard once it would go on mishearing; refrains are no reason to give up either.
                condition_on_previous_text=False,
                compression_ratio_threshold=None,
            )
            found = (Phrase(each.start - lead_s, each.end - lead_s, each.text) for each in segments)
            yield tuple(_within(phrase, audio.duration_s) for phrase in found if phrase.end_s > 0)


def _within(phrase: Phrase, duration_s: float) -> Phrase:
    """The phrase inside the song: Whisper's times run on to the end of its window."""
    start_s = min(max(0.0, phrase.start_s), duration_s)
    return Phrase(start_s, min(max(start_s, phrase.end_s), duration_s), phrase.text)
