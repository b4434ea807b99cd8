"""Mix and stems at the rate of their release: one length, and the sum that the separation promised."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.ledger.results import StepResult
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.separation.demucs.residual import residual_of, summed
from tasks.separation.native import null_dbfs
from tasks.separation.requests import request_resampled
from tasks.separation.resampling import resample_stems
from tasks.steps.run_step import StepContext

NAMES = ("drums", "bass", "other", "vocals")


def separated(rate: int, frames: int, *, residual: bool) -> tuple[Audio, dict[str, Audio]]:
    """Noise and its parts: with a residual as a model leaves it, else parts whose sum it is."""
    rng = np.random.Generator(np.random.PCG64(frames))
    parts = {name: (0.1 * rng.standard_normal((2, frames))).astype(np.float32) for name in NAMES}
    mix = summed(list(parts.values()))
    if residual:
        mix += (0.02 * rng.standard_normal((2, frames))).astype(np.float32)
        parts["residual"] = residual_of(mix, summed(list(parts.values())))
    return Audio(mix, rate), {name: Audio(samples, rate) for name, samples in parts.items()}


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48_000, 44_100), (44_100, 48_000)])
@pytest.mark.parametrize(("residual", "most_dbfs"), [(False, -120), (True, -140)])
@pytest.mark.parametrize("frames", [400, 60_001])
def test_the_sum_stays(tmp_path: Path, from_hz: int, to_hz: int, residual: bool, most_dbfs: float, frames: int) -> None:
    mix, stems = separated(from_hz, frames, residual=residual)
    for name, audio in {"mix": mix, **stems}.items():
        write_wav(tmp_path / f"{name}.source.wav", audio, subtype="FLOAT")
    made = {name: name for name in sorted(stems)}
    request = request_resampled("mix", StepResult("key", {"stems": list(stems)}, made), rate=to_hz)
    assert request.parameters == {"rate": to_hz, "stems": list(stems)}
    store = SimpleNamespace(local=lambda digest: tmp_path / f"{digest}.source.wav")
    done = resample_stems(StepContext(request, tmp_path, cast(Catalog, SimpleNamespace(store=store))))
    audios = {product.role: read_audio(product.path) for product in done.products}
    assert list(audios) == ["mix", *stems]
    length = round(frames * to_hz / from_hz + 1e-9)
    assert {(audio.rate, audio.frames) for audio in audios.values()} == {(to_hz, length)}
    assert [product.sample_digest for product in done.products] == [sample_digest(audio) for audio in audios.values()]
    mix = audios.pop("mix")
    assert null_dbfs(mix, audios) <= most_dbfs
    assert done.result["null_dbfs"] <= most_dbfs
    assert done.result["resampled"] == {"from_hz": from_hz, "to_hz": to_hz, "by": "soxr HQ"}
