"""audiobox-aesthetics from its checkpoint: the package's own network in small, through the real loading code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.common.errors import MachineError
from catalog.selection.metrics import Measured, NotMeasurable
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judge_specs import AXES
from tasks.scoring.judges.aesthetics import AestheticsScorer
from tests.support.judge_inputs import music, settings, store
from tests.support.models import install
from tests.support.signals.scoring import noise, silence, stereo

if find_spec("torch") is None or find_spec("audiobox_aesthetics") is None:
    pytest.skip("NOT TESTED: the extra aesthetics is not installed", allow_module_level=True)

import torch

from tasks.scoring.judges.aesthetics_model import FRAMES, RATE_HZ, Aesthetics
from tests.support.tiny_judges import small_aesthetics, write_tiny_aesthetics

torch.set_num_threads(1)


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with small_aesthetics():
        yield


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_aesthetics(tmp_path_factory.mktemp("aesthetics")).parent


@pytest.fixture(scope="module")
def model(tiny: Path) -> Aesthetics:
    return Aesthetics.load(tiny)


class Fixed:
    """Says the length of what it hears on every axis."""

    def axes(self, part: Audio) -> Mapping[str, float]:
        return dict.fromkeys(AXES, part.duration_s)


def test_every_axis_has_a_number_and_its_windows(model: Aesthetics) -> None:
    readings = AestheticsScorer(model).score(music(), Brief(length_s=24))
    assert list(readings) == [spec.name for spec in AestheticsScorer.metrics]
    for reading in readings.values():
        assert isinstance(reading, Measured)
        assert np.isfinite(reading.value)
        assert [(w.start_s, w.end_s) for w in reading.windows] == [(0, 10), (10, 20)]


def test_a_short_last_window_weighs_by_its_length() -> None:
    reading = AestheticsScorer(Fixed()).score(music(26.0), Brief(length_s=26))["audiobox_pq"]
    assert isinstance(reading, Measured)
    assert reading.value == pytest.approx((10 * 10 + 10 * 10 + 6 * 6) / 26)


def test_the_numbers_are_those_of_the_packages_own_predictor(model: Aesthetics, tiny: Path) -> None:
    """Its batch code, its network and its scales over the same samples, the last window padded and masked."""
    infer = pytest.importorskip("audiobox_aesthetics.infer", reason="NOT TESTED: the predictor needs torchaudio")
    from audiobox_aesthetics.model.aes import AesMultiOutput, Normalize

    held: dict[str, Any] = torch.load(tiny / "checkpoint.pt", weights_only=True)
    shape = {**held["model_cfg"], "precision": "32"}
    with pytest.warns(FutureWarning, match="weight_norm"):
        network = AesMultiOutput(**shape)
    network.load_state_dict({name.removeprefix("model."): tensor for name, tensor in held["state_dict"].items()})
    wave = torch.from_numpy(0.05 * np.random.default_rng(5).standard_normal((1, FRAMES + 7 * RATE_HZ))).float()
    wavs, masks, _, _ = infer.make_inference_batch([wave])
    with torch.inference_mode(), pytest.warns(UserWarning, match="mismatched key_padding_mask"):
        found = network.eval()({"wav": torch.stack(wavs), "mask": torch.stack(masks)})
    for index, cut in enumerate((wave[:, :FRAMES], wave[:, FRAMES:])):
        ours = model.axes(Audio(cut.numpy(), RATE_HZ))
        for axis in AXES:
            theirs = Normalize(**held["target_transform"][axis]).inverse(found[axis][index])
            assert ours[axis] == pytest.approx(float(theirs), abs=1e-4)


def test_the_axes_tell_sounds_apart(model: Aesthetics) -> None:
    hiss, song = model.axes(stereo(noise(10, 0.1))), model.axes(music(10.0))
    assert any(abs(hiss[axis] - song[axis]) > 1e-3 for axis in AXES)


def test_the_same_every_time_and_no_randomness_is_used_up(tiny: Path, model: Aesthetics) -> None:
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()  # type: ignore[index]
    assert Aesthetics.load(tiny).axes(music(10.0)) == model.axes(music(10.0))
    assert before == (np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())  # type: ignore[index]


@pytest.mark.parametrize(
    ("audio", "reason"),
    [(stereo(silence(12)), "silent"), (music(4.9), "shorter"), (stereo(np.full(44100 * 12, np.inf)), "finite")],
)
def test_what_cannot_be_heard_is_not_measurable(model: Aesthetics, audio: Audio, reason: str) -> None:
    for reading in AestheticsScorer(model).score(audio, Brief(length_s=12)).values():
        assert isinstance(reading, NotMeasurable)
        assert reason in reading.reason


def test_it_loads_as_the_registry_installs_it(tmp_path: Path, tiny: Path, model: Aesthetics) -> None:
    installed = install(store(tmp_path), "audiobox-aesthetics", {"checkpoint.pt": tiny / "checkpoint.pt"})
    loaded = AestheticsScorer.load([installed], settings(tmp_path))
    assert loaded.axes(music(10.0)) == model.axes(music(10.0))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"state_dict": {}}, "tensors missing"),
        ({"state_dict": {"model.more": torch.zeros(1)}}, "tensors missing .*, 1 tensor unknown"),
        ({"state_dict": "none"}, "cannot be read as weights"),
        ({"target_transform": {"CE": {"mean": 0}}}, "cannot be read as weights"),
        ({"model_cfg": {}}, "cannot be read as weights"),
        ({"where": Path("x")}, "cannot be read as weights"),
    ],
)
def test_a_wrong_checkpoint_is_refused(tmp_path: Path, change: dict[str, object], told: str) -> None:
    file = write_tiny_aesthetics(tmp_path)
    torch.save({**torch.load(file, weights_only=True), **change}, file)
    with pytest.raises(MachineError, match=told) as refused:
        Aesthetics.load(tmp_path)
    assert "songline models verify audiobox-aesthetics" in refused.value.remedy


def test_a_damaged_or_missing_checkpoint_is_named(tmp_path: Path) -> None:
    file = write_tiny_aesthetics(tmp_path)
    file.write_bytes(file.read_bytes()[:5000])
    with pytest.raises(MachineError, match="cannot be read as weights"):
        Aesthetics.load(tmp_path)
    file.unlink()
    with pytest.raises(MachineError, match=r"checkpoint\.pt is missing"):
        Aesthetics.load(tmp_path)
