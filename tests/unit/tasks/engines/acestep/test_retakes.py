"""Retakes on tiny networks: everything outside the passage is the parent's, and the same retake repeats."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the renderer's tests need torch")
pytest.importorskip("diffusers", reason="the networks are those of diffusers")

from tasks.audio.files import write_wav  # noqa: E402
from tasks.engines.acestep.renderer import AceStepRenderer  # noqa: E402
from tasks.engines.base import Failed, Passage, RenderJob, RenderResult  # noqa: E402
from tests.unit.tasks.engines.acestep.conftest import FRAMES  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")

START, END = 6, 18
FRAME = 1920


@pytest.fixture(scope="module")
def parent(renderer, order, tmp_path_factory: pytest.TempPathFactory):
    """A render, and its files by role."""
    (result,) = renderer.render([order(3)])
    assert isinstance(result, RenderResult), result
    folder = tmp_path_factory.mktemp("parent")
    files = {"parent_audio": folder / "audio.wav", "parent_latent": folder / "latent.npy"}
    write_wav(files["parent_audio"], result.audio, subtype="FLOAT")
    files["parent_latent"].write_bytes(result.extras["latent"].data)
    return result, files


@pytest.fixture
def retake(engine, parent):
    """An order for the passage with a seed, as the engine declares it."""
    result, files = parent

    def made(seed: int = 8, **inputs: object) -> RenderJob:
        products = {"latent": "a" * 64, "audio": "b" * 64}
        passage = Passage(result.recipe, products, START / 25, END / 25, "en")
        (recipe,) = engine.retakes(passage, [seed]).recipes
        return RenderJob(replace(recipe, inputs={**recipe.inputs, **inputs}), files)

    return made


def latent_of(result: RenderResult) -> np.ndarray:
    return np.load(io.BytesIO(result.extras["latent"].data), allow_pickle=False)


def test_outside_the_passage_every_sample_is_the_parents(renderer, parent, retake) -> None:
    (taken,) = renderer.render([retake()])
    original = parent[0]
    changed = (latent_of(taken) != latent_of(original)).any(axis=1)
    assert np.flatnonzero(changed).tolist() == list(range(START, END))
    same = (taken.audio.samples == original.audio.samples).all(axis=0)
    assert same[: START * FRAME].all()
    assert same[END * FRAME :].all()
    assert not same[(START + 1) * FRAME : (END - 1) * FRAME].any()
    assert taken.audio.samples.shape == (2, FRAMES * FRAME)


def test_the_same_retake_repeats_whatever_was_drawn_before_and_other_seeds_differ(here, renderer, retake) -> None:
    (first,) = renderer.render([retake()])
    torch.manual_seed(4)
    (again,) = AceStepRenderer(here).render([retake()])
    assert np.array_equal(first.audio.samples, again.audio.samples)
    (other,) = renderer.render([retake(9)])
    assert np.abs(latent_of(other) - latent_of(first)).max() > 0.01


def test_retakes_at_once_are_those_alone(renderer, retake) -> None:
    together = {result.recipe.seed: result for result in renderer.render([retake(8), retake(9)])}
    for seed, result in together.items():
        (alone,) = renderer.render([retake(seed)])
        assert np.abs(latent_of(alone) - latent_of(result)).max() < 1e-5
        assert np.abs(alone.audio.samples - result.audio.samples).max() < 1e-5


def test_the_parent_and_the_new_words_are_heard_in_the_passage(renderer, order, parent, retake, tmp_path: Path) -> None:
    (taken,) = renderer.render([retake()])
    (words,) = renderer.render([retake(lyrics="# Languages\nen\n\n# Lyric\nOther words<|endoftext|>")])
    job = retake()
    np.save(tmp_path / "latent.npy", -latent_of(parent[0]))
    (between,) = renderer.render([replace(job, files={**job.files, "parent_latent": tmp_path / "latent.npy"})])
    (fresh,) = renderer.render([order(8)])
    for other in (words, between, fresh):
        assert np.abs(latent_of(other) - latent_of(taken))[START:END].max() > 1e-5


@pytest.mark.parametrize("content", [b"\x93NUMPY cut", None])
def test_a_parent_that_cannot_be_read_fails_its_retake_alone(renderer, order, retake, tmp_path: Path, content) -> None:
    latent = tmp_path / "latent.npy"
    if content is None:
        np.save(latent, np.zeros((FRAMES - 1, 8), np.float32))
    else:
        latent.write_bytes(content)
    job = retake()
    bad, good = renderer.render([replace(job, files={**job.files, "parent_latent": latent}), order()])
    assert isinstance(bad, Failed)
    assert "latent cannot be read" in bad.error.what
    assert isinstance(good, RenderResult)


def test_a_parent_of_another_length_is_told(renderer, parent, retake, tmp_path: Path) -> None:
    short = replace(parent[0].audio, samples=parent[0].audio.samples[:, :-FRAME])
    write_wav(tmp_path / "audio.wav", short, subtype="FLOAT")
    job = retake()
    (failed,) = renderer.render([replace(job, files={**job.files, "parent_audio": tmp_path / "audio.wav"})])
    assert "does not fit its parent" in failed.error.what
