"""The step ``resample``: the delivered mix and stems of a winner, brought to the rate of its release.

Mix and stems go through one linear filter, so the stems still sum to the mix: to within -120 dBFS, the last bits of
each stem. Where a residual is among them it is calculated anew, and the sum is as near as the separation's own. Times
in seconds (lyrics, MIDI, cue sheet) do not change.
"""

from __future__ import annotations

import numpy as np

from catalog.ledger.work import Product, StepOutcome
from catalog.release.resampled import Resampled
from tasks.audio.audio import Audio, Samples
from tasks.audio.files import at_rate, read_audio, sample_digest, write_wav
from tasks.separation.demucs.models import RESIDUAL
from tasks.separation.demucs.residual import residual_of
from tasks.separation.native import difference_dbfs
from tasks.separation.requests import MIX, STEM
from tasks.steps.run_step import StepContext


def resample_stems(context: StepContext) -> StepOutcome:
    """The mix and its stems at the parameter ``rate`` in Hz, as float WAV, and how far their sum is off the mix.

    The sum is in float32, in the order of the parameter ``stems``.
    """
    rate = int(context.request.parameters["rate"])
    source = read_audio(context.input(MIX))
    mix = at_rate(source, rate)
    resampled = Resampled(from_hz=source.rate, to_hz=rate)
    del source
    products = [_written(context, MIX, mix)]
    total: Samples = np.zeros_like(mix.samples)
    for name in context.request.parameters["stems"]:
        stem = _stem(context, name, mix, total)
        total += stem.samples
        products.append(_written(context, name, stem))
    null_dbfs = difference_dbfs(mix.samples.astype(np.float64) - total)
    return StepOutcome({"resampled": resampled.model_dump(), "null_dbfs": null_dbfs}, tuple(products))


def _stem(context: StepContext, name: str, mix: Audio, total: Samples) -> Audio:
    """One stem at the rate of the mix; ``total`` is the sum of those before it, which a residual completes."""
    if name == RESIDUAL:
        return Audio(residual_of(mix.samples, total), mix.rate)
    return at_rate(read_audio(context.input(STEM + name)), mix.rate)


def _written(context: StepContext, name: str, audio: Audio) -> Product:
    path = context.scratch / f"{name}.wav"
    write_wav(path, audio, subtype="FLOAT")
    return Product(name, path, "audio/wav", sample_digest(audio))
