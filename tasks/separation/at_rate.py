"""The step ``resample``: the delivered mix and stems of a winner, brought to the rate of its release.

Mix and stems go through one linear filter, so the stems still sum to the mix. Times in seconds (lyrics, MIDI, cue
sheet) do not change.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from catalog.ledger.work import Product, StepOutcome
from catalog.release.resampled import Resampled
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, resample, sample_digest, write_wav
from tasks.separation.native import difference_dbfs
from tasks.separation.requests import MIX, STEM
from tasks.steps.run_step import StepContext


def resample_stems(context: StepContext) -> StepOutcome:
    """The mix and its stems at the parameter ``rate`` in Hz, as float WAV, and how far their sum is off the mix."""
    rate = int(context.request.parameters["rate"])
    mix = read_audio(context.input(MIX))
    source_rate, mix = mix.rate, resample(mix, rate)
    products = [_written(context, MIX, mix)]
    rest: NDArray[np.float64] = mix.samples.astype(np.float64)
    del mix
    for role in sorted(context.request.inputs):
        name = role.removeprefix(STEM)
        if name == role:
            continue
        stem = resample(read_audio(context.input(role)), rate)
        rest -= stem.samples
        products.append(_written(context, name, stem))
    resampled = Resampled(from_hz=source_rate, to_hz=rate)
    return StepOutcome(
        {"resampled": resampled.model_dump(), "null_dbfs": difference_dbfs(rest)},
        tuple(products),
    )


def _written(context: StepContext, name: str, audio: Audio) -> Product:
    path = context.scratch / f"{name}.wav"
    write_wav(path, audio, subtype="FLOAT")
    return Product(name, path, "audio/wav", sample_digest(audio))
