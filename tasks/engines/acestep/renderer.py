"""The heavy half of the ACE-Step engine: seeds of a song together from noise to latents, each decoded apart."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from catalog.common.digests import canonical_json
from catalog.common.errors import RefusedError, SonglineError
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.acestep.names import FRAME_SAMPLES, RATE_HZ
from tasks.engines.acestep.network.cost import batch_size, song_flops
from tasks.engines.acestep.network.loaded import Loaded, Network, network_key
from tasks.engines.acestep.network.pipeline import SongPipeline, Sources, noise, sample
from tasks.engines.acestep.network.vae import Vae
from tasks.engines.base import Failed, Figures, RenderJob, RenderResult
from tasks.engines.latents.batches import by_network, no_memory
from tasks.engines.latents.files import joined, latent_file, parents_latent
from tasks.weights.out_of_memory import is_out_of_memory


@dataclass(frozen=True, slots=True)
class Sampled:
    """Latents [seeds, frames, channels] of a batch, and the seconds that it took."""

    latents: Tensor
    text_s: float
    sampler_s: float


class AceStepRenderer:
    """Renders recipes in batches of seeds; models stay loaded from one call to the next."""

    def __init__(self, settings: Settings) -> None:
        # The same number on every machine, so that a CPU rounds alike in a worker and in a command.
        torch.set_num_threads(settings.worker_count)
        self._loaded = Loaded(settings)
        self._device = self._loaded.device

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """Each order's mix (2, frames) at 48 kHz with its latent, as soon as it is decoded.

        Only seeds of one song share a batch: the network has no mask, and would hear the padding of shorter texts.
        """
        songs: dict[bytes, list[RenderJob]] = {}
        for order in orders:
            songs.setdefault(canonical_json(dict(order.recipe.inputs)), []).append(order)
        for song in by_network(songs.values(), network_key):
            yield from self._render_song(song)

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """Refused: the model sings the whole mix."""
        raise RefusedError("ACE-Step gives no stems of its own", remedy="Name a separation model under `stems`")

    def _render_song(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """All seeds in batches as large as memory allows; a batch that does not fit is retried in halves."""
        inputs = orders[0].recipe.inputs
        try:
            network, vae = self._loaded.network(inputs), self._loaded.vae(inputs)
            pipeline, sources = network.pipeline(vae), self._sources(orders[0])
        except SonglineError as error:
            yield from (Failed(order.recipe, error) for order in orders)
            return
        size, remaining = self._batch_size(network, orders[0].recipe), list(orders)
        while remaining:
            batch = remaining[:size]
            try:
                sampled = self._sampled_if_it_fits(pipeline, batch, sources)
            except SonglineError as error:
                yield from (Failed(order.recipe, error) for order in remaining)
                return
            if sampled is None and len(batch) > 1:
                size = len(batch) // 2
                continue
            remaining = remaining[len(batch) :]
            if sampled is None:
                yield Failed(batch[0].recipe, no_memory())
            else:
                yield from self._decoded(batch, sampled, network, vae)

    def _batch_size(self, network: Network, recipe: Recipe) -> int:
        return batch_size(
            network.transformer.config,
            frames=recipe.inputs["frames"],
            dtype=network.dtype,
            guided=_is_guided(recipe),
            device=self._device,
        )

    def _sources(self, order: RenderJob) -> Sources:
        """The latents of the reference and of the parent, where the recipe has them."""
        inputs = order.recipe.inputs
        reference = self._loaded.reference(inputs, order.files["reference"]) if "reference" in inputs else None
        return Sources(reference, torch.from_numpy(parents_latent(order)) if "passage" in inputs else None)

    def _sampled_if_it_fits(
        self, pipeline: SongPipeline, batch: Sequence[RenderJob], sources: Sources
    ) -> Sampled | None:
        try:
            return self._sampled(pipeline, batch, sources)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # The error held the attempt's tensors: they can be freed only now that it is gone.
        self._free()
        return None

    def _sampled(self, pipeline: SongPipeline, batch: Sequence[RenderJob], sources: Sources) -> Sampled:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        inputs = batch[0].recipe.inputs
        channels = pipeline.transformer.config.audio_acoustic_hidden_dim
        noises = [noise(order.recipe.seed, inputs["frames"], channels) for order in batch]
        marks = [self._now()]
        latents = sample(pipeline, inputs, noises, sources, on_prepared=lambda: marks.append(self._now()))
        marks.append(self._now())
        return Sampled(latents.cpu(), marks[1] - marks[0], marks[-1] - marks[1])

    def _decoded(
        self, batch: Sequence[RenderJob], sampled: Sampled, network: Network, vae: Vae
    ) -> Iterator[RenderResult | Failed]:
        """One song after the other as audio: the decoder takes most of the memory."""
        for order, latent in zip(batch, sampled.latents, strict=True):
            start = self._now()
            try:
                audio = joined(order, Audio(vae.decode(latent), RATE_HZ), frame_samples=FRAME_SAMPLES)
                figures = self._figures(order.recipe, sampled, network, len(batch), vae_s=self._now() - start)
                yield RenderResult(order.recipe, audio, {"latent": latent_file(latent.numpy())}, figures)
            except SonglineError as error:
                yield Failed(order.recipe, error)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._free()
                yield Failed(order.recipe, no_memory())

    def _figures(self, recipe: Recipe, sampled: Sampled, network: Network, count: int, *, vae_s: float) -> Figures:
        """What one candidate cost: its share of the batch, and its own decoding."""
        texts = (recipe.inputs["prompt"], recipe.inputs["lyrics"])
        tokens = sum(len(network.tokenizer(text).input_ids) for text in texts)
        return Figures(
            device=torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "cpu",
            dtype=recipe.inputs["dtype"],
            batch=count,
            text_s=sampled.text_s / count,
            sampler_s=sampled.sampler_s / count,
            vae_s=vae_s,
            peak_memory_bytes=torch.cuda.max_memory_allocated() if self._device.type == "cuda" else None,
            flops=song_flops(
                network.transformer.config,
                recipe.inputs["frames"],
                condition_tokens=tokens + 1,
                steps=recipe.inputs["steps"],
                guided=_is_guided(recipe),
            ),
        )

    def _free(self) -> None:
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    def _now(self) -> float:
        """The time in seconds, once the device has finished its queue."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def _is_guided(recipe: Recipe) -> bool:
    return bool(recipe.inputs.get("guidance", 1.0) > 1)
