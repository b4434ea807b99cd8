"""The autoencoder: loading what is one and refusing what is not, chunk geometry, decoding, encoding."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from catalog.common.errors import InputError, MachineError, TransientError
from tasks.engines.diffrhythm.vae.chunks import CHUNK_FRAMES, TRIM_FRAMES, decode_chunks, encode_chunks
from tasks.engines.diffrhythm.vae.vae import Vae
from tests.support.tiny_diffrhythm import FRAME, write_tiny_dit, write_tiny_vae

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_vae(tmp_path_factory.mktemp("vae") / "vae_model.pt")


@pytest.fixture(scope="module")
def vae(file: Path) -> Vae:
    return Vae.load(file, device="cpu")


def latents(songs: int, frames: int, seed: int = 0) -> Tensor:
    return torch.randn(songs, frames, 64, generator=torch.Generator().manual_seed(seed))


def sound(samples: int, channels: int = 2) -> np.ndarray:
    return np.random.Generator(np.random.PCG64(3)).uniform(-0.5, 0.5, (channels, samples)).astype(np.float32)


def scripted(module: nn.Module, path: Path) -> Vae:
    """A module of the test's own, through a file."""
    save_scripted(module, path)
    return Vae.load(path, device="cpu")


def save_scripted(module: nn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\.\w+` is deprecated", DeprecationWarning)
        torch.jit.script(module.eval()).save(str(path))  # type: ignore[no-untyped-call]


class Wide(nn.Module):
    """Every frame is the mean of 24 frames on both sides, more than the 16 that are cut at a seam."""

    @torch.jit.export
    def decode_export(self, latents: Tensor) -> Tensor:
        mean = torch.nn.functional.avg_pool1d(latents[:, :2], 49, 1, 24)
        return mean.repeat_interleave(2048, dim=2)

    @torch.jit.export
    def encode_export(self, audio: Tensor) -> Tensor:
        return audio[:, :1, ::2048].expand(-1, 128, -1)

    def forward(self, latents: Tensor) -> Tensor:
        return self.decode_export(latents)


class Hungry(nn.Module):
    """Has memory for a few pieces only."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    @torch.jit.export
    def decode_export(self, latents: Tensor) -> Tensor:
        if latents.shape[0] > self.most:
            latents = latents + torch.zeros([1 << 46])[:1]
        return latents[:, :2].repeat_interleave(2048, dim=2)

    @torch.jit.export
    def encode_export(self, audio: Tensor) -> Tensor:
        return audio

    def forward(self, latents: Tensor) -> Tensor:
        return latents


class Recorder:
    """Notes the shapes it is given."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def decode_export(self, latents: Tensor) -> Tensor:
        self.shapes.append(tuple(latents.shape))
        return latents[:, :2].repeat_interleave(FRAME, dim=2)

    def encode_export(self, audio: Tensor) -> Tensor:
        self.shapes.append(tuple(audio.shape))
        return audio[:, :1, :: FRAME // 2].expand(-1, 128, -1)


def cut_short(file: Path) -> bytes:
    data = file.read_bytes()
    return data[: len(data) // 2]


def without_one_part(file: Path) -> bytes:
    """The archive as it is, but for the record of its tensors."""
    kept = io.BytesIO()
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(kept, "w") as rest:
        for name in whole.namelist():
            if not name.endswith("data.pkl"):
                rest.writestr(name, whole.read(name))
    return kept.getvalue()


@pytest.mark.parametrize("damage", [cut_short, without_one_part, lambda _: b"no archive", lambda _: b""])
def test_a_damaged_file_is_refused_by_name(file: Path, tmp_path: Path, damage: Callable[[Path], bytes]) -> None:
    bad = tmp_path / "vae_bad.pt"
    bad.write_bytes(damage(file))
    with pytest.raises(MachineError, match=r"^vae_bad\.pt is damaged, cut short or no TorchScript") as caught:
        Vae.load(bad, device="cpu")
    assert "songline models" in caught.value.remedy


def test_what_is_no_autoencoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="no TorchScript"):
        Vae.load(write_tiny_dit(tmp_path / "cfm_model.pt", full=False), device="cpu")
    save_scripted(nn.Linear(2, 2), tmp_path / "linear.pt")
    with pytest.raises(MachineError, match=r"linear\.pt .* without decode_export and encode_export"):
        Vae.load(tmp_path / "linear.pt", device="cpu")
    with pytest.raises(MachineError, match="no autoencoder") as caught:
        Vae.load(tmp_path / "absent.pt", device="cpu")
    assert "songline models pull diffrhythm-vae" in str(caught.value)


@given(frames=st.integers(1, 7000))
def test_decode_chunks_give_every_frame_once_and_keep_off_their_own_edges(frames: int) -> None:
    chunks = decode_chunks(frames)
    assert [chunk.first for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]
    assert chunks[-1].end == chunks[-1].start + chunks[-1].frames == frames
    assert {chunk.frames for chunk in chunks} == {min(frames, CHUNK_FRAMES)}
    for before, after in pairwise(chunks):
        assert after.skip >= TRIM_FRAMES
        assert before.start + before.frames - before.end >= TRIM_FRAMES
        assert after.kept > 0


@given(samples=st.integers(FRAME, 700 * FRAME))
def test_encode_chunks_read_inside_the_audio_and_end_with_it(samples: int) -> None:
    chunks = encode_chunks(samples)
    reads = [chunk.start * FRAME + chunk.late_samples for chunk in chunks]
    assert [chunk.first for chunk in chunks] == [0, *(chunk.end for chunk in chunks[:-1])]
    assert chunks[-1].end == samples // FRAME
    assert all(chunk.late_samples == 0 for chunk in chunks[:-1])
    if samples >= CHUNK_FRAMES * FRAME:
        assert reads[-1] + CHUNK_FRAMES * FRAME == samples
    else:
        assert reads == [0]


@pytest.mark.slow
@pytest.mark.parametrize("chunked", [False, True], ids=["whole", "chunked"])
def test_a_candidate_sounds_the_same_alone_and_in_any_batch(vae: Vae, chunked: bool) -> None:
    batch = latents(3, 240)
    together = vae.decode(batch, chunked=chunked)
    assert together.shape == (3, 2, 240 * FRAME)
    assert together.dtype == torch.float32
    assert not torch.allclose(together[0], together[1], atol=0.01)
    for chunk_batch in (1, 4):
        alone = [vae.decode(song[None], chunked=chunked, chunk_batch=chunk_batch)[0] for song in batch]
        assert torch.allclose(torch.stack(alone), together, rtol=0, atol=1e-6)


def test_decoding_again_gives_the_same_samples_and_they_are_not_scaled(vae: Vae) -> None:
    first, second, third = (vae.decode(latents(1, 200), chunked=True) for _ in range(3))
    assert torch.equal(first, second)
    assert torch.equal(second, third)
    assert 0.3 < first.abs().max() < 0.8


def test_chunks_differ_from_the_whole_at_the_seams_only(tmp_path: Path) -> None:
    frames = 400
    wide = scripted(Wide(), tmp_path / "wide.pt")
    differing = wide.decode(latents(1, frames), chunked=True) - wide.decode(latents(1, frames), chunked=False)
    by_frame = differing.abs().amax(dim=(0, 1))[::FRAME]
    seams = [chunk.first for chunk in decode_chunks(frames)[1:]]
    near = torch.tensor([min(abs(frame + 0.5 - seam) for seam in seams) < 8 for frame in range(frames)])
    assert by_frame[~near].max() < 1e-6
    assert by_frame[near].max() > 1e-3


def test_pieces_that_do_not_fit_are_decoded_in_smaller_batches(tmp_path: Path) -> None:
    hungry = scripted(Hungry(most=2), tmp_path / "hungry.pt")
    batch = latents(3, 300)
    expected = batch.transpose(1, 2)[:, :2].repeat_interleave(FRAME, dim=2)
    assert torch.equal(hungry.decode(batch, chunked=True, chunk_batch=9), expected)
    with pytest.raises(TransientError, match="no memory left"):
        scripted(Hungry(most=0), tmp_path / "starved.pt").decode(batch, chunked=True)


def test_no_more_than_the_chunk_batch_goes_through_at_once() -> None:
    recorder = Recorder()
    vae = Vae(recorder, device="cpu", dtype=torch.float32)
    vae.decode(latents(3, 300), chunked=True, chunk_batch=4)
    assert recorder.shapes == [(4, 64, 128), (4, 64, 128), (1, 64, 128)]
    recorder.shapes.clear()
    vae.decode(latents(3, 300), chunked=False, chunk_batch=5)
    assert recorder.shapes == [(2, 64, 300), (1, 64, 300)]
    recorder.shapes.clear()
    vae.decode(latents(2, 300), chunked=False, chunk_batch=1)
    assert recorder.shapes == [(1, 64, 300)] * 2
    recorder.shapes.clear()
    vae.decode(latents(3, 40), chunked=True, chunk_batch=2)
    assert recorder.shapes == [(2, 64, 40), (1, 64, 40)]


def test_an_autoencoder_of_another_geometry_is_refused() -> None:
    vae = Vae(Recorder(), device="cpu", dtype=torch.float32)
    with pytest.raises(MachineError, match=r"encode_export turned \(1, 2, 20480\) into \(1, 128, 20\)"):
        vae.encode_moments(sound(10 * FRAME))


@pytest.mark.parametrize("shape", [(10, 64), (1, 64, 10), (1, 0, 64)])
def test_latents_of_another_shape_are_refused(vae: Vae, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="not \\(songs, frames, 64\\)"):
        vae.decode(torch.zeros(shape), chunked=True)


def test_a_seed_determines_the_encoded_latent(vae: Vae) -> None:
    audio = sound(140 * FRAME + 100)
    one, again, other = (vae.encode(audio, eps=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert one.shape == (140, 64)
    assert torch.equal(one, again)
    assert not torch.allclose(one, other, atol=1e-3)
    mean = vae.encode(torch.from_numpy(audio), eps=torch.zeros(140, 64))
    assert torch.equal(mean, vae.encode_moments(audio)[:64].T)


def test_short_audio_is_encoded_in_one_piece(vae: Vae) -> None:
    assert vae.encode_moments(sound(20 * FRAME + 5)).shape == (128, 20)
    with pytest.raises(InputError, match="shorter than"):
        vae.encode_moments(sound(FRAME - 1))
    with pytest.raises(ValueError, match="not \\(2, samples\\)"):
        vae.encode_moments(sound(FRAME, channels=1))
    with pytest.raises(ValueError, match="eps is"):
        vae.encode(sound(4 * FRAME), eps=torch.zeros(3, 64))
