"""MuQ-MuLan loaded from local files: a tiny one with random weights, in the layout that the registry installs."""

from __future__ import annotations

import hashlib
import json
import pickle
import random
import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.common.errors import InputError, MachineError
from catalog.selection.metrics import Measured
from tasks.audio.audio import Audio
from tasks.scoring.base import Brief
from tasks.scoring.judges.mulan import MulanScorer
from tests.support.tiny_mulan import write_tiny_mulan

torch = pytest.importorskip("torch", reason="the extra mulan is not installed: no torch")

from tasks.style.mulan.mulan import MuLan  # noqa: E402
from tasks.style.mulan.vector import checked_style  # noqa: E402

torch.set_num_threads(1)
pytestmark = pytest.mark.skipif(find_spec("muq") is None, reason="the extra mulan is not installed: no muq")

State = dict[str, Any]

PROMPT = "indie pop, warm piano, female vocal, 96 bpm"
BIN = "mulan/pytorch_model.bin"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("muq-mulan-large")
    write_tiny_mulan(folder)
    return folder


@pytest.fixture(scope="module")
def mulan(tiny: Path) -> MuLan:
    return MuLan.load(tiny)


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """A model of the test's own, to break."""
    return shutil.copytree(tiny, tmp_path / "model")


def noise(length_s: float, *, rate: int = 24000, seed: int = 1) -> Audio:
    generator = np.random.Generator(np.random.PCG64(seed))
    return Audio.of(0.1 * generator.standard_normal((2, round(length_s * rate))), rate)


def tone(length_s: float, hz: float, rate: int = 44100) -> Audio:
    return Audio.of(0.2 * np.sin(2 * np.pi * hz * np.arange(round(length_s * rate)) / rate), rate)


class TestVectors:
    @pytest.mark.slow
    def test_texts_and_clips_are_style_vectors(self, mulan: MuLan) -> None:
        for vector in (mulan.text(PROMPT), mulan.text("一首忧伤的钢琴曲，女声"), mulan.clip(noise(12))):
            assert vector.dtype == np.float32
            np.testing.assert_array_equal(checked_style(vector), vector)

    @pytest.mark.slow
    def test_what_differs_lies_apart(self, mulan: MuLan) -> None:
        assert mulan.text(PROMPT) @ mulan.text("techno, drums") < 0.99
        assert mulan.clip(noise(10)) @ mulan.clip(tone(10, 220)) < 0.99

    def test_a_vector_does_not_depend_on_what_was_embedded_before(self, tiny: Path, mulan: MuLan) -> None:
        mulan.text("a much longer text " * 20)
        mulan.clip(tone(10, 440))
        fresh = MuLan.load(tiny)
        np.testing.assert_array_equal(mulan.text(PROMPT), fresh.text(PROMPT))
        np.testing.assert_array_equal(mulan.clip(noise(10)), fresh.clip(noise(10)))

    def test_windows_cover_the_length_and_agree_with_single_clips(self, mulan: MuLan) -> None:
        song = noise(34)
        windows = mulan.windows(song)
        assert [(start_s, end_s) for start_s, end_s, _ in windows] == [(0, 10), (10, 20), (20, 30), (24, 34)]
        for start_s, end_s, vector in windows:
            alone = Audio(song.samples[:, int(start_s * 24000) : int(end_s * 24000)], 24000)
            np.testing.assert_array_equal(vector, mulan.clip(alone))

    def test_the_rate_of_a_file_hardly_matters(self, mulan: MuLan) -> None:
        assert mulan.clip(tone(10, 440, 44100)) @ mulan.clip(tone(10, 440, 24000)) > 0.9999

    @pytest.mark.slow
    def test_it_computes_what_the_package_computes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        import huggingface_hub.constants
        from muq import MuQMuLan
        from safetensors.torch import save_file

        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
        paths = write_tiny_mulan(tmp_path, seed=3, safetensors=True)
        ours = MuLan.load(tmp_path)
        save_file(torch.load(tmp_path / paths["audio_weights"]), tmp_path / "muq-large-msd-iter/model.safetensors")
        config = json.loads((tmp_path / paths["mulan_config"]).read_text())
        config["audio_model"]["name"] = str(tmp_path / "muq-large-msd-iter")
        config["text_model"]["name"] = str(tmp_path / "xlm-roberta-base")
        (tmp_path / paths["mulan_config"]).write_text(json.dumps(config))
        theirs = MuQMuLan.from_pretrained(str(tmp_path / "mulan")).eval()
        clip = noise(10)
        with torch.no_grad():
            text = theirs(texts=[PROMPT])[0].numpy()
            heard = theirs(wavs=torch.from_numpy(clip.samples.mean(axis=0))[None])[0].numpy()
        assert "local" in capsys.readouterr().out
        np.testing.assert_allclose(ours.text(PROMPT), text, atol=1e-6)
        np.testing.assert_allclose(ours.clip(clip), heard, atol=1e-6)

    def test_a_remembered_text_cannot_be_changed_by_who_asked(self, mulan: MuLan) -> None:
        before = mulan.text("folk").copy()
        mulan.text("folk")[:] = 0
        np.testing.assert_array_equal(mulan.text("folk"), before)


class TestManners:
    def test_global_generators_and_installed_files_are_left_alone(self, tiny: Path) -> None:
        def state() -> tuple[object, ...]:
            files = [hashlib.sha256(file.read_bytes()).digest() for file in sorted(tiny.rglob("*.*"))]
            return random.getstate(), torch.get_rng_state().tolist(), repr(np.random.get_state()), files

        before = state()
        model = MuLan.load(tiny)
        model.text(PROMPT)
        model.clip(noise(10))
        assert state() == before

    def test_the_towers_own_weights_are_not_needed(self, copy: Path, mulan: MuLan) -> None:
        (copy / "muq-large-msd-iter/pytorch_model.bin").unlink()
        (copy / "xlm-roberta-base/model.safetensors").unlink()
        np.testing.assert_array_equal(MuLan.load(copy).text(PROMPT), mulan.text(PROMPT))

    def test_weights_as_safetensors_and_by_the_names_of_older_packages_are_the_same(
        self, tmp_path: Path, copy: Path, mulan: MuLan
    ) -> None:
        write_tiny_mulan(tmp_path / "safe", safetensors=True)
        np.testing.assert_array_equal(MuLan.load(tmp_path / "safe").text(PROMPT), mulan.text(PROMPT))

        def age(state: State) -> State:
            old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
            assert any(new in name for new in old for name in state)
            for new, name in old.items():
                state = {key.replace(new, name): tensor for key, tensor in state.items()}
            return state | {"mulan.text.model.embeddings.position_ids": torch.arange(514)[None]}

        change_weights(copy, age)
        np.testing.assert_array_equal(MuLan.load(copy).clip(noise(10)), mulan.clip(noise(10)))


class TestRefusals:
    @pytest.mark.parametrize("text", ["", "  \n"])
    def test_an_empty_text(self, mulan: MuLan, text: str) -> None:
        with pytest.raises(InputError, match="no text"):
            mulan.text(text)

    def test_a_text_beyond_the_models_positions(self, mulan: MuLan) -> None:
        assert np.isfinite(mulan.text("pop " * 510)).all()
        with pytest.raises(InputError, match=r"513 tokens.*512 at most"):
            mulan.text("pop " * 511)

    def test_audio_too_short_or_not_finite(self, mulan: MuLan) -> None:
        with pytest.raises(InputError, match=r"lasts 9\.90 s"):
            mulan.clip(noise(9.9))
        broken = noise(11)
        broken.samples[0, 5 * 24000] = np.nan
        for embed in (mulan.clip, mulan.windows):
            with pytest.raises(InputError, match="not finite"):
                embed(broken)

    @pytest.mark.parametrize(
        "path", ["mulan/config.json", BIN, "muq-large-msd-iter/config.json", "xlm-roberta-base/tokenizer.json"]
    )
    def test_a_missing_file_is_named_with_the_command(self, copy: Path, path: str) -> None:
        (copy / path).unlink()
        refused(copy, rf"{path} is missing", remedy="songline models pull muq-mulan-large")

    @pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
    @pytest.mark.parametrize("safetensors", [False, True])
    def test_cut_weights(self, tmp_path: Path, share: float, safetensors: bool) -> None:
        weights = tmp_path / write_tiny_mulan(tmp_path, safetensors=safetensors)["mulan_weights"]
        whole = weights.read_bytes()
        weights.write_bytes(whole[: int(len(whole) * share)])
        refused(tmp_path, f"mulan/{weights.name} cannot be read as weights")

    @pytest.mark.parametrize("save", [torch.save, lambda bomb, file: file.write_bytes(pickle.dumps(bomb, protocol=2))])
    def test_weights_that_would_run_code_run_none(self, copy: Path, save: Callable[[object, Path], None]) -> None:
        save(Bomb(copy / "went-off"), copy / BIN)
        refused(copy, "cannot be read as weights")
        assert not (copy / "went-off").exists()

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            (lambda state: dict(list(state.items())[1:]), "1 tensor missing"),
            (lambda state: state | {"mulan.more": torch.zeros(1)}, r"1 tensor unknown \(such as mulan\.more\)"),
            (
                lambda state: state | {"mulan.text_to_latents.bias": torch.zeros(7)},
                r"1 tensor of another shape \(such as mulan\.text_to_latents\.bias\)",
            ),
            (lambda state: {"state": state}, "cannot be read as weights"),
        ],
    )
    def test_weights_of_another_model(self, copy: Path, change: Callable[[State], State], told: str) -> None:
        change_weights(copy, change)
        refused(copy, told)

    @pytest.mark.parametrize(
        ("path", "content"),
        [
            ("mulan/config.json", "{"),
            ("mulan/config.json", '{"mulan": {"sr": 16000, "clip_secs": 10, "dim_latent": 512}}'),
            ("mulan/config.json", "[]"),
            ("muq-large-msd-iter/config.json", '{"unheard_of": 1}'),
            ("xlm-roberta-base/config.json", "not JSON"),
            ("xlm-roberta-base/tokenizer.json", "{}"),
        ],
    )
    def test_a_wrong_configuration(self, copy: Path, path: str, content: str) -> None:
        (copy / path).write_text(content)
        refused(copy, "is not configured as a MuQ-MuLan")


class TestAsJudge:
    def test_the_scorer_reads_prompt_and_reference_off_a_candidate(self, mulan: MuLan) -> None:
        readings = MulanScorer(mulan, noise(15, rate=44100)).score(noise(24), Brief(length_s=24, prompt=PROMPT))
        values = {name: reading.value for name, reading in readings.items() if isinstance(reading, Measured)}
        assert set(values) == {spec.name for spec in MulanScorer.metrics}
        assert values["mulan_worst"] <= values["mulan_similarity_p10"] <= values["mulan_similarity"]
        assert values["mulan_reference_similarity"] > 0.95


class Bomb:
    """Unpickled without care it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


def change_weights(folder: Path, change: Callable[[State], State]) -> None:
    torch.save(change(dict(torch.load(folder / BIN, weights_only=True))), folder / BIN)


def refused(folder: Path, what: str, *, remedy: str = "songline models") -> None:
    with pytest.raises(MachineError, match=what) as caught:
        MuLan.load(folder)
    assert remedy in caught.value.remedy
