"""The pipeline of diffusers, given exactly what a recipe states: its texts, noise, reference and parent.

Left to itself it writes the texts anew, draws noise in the precision of its weights, and encodes references and parents
with the global random generator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import AceStepPipeline
from torch import Tensor

from catalog.common.digests import Json
from catalog.common.errors import WorkError
from tasks.engines.acestep.names import FRAME_RATE_HZ
from tasks.engines.acestep.texts import MAX_LYRIC_TOKENS, MAX_PROMPT_TOKENS


def noise(seed: int, frames: int, channels: int) -> Tensor:
    """Standard normal [frames, channels] float32 on the CPU from a generator of its own, equal for every device, batch
    and precision."""
    return torch.randn(frames, channels, generator=torch.Generator().manual_seed(seed))


@dataclass(frozen=True, slots=True)
class Sources:
    """Latents that a song is made from, [frames, channels] each: of its reference, and of the parent of a retake."""

    reference: Tensor | None = None
    parent: Tensor | None = None


class SongPipeline(AceStepPipeline):  # type: ignore[misc]
    """Samples latents of one song for several seeds; ``on_prepared`` is called before the first step."""

    on_prepared: Callable[[], None] = staticmethod(lambda: None)

    def _format_prompt(self, prompt: str, lyrics: str = "", **_: Any) -> tuple[str, str]:
        """The texts as the recipe has them."""
        return prompt, lyrics

    def prepare_reference_audio_latents(
        self, reference_audio: Tensor, batch_size: int, device: torch.device, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """``reference_audio`` is latents [frames, channels] already."""
        latents = reference_audio.to(device, dtype).expand(batch_size, -1, -1)
        return latents, torch.arange(batch_size, device=device, dtype=torch.long)

    def prepare_src_latents(
        self,
        device: torch.device,
        dtype: torch.dtype,
        batch_size: int = 1,
        src_audio: Tensor | None = None,
        **more: Any,
    ) -> tuple[Tensor, int]:
        """``src_audio`` is latents [frames, channels] already; without it, silence."""
        if src_audio is None:
            silence: tuple[Tensor, int] = super().prepare_src_latents(device, dtype, batch_size, **more)
            return silence
        return src_audio.to(device, dtype).expand(batch_size, -1, -1), len(src_audio)

    def prepare_latents(self, *arguments: Any, **named: Any) -> Tensor:
        """The noise as it is given: everything before the first step is done."""
        self.on_prepared()
        latents: Tensor = super().prepare_latents(*arguments, **named)
        return latents


def sample(
    pipeline: SongPipeline,
    inputs: Mapping[str, Json],
    noises: Sequence[Tensor],
    sources: Sources,
    *,
    on_prepared: Callable[[], None] = lambda: None,
) -> Tensor:
    """Latents [seeds, frames, channels] float32 of a recipe's inputs, one for each noise.

    Raises WorkError where a text is longer than the model reads, or the network gives numbers that are not finite.
    """
    _check_texts(pipeline, inputs)
    count, frames = len(noises), inputs["frames"]
    passage: dict[str, Any] = {}
    if sources.parent is not None:
        start, end = inputs["passage"]["frames"]
        # The pipeline rounds seconds down to frames: the middle of a frame is always that frame.
        seconds = {"repainting_start": (start + 0.5) / FRAME_RATE_HZ, "repainting_end": (end + 0.5) / FRAME_RATE_HZ}
        passage = {"task_type": "repaint", "src_audio": sources.parent, **seconds}
    pipeline.set_progress_bar_config(disable=True)
    pipeline.on_prepared = on_prepared
    latents: Tensor = pipeline(
        prompt=[inputs["prompt"]] * count,
        lyrics=[inputs["lyrics"]] * count,
        audio_duration=frames / FRAME_RATE_HZ,
        num_inference_steps=inputs["steps"],
        guidance_scale=inputs.get("guidance", 1.0),
        shift=inputs["shift"],
        latents=torch.stack(list(noises)),
        reference_audio=sources.reference,
        output_type="latent",
        **passage,
    ).audios.float()
    if not bool(torch.isfinite(latents).all()):
        raise WorkError(
            "the network gave numbers that are not finite",
            remedy="Set `dtype: float32` or `bfloat16`, and check the model with `songline models verify`",
        )
    return _with_parent(latents, inputs, sources.parent)


def _with_parent(latents: Tensor, inputs: Mapping[str, Json], parent: Tensor | None) -> Tensor:
    """The parent's frames outside the passage: the network does not keep them."""
    if parent is None:
        return latents
    start, end = inputs["passage"]["frames"]
    kept = parent.to(latents).expand(len(latents), -1, -1).clone()
    kept[:, start:end] = latents[:, start:end]
    return kept


def _check_texts(pipeline: SongPipeline, inputs: Mapping[str, Json]) -> None:
    """Raise WorkError rather than have a text cut without a word."""
    for name, most in (("prompt", MAX_PROMPT_TOKENS), ("lyrics", MAX_LYRIC_TOKENS)):
        if (tokens := len(pipeline.tokenizer(inputs[name]).input_ids)) > most:
            problem = f"the {name} of the recipe have {tokens} tokens, and ACE-Step reads {most}"
            raise WorkError(problem, remedy="Plan the album again")
