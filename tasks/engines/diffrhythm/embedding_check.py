"""Whether a network in a reduced form still renders what it renders in full precision, measured by MuQ-MuLan.

Sampling amplifies small errors from step to step, so two renders of one seed may differ and both be good. Compared are
the embeddings of a few prompts and seeds: of the same seed with each other, and with their prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np
import torch

from catalog.common.packages import missing_packages
from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from tasks.audio.audio import Audio
from tasks.engines.diffrhythm.network import precision
from tasks.engines.diffrhythm.network.config import BASE_FRAMES, NetworkConfig
from tasks.engines.diffrhythm.network.frames import SAMPLE_RATE
from tasks.engines.diffrhythm.network.sampler import Sampler, Sampling, noise
from tasks.engines.diffrhythm.settings import VAE_MODEL
from tasks.engines.diffrhythm.vae.vae import Vae
from tasks.style.mulan.mulan import MuLan, shared_mulan
from tasks.style.mulan.names import MUQ_MULAN
from tasks.style.mulan.vector import Style

PROMPTS = (
    "indie pop, warm synths, female vocal, wistful",
    "slow soul ballad, electric piano, brushed drums, male vocal",
    "upbeat dance pop, four on the floor, big chorus",
    "acoustic folk, fingerpicked guitar, intimate vocal",
    "hip hop, heavy bass, crisp drums, confident rap",
    "hard rock, distorted guitars, loud drums, shouted vocal",
    "smooth jazz, saxophone, double bass, relaxed",
    "mandarin pop ballad, piano and strings, tender female vocal",
)
SEEDS = (1, 2)

Embeddings = Mapping[tuple[str, int], Style]
"""The vector of each render, by prompt and seed."""


@dataclass(frozen=True, slots=True)
class EmbeddingFigures:
    """Means over all renders. ``cosine`` is that of the same seed in both forms; ``match_full`` and ``match`` are those
    with the prompt, in full precision and in the form; ``spread`` is how far two seeds differ in ``match_full``."""

    cosine: float
    match_full: float
    match: float
    spread: float


class EmbeddingCheck:
    """The models that the comparison needs; its songs are of ``frames`` latent frames, at least ten seconds."""

    def __init__(self, mulan: MuLan, vae: Vae, *, frames: int, sampling: Sampling) -> None:
        self._mulan, self._vae = mulan, vae
        self._frames, self._sampling = frames, sampling

    @classmethod
    def here(
        cls, settings: Settings, *, frames: int = BASE_FRAMES, sampling: Sampling = precision.SAMPLE
    ) -> EmbeddingCheck | None:
        """The check with this machine's models; None where MuQ-MuLan, its package or the decoder is not installed."""
        store = ModelStore(settings.models_path, table=settings.models_table)
        mulan, vae = store.installed(MUQ_MULAN), store.installed(VAE_MODEL)
        if mulan is None or vae is None or missing_packages(("muq",)):
            return None
        device = settings.device_here
        decoder = Vae.load(vae.weights, device=torch.device(device))
        return cls(shared_mulan(mulan.folder, device=device), decoder, frames=frames, sampling=sampling)

    def embed(self, sampler: Sampler, config: NetworkConfig) -> dict[tuple[str, int], Style]:
        """The mean vector of the ten-second windows of every prompt and seed, as ``sampler`` renders them."""
        song = precision.probe_song(config, self._frames)
        vectors = {}
        for prompt in PROMPTS:
            styled = replace(song, style=torch.from_numpy(self._mulan.text(prompt)))
            noises = [noise(seed, self._frames) for seed in SEEDS]
            latents = sampler.sample([styled] * len(SEEDS), noises, self._sampling)
            for seed, samples in zip(SEEDS, self._vae.decode(latents, chunked=True).numpy(), strict=True):
                audio = Audio(np.ascontiguousarray(samples), SAMPLE_RATE)
                vectors[prompt, seed] = np.mean([vector for _, _, vector in self._mulan.windows(audio)], axis=0)
        return vectors

    def compare(self, full: Embeddings, reduced: Embeddings) -> EmbeddingFigures:
        """The figures of the renders of one network in both forms."""
        texts = {prompt: self._mulan.text(prompt) for prompt in PROMPTS}
        match_full = {key: _cosine(vector, texts[key[0]]) for key, vector in full.items()}
        first, second = SEEDS
        return EmbeddingFigures(
            cosine=fmean(_cosine(vector, reduced[key]) for key, vector in full.items()),
            match_full=fmean(match_full.values()),
            match=fmean(_cosine(vector, texts[prompt]) for (prompt, _), vector in reduced.items()),
            spread=fmean(abs(match_full[prompt, first] - match_full[prompt, second]) for prompt in PROMPTS),
        )


def _cosine(one: Style, other: Style) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
