"""LAION-CLAP loaded from local files: a tiny one with random weights, in the layout that the registry installs."""

from __future__ import annotations

import random
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.common.errors import InputError, MachineError
from catalog.selection.metrics import Measured, NotMeasurable
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges.clap import ClapScorer
from tests.support.judge_inputs import music, settings, store
from tests.support.models import install
from tests.support.signals.scoring import silence, stereo

if find_spec("torch") is None or find_spec("transformers") is None:
    pytest.skip("NOT TESTED: the extra clap is not installed", allow_module_level=True)

import torch

from tasks.scoring.judges.clap_model import Clap
from tests.support.tiny_judges import write_tiny_clap

torch.set_num_threads(1)
PROMPT = "warm piano pop"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clap")
    write_tiny_clap(folder)
    return folder


@pytest.fixture(scope="module")
def clap(tiny: Path) -> Clap:
    return Clap.load(tiny)


def brief(audio: Audio, prompt: str | None = PROMPT) -> Brief:
    return Brief(length_s=audio.duration_s, prompt=prompt)


@pytest.mark.slow
def test_prompt_and_reference_are_compared_window_by_window(clap: Clap) -> None:
    readings = ClapScorer(clap, music(12.0, seed=8)).score(music(26.0), brief(music(26.0)))
    assert list(readings) == [spec.name for spec in ClapScorer.metrics]
    for reading in readings.values():
        assert isinstance(reading, Measured)
        assert -1 <= reading.value <= 1
    mean, worst = readings["clap_similarity"], readings["clap_worst"]
    assert isinstance(mean, Measured)
    assert isinstance(worst, Measured)
    assert [(w.start_s, w.end_s) for w in mean.windows] == [(0, 10), (10, 20), (20, 26)]
    assert worst.value == min(w.value for w in mean.windows)
    assert mean.value == pytest.approx(np.mean([w.value for w in mean.windows]))


@pytest.mark.slow
def test_texts_and_sounds_differ_and_have_length_one(clap: Clap) -> None:
    vectors = [clap.text(PROMPT), clap.text("sad jazz"), clap.clip(music(12.0)), clap.clip(music(12.0, seed=8))]
    assert [float(np.linalg.norm(vector)) for vector in vectors] == pytest.approx([1.0] * 4, abs=1e-5)
    assert float(vectors[0] @ vectors[1]) < 0.999
    assert float(vectors[2] @ vectors[3]) < 0.99999


@pytest.mark.slow
def test_the_same_every_time_and_no_randomness_is_used_up(tiny: Path, clap: Clap) -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]
    again = ClapScorer(Clap.load(tiny)).score(music(), brief(music()))
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]
    assert before == after
    assert again == ClapScorer(clap).score(music(), brief(music()))


@pytest.mark.slow
def test_level_does_not_matter(clap: Clap) -> None:
    quiet = Audio(music().samples * np.float32(0.1), music().rate)
    loud, soft = (ClapScorer(clap).score(audio, brief(audio))["clap_similarity"] for audio in (music(), quiet))
    assert isinstance(loud, Measured)
    assert isinstance(soft, Measured)
    assert soft.value == pytest.approx(loud.value, abs=1e-4)


@pytest.mark.parametrize(
    ("audio", "reason"),
    [(stereo(silence(12)), "silent"), (music(4.9), "shorter"), (stereo(np.full(44100 * 12, np.nan)), "finite")],
)
def test_what_cannot_be_heard_is_not_measurable(clap: Clap, audio: Audio, reason: str) -> None:
    reading = ClapScorer(clap).score(audio, brief(audio))["clap_similarity"]
    assert isinstance(reading, NotMeasurable)
    assert reason in reading.reason


def test_without_prompt_and_reference_nothing_is_stated(clap: Clap) -> None:
    for reading in ClapScorer(clap).score(music(), brief(music(), None)).values():
        assert isinstance(reading, NotMeasurable)
        assert reading.is_not_stated


def test_a_text_beyond_the_models_places_is_an_error(clap: Clap) -> None:
    with pytest.raises(InputError, match="34 tokens, and clap-music reads 32"):
        clap.text("piano " * 32)


def test_either_file_of_weights_loads_and_gives_the_same(tmp_path: Path, clap: Clap) -> None:
    write_tiny_clap(tmp_path, safetensors=True)
    np.testing.assert_array_equal(Clap.load(tmp_path).text(PROMPT), clap.text(PROMPT))


def test_it_loads_as_the_registry_installs_it(tmp_path: Path, tiny: Path, clap: Clap) -> None:
    files = {path.name: path for path in tiny.iterdir()}
    model = install(store(tmp_path), "clap-music", dict(files))
    loaded = ClapScorer.load([model], settings(tmp_path))
    np.testing.assert_array_equal(loaded.text(PROMPT), clap.text(PROMPT))


def _dropped(state: dict[str, Any]) -> dict[str, Any]:
    return {name: tensor for name, tensor in state.items() if name != "audio_projection.linear1.weight"}


def _reshaped(state: dict[str, Any]) -> dict[str, Any]:
    return {**state, "audio_projection.linear1.bias": torch.zeros(3)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_dropped, "1 tensor missing"),
        (_reshaped, "1 tensor of another shape"),
        (lambda state: {**state, "more": torch.zeros(1)}, "1 tensor unknown"),
        (lambda state: {"epoch": Path("x"), **state}, "cannot be read as weights"),
        (lambda state: {**state, "note": "text"}, "cannot be read as weights"),
    ],
)
def test_wrong_weights_are_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], told: str
) -> None:
    weights = write_tiny_clap(tmp_path)
    torch.save(change(torch.load(weights, weights_only=True)), weights)
    with pytest.raises(MachineError, match=told) as refused:
        Clap.load(tmp_path)
    assert "songline models verify clap-music" in refused.value.remedy


@pytest.mark.parametrize("name", ["pytorch_model.bin", "tokenizer.json", "config.json", "preprocessor_config.json"])
def test_a_damaged_or_missing_file_is_named(tmp_path: Path, name: str) -> None:
    write_tiny_clap(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:40])
    with pytest.raises(MachineError, match=r"clap-music|pytorch_model"):
        Clap.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(MachineError, match=f"{name} missing"):
        Clap.load(tmp_path)
