"""The step ``preview``: what an adapter sings for one style, as sound, and whether it is close to a song."""

from __future__ import annotations

import torch

from catalog.ledger.work import Product, StepOutcome
from tasks.audio.audio import Audio
from tasks.audio.files import sample_digest, write_wav
from tasks.engines.diffrhythm.network.checkpoint import load_network
from tasks.engines.diffrhythm.network.frames import SAMPLE_RATE
from tasks.engines.diffrhythm.network.sampler import Sampling
from tasks.engines.diffrhythm.vae.vae import Vae
from tasks.steps.run_step import StepContext
from tasks.style.mulan.vector import read_style
from tasks.training.items import TrainingSong
from tasks.training.steps.encode import installed_model, read_moments
from tasks.training.steps.singing import SongRequest, closest, sample_songs
from tasks.weights.adapters.reading import adapter_of


def preview(context: StepContext) -> StepOutcome:
    """Render the request's words in the style of its input ``style`` with its ``adapter``, as the product ``audio``.

    The result's ``closest`` names the passage that is most like one of the songs whose moments are among the inputs.
    """
    stated = context.request.parameters
    models, device = context.catalog.models, torch.device(context.catalog.settings.device_here)
    adapter = adapter_of(context.input("adapter").read_bytes())
    base = installed_model(models, stated["base"])
    network = load_network(base.weights, exact_buffers=stated["rope"] == "exact", adapters=[(adapter, 1.0)])
    style = torch.from_numpy(read_style(context.input("style")))
    lines = tuple((float(start_s), tuple(tokens)) for start_s, tokens in stated["lines"])
    sampling = Sampling(steps=stated["steps"], cfg_strength=stated["cfg_strength"])
    request = SongRequest(lines, style, stated["frames"], stated["seed"])
    (latent,) = sample_songs(network, [request], sampling, device=device, dtype=getattr(torch, stated["dtype"]))
    del network
    vae = Vae.load(installed_model(models, stated["vae"]).weights, device=device)
    samples = vae.decode(latent[None], chunked=True)[0]
    audio = Audio.of(samples.numpy(), SAMPLE_RATE)
    path = context.scratch / "preview.wav"
    write_wav(path, audio, subtype="FLOAT")
    likeness = closest(latent, _songs(context, style), take="preview")
    return StepOutcome({"closest": likeness}, (Product("audio", path, "audio/wav", sample_digest(audio)),))


def _songs(context: StepContext, style: torch.Tensor) -> list[TrainingSong]:
    """The songs to compare with, of which only the moments matter."""
    roles = [role for role in context.request.inputs if role.startswith("moments.")]
    moments = ((role.removeprefix("moments."), read_moments(context.input(role))) for role in roles)
    return [TrainingSong(name, means, scales, (), style) for name, (means, scales) in moments]
