"""The published layouts: both give the same network, bit for bit, and what is not such a network is refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="weights are tensors")
pytest.importorskip("diffusers", reason="the networks are those of diffusers")

from safetensors.torch import load_file, save_file  # noqa: E402

from catalog.common.errors import MachineError, RefusedError  # noqa: E402
from catalog.models.table import read_table  # noqa: E402
from tasks.engines.acestep.network.layout import load_parts  # noqa: E402
from tasks.engines.acestep.network.vae import Vae, check_precision  # noqa: E402
from tests.support.tiny_acestep import SFT, TURBO, VAE, XL, networks  # noqa: E402


@pytest.fixture
def copied(models, tmp_path: Path):
    """A model with a folder of its own, whose files a test may change."""

    def copy(name: str = TURBO):
        shutil.copytree(models.need(name).folder, tmp_path / name)
        for path in (tmp_path / name).rglob("*"):
            path.chmod(0o700)
        return replace(models.need(name), folder=tmp_path / name)

    return copy


def changed(model, **tensors: object) -> None:
    """Change tensors of the authors' file, or take them out (None)."""
    path = model.folder / "model.safetensors"
    state = load_file(path) | tensors
    save_file({name: tensor for name, tensor in state.items() if tensor is not None}, path)


@pytest.mark.parametrize("name", [TURBO, XL])
def test_both_layouts_give_the_networks_that_were_written_bit_for_bit(models, name: str) -> None:
    parts = load_parts(models.need(name))
    for loaded, written in zip((parts.transformer, parts.condition_encoder), networks(), strict=True):
        state, original = loaded.state_dict(), written.state_dict()
        assert state.keys() == original.keys()
        assert all(torch.equal(state[key], original[key]) for key in original)
        assert not any(tensor.is_meta or tensor.requires_grad for tensor in state.values())
    assert parts.transformer.config.is_turbo


def test_shards_of_the_authors_layout_are_read_by_their_index(copied) -> None:
    model = copied()
    state = load_file(model.folder / "model.safetensors")
    halves = {"a.safetensors": sorted(state)[::2], "b.safetensors": sorted(state)[1::2]}
    for file, names in halves.items():
        save_file({name: state[name] for name in names}, model.folder / file)
    index = {"weight_map": {name: file for file, names in halves.items() for name in names}}
    (model.folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (model.folder / "model.safetensors").unlink()
    digests = {**model.digests, **dict.fromkeys([*halves, "model.safetensors.index.json"], "0" * 64)}
    parts = load_parts(replace(model, digests=digests))
    assert torch.equal(parts.transformer.proj_in_conv.weight, networks()[0].proj_in_conv.weight)


def test_a_tensor_too_many_or_too_few_is_refused_by_name(copied) -> None:
    model = copied()
    changed(model, **{"decoder.layers.9.extra": torch.ones(2)})
    with pytest.raises(MachineError, match=r"1 unknown \(such as layers.9.extra\)"):
        load_parts(model)
    changed(model, **{"decoder.layers.9.extra": None, "encoder.text_projector.weight": None})
    with pytest.raises(MachineError, match=r"1 missing \(such as text_projector.weight\)") as caught:
        load_parts(model)
    assert TURBO in caught.value.what
    assert "models verify" in caught.value.remedy


def test_a_part_of_an_unknown_kind_is_refused(copied) -> None:
    model = copied()
    changed(model, **{"planner.weight": torch.ones(2)})
    with pytest.raises(MachineError, match=r"planner\.weight"):
        load_parts(model)


def test_a_tensor_of_another_shape_is_refused(copied) -> None:
    model = copied()
    changed(model, null_condition_emb=torch.ones(1, 1, 5))
    with pytest.raises(MachineError, match="of another shape"):
        load_parts(model)


@pytest.mark.parametrize(
    ("silence", "what"),
    [
        (torch.zeros(1, 8, 15_000), "empty or of another length"),
        (torch.full((1, 8, 15_000), float("nan")), "empty or of another length"),
        (torch.ones(1, 8, 14_999), "of another shape"),
        (torch.ones(8, 15_000), "cannot be read"),
        ({"silence": torch.ones(1)}, "cannot be read"),
    ],
)
def test_silence_that_is_none_is_refused(copied, silence: object, what: str) -> None:
    model = copied()
    torch.save(silence, model.folder / "silence_latent.pt")
    with pytest.raises(MachineError, match=what):
        load_parts(model)


def test_a_diffusers_folder_without_silence_is_refused(copied) -> None:
    model = copied(XL)
    (path,) = model.folder.rglob("condition_encoder/*.safetensors")
    save_file({**load_file(path), "silence_latent": torch.zeros(1, 15_000, 8)}, path)
    with pytest.raises(MachineError, match="empty or of another length"):
        load_parts(model)


@pytest.mark.parametrize(("name", "kind"), [(TURBO, "full"), (SFT, "turbo")])
def test_a_network_of_another_kind_than_its_name_is_refused(copied, name: str, kind: str) -> None:
    model = copied(name)
    config = json.loads((model.folder / "config.json").read_text())
    (model.folder / "config.json").write_text(json.dumps(config | {"is_turbo": not config["is_turbo"]}))
    with pytest.raises(MachineError, match=f"those of a {kind} network"):
        load_parts(model)


def test_damaged_files_are_told(copied) -> None:
    model = copied()
    (model.folder / "config.json").write_text("[]")
    with pytest.raises(MachineError, match=r"config\.json cannot be read"):
        load_parts(model)


def test_the_published_file_has_room_for_these_tensors_and_no_others() -> None:
    """In 16 bits, beside a header of 50 to 200 bytes a tensor: so its parts and shapes are those of diffusers."""
    import diffusers

    kinds = ("AceStepTransformer1DModel", "AceStepConditionEncoder", "AceStepAudioTokenizer")
    with torch.device("meta"):
        modules = [getattr(diffusers, kind)() for kind in (*kinds, "AceStepAudioTokenDetokenizer")]
    parameters = [parameter for module in modules for parameter in module.parameters()]
    (file,) = [file for file in read_table().spec(TURBO).files if file.path == "model.safetensors"]
    header = file.size_bytes - 2 * sum(parameter.numel() for parameter in parameters)
    assert 50 * len(parameters) < header < 200 * len(parameters)


# --- the autoencoder


def test_the_autoencoder_is_refused_where_it_is_another(copied) -> None:
    model = copied(VAE)
    config = json.loads((model.folder / "config.json").read_text())
    (model.folder / "config.json").write_text(json.dumps(config | {"sampling_rate": 44_100}))
    with pytest.raises(MachineError, match="not those of ACE-Step's autoencoder"):
        Vae.load(model, device=torch.device("cpu"))
    (model.folder / "config.json").write_text("{")
    with pytest.raises(MachineError, match=r"config\.json cannot be read"):
        Vae.load(model, device=torch.device("cpu"))


def test_a_reduced_precision_is_measured_and_refused_where_it_is_far(models, monkeypatch: pytest.MonkeyPatch) -> None:
    exact, reduced = (Vae.load(models.need(VAE), device=torch.device("cpu"), dtype=kind) for kind in KINDS)
    error_db = check_precision(exact, exact)
    assert error_db == float("-inf")
    monkeypatch.setattr("tasks.engines.acestep.network.vae.LIMIT_DB", -20.0)
    assert -80 < check_precision(exact, reduced) < -20
    monkeypatch.setattr("tasks.engines.acestep.network.vae.LIMIT_DB", -90.0)
    with pytest.raises(RefusedError, match="autoencoder in bfloat16") as caught:
        check_precision(exact, reduced)
    assert "vae_dtype: float32" in caught.value.remedy


def test_tiles_sound_like_the_whole(models) -> None:
    vae = Vae.load(models.need(VAE), device=torch.device("cpu"))
    latents = torch.randn(60, 8, generator=torch.Generator().manual_seed(1))
    whole = vae.decode(latents)
    vae.module.tile_latent_min_length, vae.module.tile_latent_overlap = 32, 10
    tiled = vae.decode(latents)
    assert tiled.shape == whole.shape == (2, 60 * 1920)
    assert abs(tiled - whole).max() < 1e-5 * abs(whole).max()


KINDS = (torch.float32, torch.bfloat16)
