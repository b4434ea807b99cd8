"""Passages that repeat a training song, found by their latent."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from tasks.engines.diffrhythm.network.frames import FRAME_RATE  # noqa: E402
from tasks.training.copy_check import CLOSE, WINDOW_FRAMES, likenesses  # noqa: E402
from tasks.training.items import TrainingSong  # noqa: E402
from tests.support.training.songs import noise_song  # noqa: E402


def music(name: str, *, seed: int, frames: int = 1200) -> TrainingSong:
    """Noise that changes slowly about a colour of its own, as the latents of music do."""
    song = noise_song(name, seed=seed, frames=frames + 8)
    colour = 3 * torch.randn(64, 1, generator=torch.Generator().manual_seed(77))
    means = song.means.unfold(1, 9, 1).mean(dim=2) * 3 + colour
    return replace(song, means=means, scales=torch.zeros_like(means))


def test_a_repeated_passage_is_found_where_it_is() -> None:
    one, two = music("one", seed=1), music("two", seed=2)
    latent = music("new", seed=3, frames=700).means.clone()
    latent[:, 320:512] = 0.5 * two.means[:, 700:892] + 0.3 * music("other", seed=4, frames=192).means
    first, second = likenesses(latent.T, [one, two])
    assert (first.song, second.song) == ("two", "one")
    assert first.is_close
    assert not second.is_close
    assert first.song_s - first.latent_s == pytest.approx((700 - 320) / FRAME_RATE)
    assert 320 / FRAME_RATE <= first.latent_s <= (512 - WINDOW_FRAMES) / FRAME_RATE + 1e-9


def test_the_same_song_correlates_wholly_at_any_level() -> None:
    song = music("song", seed=1)
    (likeness,) = likenesses(0.2 * song.means.T + 1.0, [song])
    assert likeness.correlation == pytest.approx(1.0)
    assert likeness.latent_s == likeness.song_s


def test_songs_of_one_colour_are_not_close() -> None:
    """The mean of each channel is common to all of them, and no passage is."""
    (likeness,) = likenesses(music("new", seed=9).means.T, [music("song", seed=1)])
    assert 0 < likeness.correlation < CLOSE / 2


def test_the_figure_is_the_plain_correlation() -> None:
    """Against the definition, calculated place by place."""
    song = noise_song("song", seed=1, frames=40)
    latent = noise_song("new", seed=2, frames=15).means
    centred = latent - latent.mean(dim=1, keepdim=True)
    values = []
    for place in range(26):
        part = song.means[:, place : place + 15]
        part = part - part.mean(dim=1, keepdim=True)
        values.append(float((centred * part).sum() / (centred.norm() * part.norm())))
    (likeness,) = likenesses(latent.T, [song])
    assert likeness.correlation == pytest.approx(max(values), rel=1e-5)
    assert likeness.song_s == pytest.approx(values.index(max(values)) / FRAME_RATE)


def test_silence_is_not_a_copy_of_silence() -> None:
    silence = 5.0 + 1e-3 * noise_song("hiss", seed=5, frames=300).means
    song = music("song", seed=1)
    song = replace(song, means=torch.cat((silence, song.means), 1), scales=torch.zeros(64, 1500))
    latent = torch.cat((music("new", seed=9).means, silence), 1)
    (likeness,) = likenesses(latent.T, [song])
    assert not likeness.is_close


def test_a_silent_latent_is_like_nothing() -> None:
    (likeness,) = likenesses(torch.zeros(200, 64), [music("song", seed=1)])
    assert likeness.correlation == 0.0
    (other,) = likenesses(music("new", seed=1).means.T, [replace(music("song", seed=1), means=torch.zeros(64, 1200))])
    assert other.correlation == 0.0


@pytest.mark.parametrize(("latent_frames", "song_frames"), [(1, 1), (5, 300), (300, 5), (2, 2), (129, 128)])
def test_any_lengths(latent_frames: int, song_frames: int) -> None:
    (likeness,) = likenesses(
        noise_song("new", seed=1, frames=latent_frames).means.T, [noise_song("song", seed=2, frames=song_frames)]
    )
    assert -1 <= likeness.correlation <= 1
