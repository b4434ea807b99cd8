"""The renderer on tiny networks: repeatable, batches of one song's seeds, memory, references, figures."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the renderer's tests need torch")
pytest.importorskip("diffusers", reason="the networks are those of diffusers")

from catalog.common.errors import TransientError, WorkError  # noqa: E402
from tasks.audio.audio import Audio  # noqa: E402
from tasks.audio.files import write_wav  # noqa: E402
from tasks.engines.acestep import renderer as renderer_module  # noqa: E402
from tasks.engines.acestep.network.layout import load_parts  # noqa: E402
from tasks.engines.acestep.network.pipeline import sample  # noqa: E402
from tasks.engines.acestep.network.vae import Vae, reference_segments  # noqa: E402
from tasks.engines.base import Failed, RenderResult  # noqa: E402
from tests.support.tiny_acestep import VAE  # noqa: E402
from tests.unit.tasks.engines.acestep.conftest import FRAMES  # noqa: E402
from tests.unit.tasks.engines.acestep.peak_memory import PeakMemory  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

LOADED = "tasks.engines.acestep.network.loaded"


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch):
    """The seeds of each call of the network; more than ``limit`` do not fit into memory."""

    class Batches(list):
        limit = 16

    seen = Batches()

    def spy(pipeline, inputs, noises, sources, **named):
        seen.append(len(noises))
        if len(noises) > seen.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sample(pipeline, inputs, noises, sources, **named)

    monkeypatch.setattr(renderer_module, "sample", spy)
    return seen


def made(outcomes) -> list[RenderResult]:
    results = list(outcomes)
    assert all(isinstance(each, RenderResult) for each in results), results
    return results


def latent_of(result: RenderResult) -> np.ndarray:
    return np.load(io.BytesIO(result.extras["latent"].data), allow_pickle=False)


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


# --- what a render is


def test_a_render_is_float_stereo_at_48_khz_with_its_latent_beside(renderer, order, models) -> None:
    (result,) = made(renderer.render([order()]))
    assert (result.audio.rate, result.audio.samples.shape) == (48_000, (2, FRAMES * 1920))
    extra, latent = result.extras["latent"], latent_of(result)
    assert (extra.media_type, extra.suffix, latent.shape, latent.dtype) == (
        *("application/x-npy", ".npy"),
        *((FRAMES, 8), np.float32),
    )
    vae = Vae.load(models.need(VAE), device=torch.device("cpu"))
    assert np.array_equal(result.audio.samples, vae.decode(torch.from_numpy(latent))), "no level is changed"


def test_the_same_recipe_is_the_same_sound_bit_for_bit_whatever_was_drawn_before(here, renderer, order) -> None:
    (first,) = made(renderer.render([order(3)]))
    torch.manual_seed(99)
    (again,) = made(renderer_module.AceStepRenderer(here).render([order(3)]))
    assert np.array_equal(first.audio.samples, again.audio.samples)
    assert first.extras["latent"].data == again.extras["latent"].data


def test_both_layouts_of_the_same_weights_sing_the_same_bit_for_bit(renderer, order) -> None:
    results = made(renderer.render([order(settings={"model": model}) for model in ("turbo", "xl-turbo")]))
    assert np.array_equal(latent_of(results[0]), latent_of(results[1]))


def test_every_input_is_heard(renderer, order, song) -> None:
    def sound(*arguments: object, **changes: object) -> np.ndarray:
        (result,) = made(renderer.render([order(*arguments, **changes)]))
        return latent_of(result)

    plain = sound()
    others = [
        *(sound(2), sound(prompt="folk"), sound(language="de"), sound(bpm=90.0), sound(key="B minor")),
        *(sound(settings={"steps": 9}), sound(settings={"shift": 1.0}), sound(settings={"time_signature": 6})),
        sound(settings={"model": "sft", "steps": 8}),
        sound(settings={"model": "sft", "steps": 8, "guidance": 3.0}),
    ]
    for number, other in enumerate(others):
        assert min(np.abs(other - each).max() for each in [plain, *others[:number]]) > 1e-5, number


def test_a_seed_is_the_same_noise_in_every_precision(renderer, order) -> None:
    exact, reduced = made(renderer.render([order(), order(settings={"dtype": "bfloat16"})]))
    assert rms(latent_of(exact) - latent_of(reduced)) < 0.03 * rms(latent_of(exact))


def test_texts_that_would_be_cut_are_refused(renderer, order) -> None:
    (failed,) = renderer.render([order(inputs={"prompt": "word " * 400})])
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, WorkError)
    assert "and ACE-Step reads 256" in failed.error.what


# --- batches


def test_four_seeds_at_once_are_the_four_alone(renderer, order, batches) -> None:
    for changes in ({}, {"settings": {"model": "sft", "steps": 8}}):
        batches.clear()
        together = made(renderer.render([order(seed, **changes) for seed in range(1, 5)]))
        assert batches == [4]
        for result in together:
            (alone,) = made(renderer.render([order(result.recipe.seed, **changes)]))
            for one, other in ((latent_of(alone), latent_of(result)), (alone.audio.samples, result.audio.samples)):
                assert rms(one - other) <= 1e-5 * rms(one)


def test_only_seeds_of_one_song_share_a_batch(renderer, order, batches) -> None:
    orders = [order(seed, prompt=prompt) for seed in (1, 2) for prompt in ("folk", "a much longer folk song")]
    results = made(renderer.render(orders))
    assert batches == [2, 2]
    assert {result.recipe.digest for result in results} == {order.recipe.digest for order in orders}


def test_a_shard_of_twelve_songs_loads_each_model_once(here, order, batches, monkeypatch: pytest.MonkeyPatch) -> None:
    loads, load_vae = [], Vae.load
    monkeypatch.setattr(f"{LOADED}.load_parts", lambda model: loads.append(model.spec.name) or load_parts(model))
    monkeypatch.setattr(Vae, "load", lambda model, **more: loads.append(model.spec.name) or load_vae(model, **more))
    short = {"frames": 4, "steps": 1}
    orders = [order(1, prompt=f"song {number}", inputs=short) for number in range(12)]
    guided = [order(1, settings={"model": "sft", "steps": 8}, inputs={"frames": 4}) for _ in range(1)]
    results = made(renderer_module.AceStepRenderer(here).render([*orders[:6], *guided, *orders[6:]]))
    assert len(results) == 13
    assert loads == ["acestep-1.5-turbo", VAE, "acestep-1.5-sft"]


def test_each_candidate_is_handed_back_before_the_next_is_decoded(
    renderer, order, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded, decode = [], Vae.decode
    monkeypatch.setattr(Vae, "decode", lambda self, latents: decoded.append(1) or decode(self, latents))
    results = renderer.render([order(1), order(2)])
    next(results)
    assert len(decoded) == 1
    assert len(list(results)) == 1


# --- memory


@pytest.mark.parametrize(("limit", "sizes"), [(1, [4, 2, 1, 1, 1, 1]), (2, [4, 2, 2]), (3, [4, 2, 2])])
def test_a_batch_that_does_not_fit_is_halved_and_all_are_rendered(
    renderer, order, batches, monkeypatch: pytest.MonkeyPatch, limit: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(renderer_module, "batch_size", lambda *_, **__: 4)
    batches.limit = limit
    results = made(renderer.render([order(seed, inputs={"steps": 1}) for seed in range(4)]))
    assert sorted(result.recipe.seed for result in results) == [0, 1, 2, 3]
    assert batches == sizes


def test_a_song_that_does_not_fit_alone_fails_for_now(renderer, order, batches) -> None:
    batches.limit = 0
    first, second = renderer.render([order(1), order(2)])
    assert isinstance(first.error, TransientError)
    assert isinstance(second.error, TransientError)


def test_other_errors_are_not_taken_for_a_lack_of_memory(renderer, order, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of its own")

    monkeypatch.setattr(renderer_module, "sample", broken)
    with pytest.raises(RuntimeError, match="a fault of its own"):
        list(renderer.render([order()]))


def test_four_seeds_take_little_more_memory_than_one(renderer, order) -> None:
    made(renderer.render([order(inputs={"steps": 1})]))  # everything is loaded now
    weights = sum(tensor.nbytes for tensor in _weights(renderer))
    peaks = {}
    for count in (1, 4):
        with PeakMemory() as peak:
            for _ in renderer.render([order(seed, inputs={"steps": 2}) for seed in range(count)]):
                pass
        peaks[count] = weights + peak.bytes
    latents = 4 * FRAMES * 8 * 4
    assert peaks[4] <= 1.5 * peaks[1] + latents


def _weights(renderer):
    network, vae = renderer._loaded._network[1], renderer._loaded._vae[1]
    for module in (network.transformer, network.condition_encoder, network.text_encoder, vae.module):
        yield from module.state_dict().values()


# --- the reference


@pytest.fixture
def clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A short recording of one pitch, as a file; its segments are shortened to the same length."""
    monkeypatch.setattr("tasks.engines.acestep.network.vae.SEGMENT_S", 1)

    def write(pitch_hz: float, channels: int = 1) -> Path:
        time_s = np.arange(22_050) / 22_050
        tone = np.stack([0.5 * np.sin(2 * np.pi * pitch_hz * time_s + part) for part in range(channels)])
        path = tmp_path / f"{pitch_hz}.wav"
        write_wav(path, Audio.of(tone, 22_050), subtype="FLOAT")
        return path

    return write


def test_a_reference_is_heard_and_repeats_whatever_was_drawn_before(here, order, clip) -> None:
    def sound(pitch_hz: float) -> np.ndarray:
        inputs = {"reference": f"{pitch_hz:064.0f}"}
        job = order(inputs=inputs, files={"reference": clip(pitch_hz)})
        (result,) = made(renderer_module.AceStepRenderer(here).render([job]))
        return latent_of(result)

    low = sound(110.0)
    torch.manual_seed(5)
    assert np.array_equal(low, sound(110.0))
    assert np.abs(low - sound(880.0)).max() > 1e-6


def test_a_reference_is_named_by_its_song(engine, song, tmp_path: Path) -> None:
    recipe = engine.recipe(song(reference=tmp_path / "clip.wav", reference_digest="c" * 64), 1)
    assert {role: material.digest for role, material in engine.materials(recipe).items()} == {"reference": "c" * 64}


def test_a_reference_gives_beginning_middle_and_end() -> None:
    samples = np.arange(45 * 48_000, dtype=np.float32)
    segments = reference_segments(Audio.of(samples, 48_000))
    assert segments.samples.shape == (2, 30 * 48_000)
    starts = [float(segments.samples[0, second * 48_000]) / 48_000 for second in (0, 10, 20)]
    assert starts == [0.0, 15.0, 35.0]
    short = reference_segments(Audio.of(samples[: 7 * 48_000], 48_000))
    assert short.samples.shape == (2, 30 * 48_000)
    assert short.samples[0, 48_000] == samples[48_000]


def test_a_reference_that_cannot_be_read_fails_its_song_alone(renderer, order, tmp_path: Path) -> None:
    (tmp_path / "clip.wav").write_bytes(b"RIFF no sound")
    bad = order(inputs={"reference": "e" * 64}, files={"reference": tmp_path / "clip.wav"})
    first, second = renderer.render([bad, order()])
    assert isinstance(first, Failed)
    assert isinstance(second, RenderResult)


# --- figures, and models that are not those of the recipe


def test_figures_are_each_candidates_own(renderer, order) -> None:
    first, second = (each.figures for each in made(renderer.render([order(1), order(2)])))
    assert (first.device, first.dtype, first.batch, first.peak_memory_bytes) == ("cpu", "float32", 2, None)
    assert min(first.text_s, first.sampler_s, first.vae_s) > 0
    assert (first.text_s, first.sampler_s, first.flops) == (second.text_s, second.sampler_s, second.flops)
    guided = {"settings": {"model": "sft", "steps": 8}}
    (other,) = made(renderer.render([order(1, **guided)]))
    assert other.figures.flops == pytest.approx(2 * first.flops, rel=0.01)


def test_other_files_than_the_recipes_are_refused(renderer, order) -> None:
    job = order()
    for part, stated in job.recipe.inputs["files"].items():
        files = {**job.recipe.inputs["files"], part: {**stated, "digest": "0" * 64}}
        changed = replace(job.recipe, inputs={**job.recipe.inputs, "files": files})
        (failed,) = renderer.render([replace(job, recipe=changed)])
        assert isinstance(failed.error, WorkError)
        assert stated["name"] in failed.error.what
