"""The autoencoder's decode and encode paths against the reference data; a case that the folder lacks gives no test."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tasks.audio.audio import Audio
from tasks.audio.files import resample
from tasks.engines.diffrhythm.network.frames import FRAME_SAMPLES, SAMPLE_RATE, frame_at
from tasks.engines.diffrhythm.vae.chunks import decode_chunks
from tasks.engines.diffrhythm.vae.vae import Vae, sample_latent
from tests.support.diffrhythm.parity import load_index, load_tensors, over, parity_folder

torch.set_num_threads(1)

INDEX: Mapping[str, Any] = load_index("vae_index.json")
TENSORS = load_tensors("vae.safetensors")
ATOL = 1e-5

Test = Callable[..., None]


def for_encoding(audio: Audio) -> torch.Tensor:
    """Foreign audio as the published pipeline encodes it, float32 [2, N]: 44.1 kHz, stereo, peak at -6 dBFS."""
    samples = resample(audio, SAMPLE_RATE).samples
    stereo = np.repeat(samples, 2, axis=0) if audio.channels == 1 else samples[:2]
    peak = float(np.abs(stereo).max(initial=0.0))
    return torch.from_numpy(np.ascontiguousarray(stereo * np.float32(10 ** (-6 / 20) / peak)))


def each(names: Iterable[str]) -> Callable[[Test], Test | None]:
    """Run a test for every case whose stand-in is there."""
    return over("name", [name for name in names if standin_file(name).is_file()])


def needs(*keys: str) -> Callable[[Test], Test | None]:
    """Keep a test only where the folder has these tensors or entries of the index."""
    return lambda test: test if all(key in TENSORS or key in INDEX for key in keys) else None


def standin_file(name: str) -> Path:
    """The stand-in of a case: ruler_…, enc_ruler_…; edits are all made with smear."""
    kind = next((kind for kind in name.split("_") if kind in ("ruler", "smear")), "smear")
    return parity_folder() / f"standin_{kind}.pt"


@cache
def standin(name: str) -> Vae:
    return Vae.load(standin_file(name), device="cpu")


def wave(samples: int, channels: int, *, k: int = 0) -> NDArray[np.float32]:
    i = np.arange(samples)
    rows = [((i * 7919 + (c + k) * 104729) % 65521) / 65521 - 0.5 for c in range(channels)]
    return np.stack(rows).astype(np.float32)


def scaled_wave(text: str, **sizes: int) -> NDArray[np.float32]:
    """A signal from its description in the index, e.g. "0.3*wave(n,channels,k=3)"."""
    parts = re.fullmatch(r"([\d.]+)\*wave\((\w+),(\w+),k=(\d+)\)", text)
    assert parts, text
    samples, channels = (sizes[size] if size in sizes else int(size) for size in parts.group(2, 3))
    return np.float32(parts[1]) * wave(samples, channels, k=int(parts[4]))


DECODE: Mapping[str, Any] = INDEX.get("decode", {})


@each(name for name, case in DECODE.items() if "chunks" in case)
def test_decode_takes_every_frame_from_the_right_chunk(name: str) -> None:
    case = DECODE[name]
    latents = torch.randn(case["batch"], case["frames"], 64, generator=torch.Generator().manual_seed(1))
    left, right = standin(name).decode(latents, chunked=True, chunk_batch=3).unbind(1)
    index_in_chunk = right[:, ::FRAME_SAMPLES].int()
    assert torch.equal(left, latents[..., 0].repeat_interleave(FRAME_SAMPLES, dim=1))
    assert torch.equal(right, index_in_chunk.repeat_interleave(FRAME_SAMPLES, dim=1).float())
    for song in index_in_chunk.tolist():
        starts = [frame - index for frame, index in enumerate(song)]
        changes = [frame for frame in range(len(song)) if frame == 0 or starts[frame] != starts[frame - 1]]
        assert [[frame, starts[frame]] for frame in changes] == case["chunks"]
        assert hashlib.sha256(str(song).encode()).hexdigest() == case["index_in_chunk_sha256"]
    assert [[chunk.first, chunk.start] for chunk in decode_chunks(case["frames"])] == case["chunks"]


@each(name for name, case in DECODE.items() if "sumsq" in case)
def test_decode_gives_the_reference_sound(name: str) -> None:
    case, (group, _, mode) = DECODE[name], name.rpartition("_")
    latents = TENSORS[f"{group}/latent"].transpose(1, 2)
    audio = standin(name).decode(latents, chunked=mode == "chunked")[0]
    positions, expected = TENSORS[f"{group}/{mode}_pos"], TENSORS[f"{group}/{mode}_val"]
    assert audio.shape == (2, case["frames"] * FRAME_SAMPLES)
    assert torch.allclose(audio[:, positions], expected, rtol=0, atol=ATOL)
    assert audio.double().sum().item() == pytest.approx(case["sum"], abs=ATOL / 10 * audio.numel())
    assert audio.double().square().sum().item() == pytest.approx(case["sumsq"], rel=ATOL)
    assert audio.abs().max().item() == pytest.approx(case["absmax"], abs=ATOL)


@each(sorted({key.partition("/")[0] for key in TENSORS if re.match(r"enc_\w+_F\d+_x\d+/", key)}))
def test_encode_gives_the_reference_moments(name: str) -> None:
    *_, frames, rest = name.split("_")
    samples = int(frames[1:]) * FRAME_SAMPLES + int(rest[1:])
    moments = standin(name).encode_moments(wave(samples, 2), chunk_batch=2)
    assert moments.shape == (128, int(frames[1:]))
    if (rows := TENSORS.get(f"{name}/rows_every_16")) is not None:
        assert torch.allclose(moments[::16], rows, rtol=0, atol=ATOL)
    if (first := TENSORS.get(f"{name}/row0")) is not None:
        assert torch.equal(moments[0], first)
    if case := INDEX.get("encode", {}).get(name.removeprefix("enc_")):
        assert moments[2].int().tolist() == case["index_in_chunk"]


@each(name for name in INDEX.get("edit", {}) if f"edit_{name}/latent_btd" in TENSORS)
def test_a_reference_becomes_the_latent_of_the_whole_path(name: str) -> None:
    case = INDEX["edit"][name]
    audio = Audio.of(scaled_wave(case["wave"], n=case["samples"], channels=case["channels"]), SAMPLE_RATE)
    eps = TENSORS[f"edit_{name}/eps"][0].T
    latent = standin(name).encode(for_encoding(audio), eps=eps)
    assert latent.shape == (case["latent_frames"], 64)
    assert torch.allclose(latent, TENSORS[f"edit_{name}/latent_btd"][0], rtol=0, atol=ATOL)


@over("name", [name for name, case in INDEX.get("edit", {}).items() if "pred_frames" in case])
def test_seconds_of_an_edit_become_the_reference_frames(name: str) -> None:
    case = INDEX["edit"][name]
    segments = [
        [0 if start == -1 else frame_at(start), case["max_frames"] if end == -1 else frame_at(end)]
        for start, end in json.loads(case["segments_json"])
    ]
    assert segments == case["pred_frames"]


@needs("normalize", "normalize/first16_in", "normalize/first16_out_-6dBFS")
def test_normalising_gives_the_reference_samples() -> None:
    case = INDEX["normalize"]
    audio = scaled_wave(case["wave"])
    normalised = for_encoding(Audio.of(audio, SAMPLE_RATE))
    assert np.array_equal(audio[:, :16], TENSORS["normalize/first16_in"].numpy())
    assert torch.allclose(normalised[:, :16], TENSORS["normalize/first16_out_-6dBFS"], rtol=0, atol=1e-6)
    assert normalised.abs().max().item() == pytest.approx(case["peak_out"], abs=1e-6)


@needs(*(f"vae_sample/{part}" for part in ("mean", "scale", "eps", "latent")))
def test_sampling_gives_the_reference_latent() -> None:
    mean, scale, eps, latent = (TENSORS[f"vae_sample/{part}"][0] for part in ("mean", "scale", "eps", "latent"))
    assert torch.allclose(sample_latent(torch.cat([mean, scale]), eps.T), latent.T, rtol=0, atol=1e-6)


def published_int16(audio: torch.Tensor) -> torch.Tensor:
    """The published pipeline's last step, which the engine leaves out: peak to 1, then truncated to 16 bits."""
    return (audio / audio.abs().max()).clamp(-1, 1).mul(32767).to(torch.int16)


@needs("final/in", "final/int16")
def test_the_published_last_step_is_understood() -> None:
    assert torch.equal(published_int16(TENSORS["final/in"]).long(), TENSORS["final/int16"].long())
