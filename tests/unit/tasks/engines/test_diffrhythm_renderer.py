"""The renderer of the DiffRhythm engine on tiny models and short songs: batches, memory, retakes, what it refuses."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch

from catalog.errors import MachineError, ModelMissing, RefusedError, WorkError
from catalog.recipe import Recipe
from tasks.audio.files import write_wav
from tasks.engines.base import Failed, Order, Rendered
from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer
from tasks.engines.diffrhythm.sampler import Sampler
from tasks.engines.registry import get_engine
from tests.model_kit import install
from tests.tiny_house import settings_of, tiny_settings
from tests.tiny_models import write_tiny_dit

FULL, VAE, DATA = "diffrhythm-1.2-full", "diffrhythm-vae", "diffrhythm-data"
FRAMES = 96
ONE, TWO = [[[5, [20, 21, 22, 3]]], [[9, [40, 41, 42, 3]], [50, [7, 8, 9, 10]]]]


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def variables(tmp_path_factory):
    return tiny_settings(tmp_path_factory.mktemp("models"), FULL, "diffrhythm-1.2-base", VAE, DATA)


@pytest.fixture(scope="module")
def here(tmp_path_factory, variables):
    """Settings that point to the tiny models."""
    return settings_of(tmp_path_factory.mktemp("home"), variables)


@pytest.fixture(scope="module")
def house_models(here):
    from catalog.model_store import ModelStore

    return ModelStore(here.models_path, here.models_table)


@pytest.fixture(scope="module")
def style(tmp_path_factory):
    path = tmp_path_factory.mktemp("style") / "style.npy"
    vector = np.random.Generator(np.random.PCG64(5)).standard_normal(512).astype(np.float32)
    np.save(path, vector / np.linalg.norm(vector))
    return path


@pytest.fixture
def renderer(here):
    return DiffRhythmRenderer(here)


@pytest.fixture
def make(house_models, style):
    """An order for a short song, with inputs changed."""

    def order(seed=1, tokens=ONE, **changes):
        stated = {part: house_models.need(name) for part, name in (("network", FULL), ("vae", VAE), ("data", DATA))}
        inputs = {
            "files": {part: {"name": model.spec.name, "digest": model.digest} for part, model in stated.items()},
            "language": "en",
            "tokens": tokens,
            "read_by": {},
            "frames": FRAMES,
            "duration": 0.5,
            "style": {"vector": "0" * 64},
            "negative_style": {"fixed": "published"},
            "steps": 8,
            "cfg_strength": 2.0,
            "sway": 0.0,
            "dtype": "float32",
            "rope": "float16",
            "ema": False,
            "vae": "chunked",
            "vae_dtype": "float32",
        }
        return Order(Recipe("diffrhythm", 1, seed, 4.5, {**inputs, **changes}), {"style": style})

    return order


@pytest.fixture
def calls(monkeypatch):
    """The songs of each call of the sampler; ``limit`` rows fit into memory."""
    sample = Sampler.sample

    class Calls(list):
        limit = 16

    seen = Calls()

    def spy(self, songs, noises, sampling, **named):
        seen.append(list(songs))
        if len(songs) > seen.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sample(self, songs, noises, sampling, **named)

    monkeypatch.setattr(Sampler, "sample", spy)
    return seen


def by_seed(outcomes):
    made = list(outcomes)
    assert all(isinstance(each, Rendered) for each in made), made
    return {(each.recipe.seed, str(each.recipe.inputs["tokens"])): each for each in made}


def latent_of(rendered):
    return np.load(io.BytesIO(rendered.extras["latent"].data), allow_pickle=False)


# --- batches


def test_songs_of_one_length_share_a_call_and_seeds_of_a_song_share_what_it_says(renderer, make, calls):
    orders = [make(1, ONE), make(1, TWO), make(2, ONE), make(2, TWO)]
    made = by_seed(renderer.render(orders))
    assert len(made) == 4
    (songs,) = calls
    assert len(songs) == 4
    assert len({id(song) for song in songs}) == 2
    assert songs[0] is songs[1], "seeds of a song stand side by side"
    assert songs[2] is songs[3]


def test_what_cannot_share_a_batch_does_not(renderer, make, calls):
    orders = [make(1), make(2), make(1, frames=64), make(1, steps=9), make(1, cfg_strength=0.0), make(1, vae="whole")]
    assert len(list(renderer.render(orders))) == 6
    assert sorted(len(songs) for songs in calls) == [1, 1, 1, 1, 2]


def test_a_song_does_not_depend_on_its_batch(renderer, make):
    orders = [make(seed, tokens) for seed in (1, 2) for tokens in (ONE, TWO)]
    together = by_seed(renderer.render(orders))
    for order in orders:
        (alone,) = renderer.render([order])
        shared = together[order.recipe.seed, str(order.recipe.inputs["tokens"])]
        assert np.abs(alone.audio.samples - shared.audio.samples).max() < 1e-4
        assert np.abs(latent_of(alone) - latent_of(shared)).max() < 1e-4
    sounds = [rendered.audio.samples for rendered in together.values()]
    assert min(np.abs(a - b).max() for n, a in enumerate(sounds) for b in sounds[:n]) > 0.01


def test_a_render_is_float_stereo_with_its_latent_beside(renderer, make):
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


def test_every_input_is_heard(renderer, make, style, tmp_path):
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


def test_figures_add_up(renderer, make, calls):
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


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_batch_that_does_not_fit_is_halved_and_all_are_rendered(renderer, make, calls, limit):
    calls.limit = limit
    orders = [make(seed) for seed in range(1, 8)]
    made = by_seed(renderer.render(orders))
    assert sorted(seed for seed, _ in made) == list(range(1, 8))
    fitting = [len(songs) for songs in calls if len(songs) <= limit]
    assert sum(fitting) == 7
    assert len(calls) - len(fitting) <= 2, "the size that fits is kept"


def test_one_song_that_does_not_fit_fails_for_now_and_the_next_is_tried(renderer, make, calls):
    calls.limit = 0
    outcomes = list(renderer.render([make(1), make(2)]))
    assert [type(each) for each in outcomes] == [Failed, Failed]
    assert all(each.error.transient for each in outcomes)
    assert "memory" in outcomes[0].error.what
    calls.limit = 1
    assert len(by_seed(renderer.render([make(1), make(2)]))) == 2


def test_other_errors_of_the_sampler_are_not_taken_for_memory(renderer, make, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr(Sampler, "sample", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        list(renderer.render([make(1), make(2)]))


# --- retakes


def test_a_retake_is_its_parent_but_for_its_passage(here, renderer, make, tmp_path):
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

    (taken, fresh) = renderer.render([Order(recipe, files), make(4)])
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
    with pytest.raises(WorkError, match="latent cannot be read"):
        list(renderer.render([Order(recipe, files)]))


# --- what is refused


def test_numbers_that_are_not_finite_are_refused(tmp_path, variables, make):
    settings = own_models(tmp_path, variables)
    weights = write_tiny_dit(tmp_path / "cfm_model.pt", full=True)
    state = torch.load(weights, weights_only=True)
    state["model_state_dict"]["transformer.proj_out.weight"][0, 0] = float("nan")
    torch.save(state, weights)
    renderer, order = with_network(settings, weights, make())
    with pytest.raises(WorkError, match="not finite") as caught:
        list(renderer.render([order]))
    assert "float32" in caught.value.remedy


def test_another_content_of_a_model_is_refused(tmp_path, variables, make):
    settings = own_models(tmp_path, variables)
    renderer, order = with_network(settings, write_tiny_dit(tmp_path / "cfm_model.pt", full=True, seed=9), make())
    assert len(list(renderer.render([order]))) == 1
    with pytest.raises(WorkError, match=f"files of {FULL} here are not those"):
        list(DiffRhythmRenderer(settings).render([make()]))


def test_a_model_that_is_gone_is_named(tmp_path, here, make):
    bare = here.model_copy(update={"models": tmp_path / "none"})
    with pytest.raises(ModelMissing, match=FULL):
        list(DiffRhythmRenderer(bare).render([make()]))


def test_a_network_of_the_wrong_kind_is_refused(tmp_path, variables, make, house_models):
    base = house_models.need("diffrhythm-1.2-base")
    stated = {"name": base.spec.name, "digest": base.digest}
    order = make()
    order = make(files={**order.recipe.inputs["files"], "network": stated})
    with pytest.raises(WorkError, match="has no length embedding"):
        list(DiffRhythmRenderer(settings_of(tmp_path, variables)).render([order]))
    with pytest.raises(WorkError, match="is a full model"):
        list(DiffRhythmRenderer(settings_of(tmp_path, variables)).render([make(frames=2048)]))


def test_a_decoder_whose_precision_loses_too_much_is_refused(renderer, make, calls):
    with pytest.raises(RefusedError, match="over -60 dB") as caught:
        list(renderer.render([make(vae_dtype="bfloat16")]))
    assert "vae_dtype: float32" in caught.value.remedy
    assert len(list(renderer.render([make()]))) == 1


def test_it_has_no_stems_of_its_own(renderer, make):
    with pytest.raises(RefusedError, match="no stems"):
        renderer.stems(make().recipe)


def own_models(tmp_path, variables):
    """Settings whose models are a copy that the test may change."""
    import shutil
    from pathlib import Path

    shutil.copytree(Path(variables["SONGLINE_MODELS"]), tmp_path / "models")
    return settings_of(tmp_path, {**variables, "SONGLINE_MODELS": str(tmp_path / "models")})


def with_network(settings, weights, order):
    """A renderer whose network has these weights, and the order that names them."""
    import shutil

    from catalog.model_store import ModelStore

    store = ModelStore(settings.models_path, settings.models_table)
    shutil.rmtree(store.home(FULL))
    network = install(store, FULL, {"cfm_model.pt": weights})
    files = {**order.recipe.inputs["files"], "network": {"name": FULL, "digest": network.digest}}
    recipe = replace(order.recipe, inputs={**order.recipe.inputs, "files": files})
    return DiffRhythmRenderer(settings), replace(order, recipe=recipe)


def test_a_checkpoint_that_is_none_is_told(tmp_path, variables, make):
    (tmp_path / "bad").mkdir()
    weights = tmp_path / "bad" / "cfm_model.pt"
    weights.write_bytes(b"not a checkpoint")
    renderer, order = with_network(own_models(tmp_path, variables), weights, make())
    with pytest.raises(MachineError):
        list(renderer.render([order]))
