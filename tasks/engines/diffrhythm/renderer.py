"""The heavy half of the DiffRhythm engine: batches of recipes rendered from noise to audio."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from catalog.common.digests import canonical_json
from catalog.common.errors import RefusedError, SonglineError, WorkError
from catalog.common.settings import Settings
from catalog.recipe import Recipe
from tasks.audio.audio import Audio
from tasks.engines.base import Failed, Figures, RenderJob, RenderResult
from tasks.engines.diffrhythm.batch_size import batch_size
from tasks.engines.diffrhythm.loaded import Loaded, Network, network_key
from tasks.engines.diffrhythm.network.conditioning import Conditioning, regenerated_frames
from tasks.engines.diffrhythm.network.flops import song_flops
from tasks.engines.diffrhythm.network.frames import FRAME_SAMPLES, SAMPLE_RATE
from tasks.engines.diffrhythm.network.sampler import Sampling, noise
from tasks.engines.diffrhythm.precision_gate import device_name
from tasks.engines.diffrhythm.vae.vae import Vae
from tasks.engines.latents.batches import by_network, no_memory
from tasks.engines.latents.files import joined, latent_file, parents_latent
from tasks.style.mulan.vector import read_style
from tasks.weights.out_of_memory import is_out_of_memory

ALIKE = (
    *("files", "adapters", "frames", "steps", "cfg_strength", "sway"),
    *("dtype", "weights", "rope", "ema", "compiled", "vae", "vae_dtype"),
)
"""Inputs that recipes of one batch have in common."""

Row = tuple[RenderJob, Conditioning]


@dataclass(frozen=True, slots=True)
class Sampled:
    """Latents [B, T, 64] of a batch, and the cost of each."""

    latents: Tensor
    text_s: float
    sampler_s: float


class DiffRhythmRenderer:
    """Renders recipes in batches of one length; models stay loaded from one call to the next."""

    def __init__(self, settings: Settings) -> None:
        # The same number on every machine, so that a CPU rounds alike in a worker and in a command.
        torch.set_num_threads(settings.worker_count)
        self._loaded = Loaded(settings)
        self._device = self._loaded.device

    def render(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """Each order's mix (2, frames) at 44.1 kHz with its latent; seeds of one song are neighbours in a batch."""
        groups: dict[bytes, list[RenderJob]] = {}
        for order in orders:
            shared_inputs = {name: order.recipe.inputs.get(name) for name in ALIKE}
            groups.setdefault(canonical_json(shared_inputs), []).append(order)
        for group in by_network(groups.values(), network_key):
            group.sort(key=lambda order: canonical_json(dict(order.recipe.inputs)))
            yield from self._render_group(group)

    def stems(self, recipe: Recipe) -> Mapping[str, Audio]:
        """Refused: the model sings the whole mix."""
        raise RefusedError("DiffRhythm gives no stems of its own", remedy="Name a separation model under `stems`")

    def _render_group(self, orders: Sequence[RenderJob]) -> Iterator[RenderResult | Failed]:
        """All orders in batches as large as memory allows; one that does not fit is retried in halves."""
        inputs = orders[0].recipe.inputs
        try:
            network, vae = self._loaded.network(inputs), self._loaded.vae(inputs)
        except SonglineError as error:
            yield from (Failed(order.recipe, error) for order in orders)
            return
        sampling = Sampling(inputs["steps"], inputs["cfg_strength"], inputs["sway"])
        size = batch_size(
            network.config,
            frames=inputs["frames"],
            dtype=network.dtype,
            guided=sampling.guided,
            device=self._device,
        )
        songs, remaining_rows = self._songs(orders), []
        for order in orders:
            conditioning = songs[order.recipe.digest]
            if isinstance(conditioning, SonglineError):
                yield Failed(order.recipe, conditioning)
            else:
                remaining_rows.append((order, conditioning))
        while remaining_rows:
            batch = remaining_rows[:size]
            samples = self._sampled_if_it_fits(network, batch, sampling)
            if samples is None and len(batch) > 1:
                size = len(batch) // 2
                continue
            remaining_rows = remaining_rows[len(batch) :]
            if samples is None:
                yield Failed(batch[0][0].recipe, no_memory())
            else:
                yield from self._finished([order for order, _ in batch], samples, network, vae, sampling)

    def _songs(self, orders: Sequence[RenderJob]) -> dict[str, Conditioning | SonglineError]:
        """The conditioning of each recipe, or the error that prevents it; seeds of one song share one object."""
        songs_by_key: dict[bytes, Conditioning | SonglineError] = {}
        songs: dict[str, Conditioning | SonglineError] = {}
        for order in orders:
            key = canonical_json(dict(order.recipe.inputs))
            if key not in songs_by_key:
                try:
                    songs_by_key[key] = self._conditioning(order)
                except SonglineError as error:
                    songs_by_key[key] = error
            songs[order.recipe.digest] = songs_by_key[key]
        return songs

    def _sampled_if_it_fits(self, network: Network, batch: Sequence[Row], sampling: Sampling) -> Sampled | None:
        try:
            return self._sampled(network, batch, sampling)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        # The error held the attempt's tensors: they can be freed only now that it is gone.
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
        return None

    def _sampled(self, network: Network, batch: Sequence[Row], sampling: Sampling) -> Sampled:
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        marks = [self._now()]
        songs = [song for _, song in batch]
        noises = [noise(order.recipe.seed, order.recipe.inputs["frames"]) for order, _ in batch]
        latents = network.sampler.sample(songs, noises, sampling, on_prepared=lambda: marks.append(self._now()))
        marks.append(self._now())
        if not bool(torch.isfinite(latents).all()):
            raise WorkError(
                "the network gave numbers that are not finite",
                remedy="Set `dtype: float32` or `bfloat16`, and check the model with `songline models verify`",
            )
        return Sampled(latents, marks[1] - marks[0], marks[-1] - marks[1])

    def _conditioning(self, order: RenderJob) -> Conditioning:
        """The conditioning of a recipe, from its inputs and the files of its artifacts."""
        inputs = order.recipe.inputs
        text = torch.zeros(inputs["frames"], dtype=torch.int64)
        for first_frame, tokens in inputs["tokens"]:
            text[first_frame : first_frame + len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
        negative = order.files.get("negative_style")
        passage = inputs.get("passage")
        return Conditioning(
            text=text,
            style=torch.from_numpy(read_style(order.files["style"])),
            negative_style=torch.from_numpy(read_style(negative)) if negative else self._loaded.fixed_style(inputs),
            duration=inputs["duration"],
            known_latents=torch.from_numpy(parents_latent(order)) if passage else None,
            regenerate=regenerated_frames([tuple(passage["frames"])], len(text)) if passage else None,
        )

    def _finished(
        self, batch: Sequence[RenderJob], sampled: Sampled, network: Network, vae: Vae, sampling: Sampling
    ) -> Iterator[RenderResult | Failed]:
        """Every latent of a batch as audio."""
        inputs = batch[0].recipe.inputs
        start_time = self._now()
        try:
            sound = vae.decode(sampled.latents, chunked=inputs["vae"] == "chunked").numpy()
        except SonglineError as error:
            yield from (Failed(order.recipe, error) for order in batch)
            return
        vae_s = self._now() - start_time
        count = len(batch)
        figures = Figures(
            device=device_name(self._device),
            dtype=inputs["dtype"],
            batch=count,
            text_s=sampled.text_s / count,
            sampler_s=sampled.sampler_s / count,
            vae_s=vae_s / count,
            peak_memory_bytes=torch.cuda.max_memory_allocated() if self._device.type == "cuda" else None,
            flops=song_flops(network.config, inputs["frames"], steps=sampling.steps, guided=sampling.guided),
            weights=inputs.get("weights"),
            forward_error=network.forward_error,
        )
        latents = sampled.latents.cpu().numpy()
        for order, samples, latent in zip(batch, sound, latents, strict=True):
            try:
                audio = joined(order, Audio(np.ascontiguousarray(samples), SAMPLE_RATE), frame_samples=FRAME_SAMPLES)
                yield RenderResult(order.recipe, audio, {"latent": latent_file(latent)}, figures)
            except SonglineError as error:
                yield Failed(order.recipe, error)

    def _now(self) -> float:
        """The time in seconds, once the device has finished its queue."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()
