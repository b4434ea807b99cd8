"""The renderer of the DiffRhythm engine on tiny models and short songs: batches, memory, retakes, figures."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the renderer's tests need torch")

from tasks.audio.files import write_wav  # noqa: E402
from tasks.engines.base import Failed, RenderJob, RenderResult  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Sampler  # noqa: E402
from tasks.engines.registry import get_engine  # noqa: E402
from tests.support.diffrhythm.short_songs import FRAMES, ONE, TWO  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def by_seed(outcomes):
    made = list(outcomes)
    assert all(isinstance(each, RenderResult) for each in made), made
    return {(each.recipe.seed, str(each.recipe.inputs["tokens"])): each for each in made}


def latent_of(rendered):
    return np.load(io.BytesIO(rendered.extras["latent"].data), allow_pickle=False)


# --- batches


@pytest.mark.slow
def test_songs_of_one_length_share_a_call_and_seeds_of_a_song_share_what_it_says(renderer, make, calls) -> None:
    orders = [make(1, ONE), make(1, TWO), make(2, ONE), make(2, TWO)]
    made = by_seed(renderer.render(orders))
    assert len(made) == 4
    (songs,) = calls
    assert len(songs) == 4
    assert len({id(song) for song in songs}) == 2
    assert songs[0] is songs[1], "seeds of a song stand side by side"
    assert songs[2] is songs[3]


@pytest.mark.slow
def test_what_cannot_share_a_batch_does_not(renderer, make, calls) -> None:
    orders = [make(1), make(2), make(1, frames=64), make(1, steps=9), make(1, cfg_strength=0.0), make(1, vae="whole")]
    assert len(list(renderer.render(orders))) == 6
    assert sorted(len(songs) for songs in calls) == [1, 1, 1, 1, 2]


@pytest.mark.slow
def test_a_song_does_not_depend_on_its_batch(renderer, make) -> None:
    orders = [make(seed, tokens) for seed in (1, 2) for tokens in (ONE, TWO)]
    together = by_seed(renderer.render(orders))
    for order in orders:
        (alone,) = renderer.render([order])
        shared = together[order.recipe.seed, str(order.recipe.inputs["tokens"])]
        assert np.abs(alone.audio.samples - shared.audio.samples).max() < 1e-4
        assert np.abs(latent_of(alone) - latent_of(shared)).max() < 1e-4
    sounds = [rendered.audio.samples for rendered in together.values()]
    assert min(np.abs(a - b).max() for n, a in enumerate(sounds) for b in sounds[:n]) > 0.01


@pytest.mark.slow
def test_a_render_is_float_stereo_with_its_latent_beside(renderer, make) -> None:
    (made,) = renderer.render([make()])
    assert (made.audio.rate, made.audio.samples.shape, made.audio.samples.dtype) == (
        44100,
        (2, FRAMES * 2048),
        np.float32,
    )
    assert 0.01 < np.abs(made.audio.samples).max() < 0.99
    extra = made.extras["latent"]
    assert (extra.media_type, extra.suffix) == ("application/x-npy", ".npy")
    assert (latent_of(made).shape, latent_of(made).dtype) == ((FRAMES, 64), np.float32)
    (again,) = renderer.render([make()])
    assert again.extras["latent"].data == extra.data


@pytest.mark.slow
def test_every_input_is_heard(renderer, make, style, tmp_path: Path) -> None:
    other = tmp_path / "other.npy"
    np.save(other, -np.load(style))
    (plain,) = renderer.render([make()])
    changed = [
        make(tokens=TWO),
        make(2),
        make(duration=0.25),
        make(steps=9),
        make(cfg_strength=3.0),
        make(sway=-1.0),
        make(negative_style={"fixed": "none"}),
        make(rope="exact"),
        replace(make(), files={"style": other}),
        replace(make(), files={"style": style, "negative_style": other}),
    ]
    for number, order in enumerate(changed):
        (made,) = renderer.render([order])
        assert np.abs(latent_of(made) - latent_of(plain)).max() > 1e-5, number


@pytest.mark.slow
def test_figures_add_up(renderer, make, calls) -> None:
    made = list(renderer.render([make(1), make(2)]))
    first, second = (each.figures for each in made)
    assert first == second
    assert (first.device, first.dtype, first.batch, first.peak_memory_bytes) == ("cpu", "float32", 2, None)
    assert first.seconds == first.text_s + first.sampler_s + first.vae_s
    assert min(first.text_s, first.sampler_s, first.vae_s) > 0
    (guided,) = renderer.render([make(1)])
    assert guided.figures.flops == first.flops, "the arithmetic of a song is its own, whatever its batch"
    (unguided,) = renderer.render([make(1, cfg_strength=0.0)])
    assert 0.4 < unguided.figures.flops / first.flops < 0.8, "what both branches share is counted once"


# --- memory


@pytest.mark.slow
@pytest.mark.parametrize(("limit", "sizes"), [(1, [1] * 7), (2, [2, 2, 2, 1]), (3, [2, 2, 2, 1])])
def test_a_batch_that_does_not_fit_is_halved_and_all_are_rendered(
    renderer, make, calls, monkeypatch: pytest.MonkeyPatch, limit, sizes
) -> None:
    monkeypatch.setattr("tasks.engines.diffrhythm.renderer.batch_size", lambda *_, **__: 4)
    calls.limit = limit
    orders = [make(seed) for seed in range(1, 8)]
    made = by_seed(renderer.render(orders))
    assert sorted(seed for seed, _ in made) == list(range(1, 8))
    fitting = [len(songs) for songs in calls if len(songs) <= limit]
    assert fitting == sizes
    assert len(calls) - len(fitting) == (2 if limit == 1 else 1), "the size that fits is kept"


@pytest.mark.slow
def test_one_song_that_does_not_fit_fails_for_now_and_the_next_is_tried(renderer, make, calls) -> None:
    calls.limit = 0
    outcomes = list(renderer.render([make(1), make(2)]))
    assert [type(each) for each in outcomes] == [Failed, Failed]
    assert all(each.error.transient for each in outcomes)
    assert "memory" in outcomes[0].error.what
    calls.limit = 1
    assert len(by_seed(renderer.render([make(1), make(2)]))) == 2


def test_other_errors_of_the_sampler_are_not_taken_for_memory(renderer, make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_, **__):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(Sampler, "sample", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(renderer.render([make(1), make(2)]))


# --- retakes


@pytest.mark.slow
def test_a_retake_is_its_parent_but_for_its_passage(here, renderer, make, tmp_path: Path) -> None:
    parent = make(3)
    (sung,) = renderer.render([parent])
    audio, latent = tmp_path / "audio.wav", tmp_path / "latent.npy"
    write_wav(audio, sung.audio, subtype="FLOAT")
    latent.write_bytes(sung.extras["latent"].data)
    passage = {"frames": [30, 50], "latent": "a" * 64, "audio": "b" * 64}
    inputs = {**parent.recipe.inputs, "passage": passage, "parent": parent.recipe.digest}
    recipe = replace(parent.recipe, seed=4, inputs=inputs)
    files = {**parent.files, "parent_latent": latent, "parent_audio": audio}
    assert set(get_engine("diffrhythm", here).materials(recipe)) == set(files)

    (taken, fresh) = renderer.render([RenderJob(recipe, files), make(4)])
    changed = (latent_of(taken) != latent_of(sung)).any(axis=1)
    assert np.flatnonzero(changed).tolist() == list(range(30, 50))
    same = (taken.audio.samples == sung.audio.samples).all(axis=0)
    assert same[: 30 * 2048].all()
    assert same[50 * 2048 :].all()
    assert not same[31 * 2048 : 49 * 2048].any()
    assert np.abs(latent_of(fresh) - latent_of(taken)).max() > 0.01
    steps = np.abs(np.diff(taken.audio.samples, axis=1)).max()
    assert steps < 2 * np.abs(np.diff(sung.audio.samples, axis=1)).max(), "no click where it is joined"

    latent.write_bytes(b"\x93NUMPY cut")
    bad, good = renderer.render([RenderJob(recipe, files), make(4)])
    assert isinstance(bad, Failed)
    assert "latent cannot be read" in bad.error.what
    assert isinstance(good, RenderResult), "the others of its batch are rendered"
