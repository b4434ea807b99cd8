"""Config files, indices and pickles of others, which may say anything: one clear error, and no other code is run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="weights are tensors")
pytest.importorskip("diffusers", reason="the networks are those of diffusers")

from safetensors.torch import load_file, save_file  # noqa: E402

from catalog.common.errors import InputError, MachineError  # noqa: E402
from tasks.audio.audio import Audio  # noqa: E402
from tasks.engines.acestep.network.layout import load_parts  # noqa: E402
from tasks.engines.acestep.network.loaded import _text_encoder  # noqa: E402
from tasks.engines.acestep.network.vae import Vae, reference_segments  # noqa: E402
from tests.support.tiny_acestep import TEXT, TURBO, VAE, XL, XL_FOLDER  # noqa: E402

CPU = torch.device("cpu")
INDEX = f"{XL_FOLDER}/transformer/diffusion_pytorch_model.safetensors.index.json"
SILENCE = torch.ones(1, 8, 15_000)


@pytest.fixture
def copied(models, tmp_path: Path):
    """A model with a folder of its own, whose files a test may change."""

    def copy(name: str):
        shutil.copytree(models.need(name).folder, tmp_path / name)
        for path in (tmp_path / name).rglob("*"):
            path.chmod(0o700)
        return replace(models.need(name), folder=tmp_path / name)

    return copy


def load(model) -> Any:
    if model.spec.name == VAE:
        return Vae.load(model, device=CPU)
    return _text_encoder(model, CPU, torch.float32) if model.spec.name == TEXT else load_parts(model)


def configure(model, **fields: object) -> None:
    path = model.folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (TURBO, "hidden_size", "wide"),
        (TURBO, "hidden_size", -1),
        (TURBO, "head_dim", 0),
        (TURBO, "head_dim", None),
        (TURBO, "layer_types", ["none"]),
        (TURBO, "sliding_window", "all"),
        (TURBO, "rope_theta", float("nan")),
        (TURBO, "num_lyric_encoder_hidden_layers", 200_000),
        (TURBO, "num_hidden_layers", 10**30),
        (VAE, "downsampling_ratios", "fast"),
        (VAE, "channel_multiples", []),
        (VAE, "audio_channels", True),
        (TEXT, "hidden_size", "wide"),
        (TEXT, "head_dim", 0),
        (TEXT, "num_hidden_layers", 200_000),
        (TEXT, "pad_token_id", 10**6),
        (TEXT, "rope_parameters", "none"),
    ],
)
def test_a_config_that_describes_no_network_is_one_clear_error(copied, name: str, field: str, value: object) -> None:
    model = copied(name)
    configure(model, **{field: value})
    with pytest.raises(MachineError, match=name) as caught:
        load(model)
    assert f"models verify {name}" in caught.value.remedy


@pytest.mark.parametrize("name", [TURBO, VAE, TEXT])
def test_a_config_that_is_nested_without_end_is_damaged(copied, name: str) -> None:
    model = copied(name)
    (model.folder / "config.json").write_text('{"a":' * 50_000)
    with pytest.raises(MachineError, match=r"config.json cannot be read"):
        load(model)


@pytest.mark.parametrize(
    "fields",
    [
        {"attn_implementation": "kernels-community/flash-attn"},
        {"attn_implementation": "flash_attention_2"},
        {"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}},
        {"auto_map": {"AutoModel": "other.Model"}, "architectures": ["Other"]},
        {"num_labels": 10**9},
        {"output_attentions": True, "return_dict": False},
    ],
)
def test_the_text_encoders_config_chooses_no_other_code(copied, fields: dict[str, object]) -> None:
    model = copied(TEXT)
    plain = load(model)
    configure(model, **fields)
    encoder = load(model)
    assert encoder.config.to_dict() == plain.config.to_dict()
    assert encoder.config._attn_implementation == plain.config._attn_implementation


@pytest.mark.parametrize(
    "weight_map",
    [[], None, "x", {"a": ["x"]}, {"a": "../../x.bin"}, {"a": "/etc/passwd"}, {"a": 7, "b": "c"}],
)
def test_an_index_names_files_of_its_model_only(copied, weight_map: object) -> None:
    model = copied(XL)
    (model.folder / INDEX).write_text(json.dumps({"weight_map": weight_map}))
    with pytest.raises(MachineError, match=r"index"):
        load(model)


@pytest.mark.parametrize(
    "silence",
    [
        SILENCE.to_sparse(),
        SILENCE.to(torch.int64),
        SILENCE.to(torch.complex64),
        torch.quantize_per_tensor(SILENCE, 0.1, 0, torch.qint8),
        torch.ones(1, 8, 15_000, device="meta"),
        torch.zeros(1, 8, 15_000).to(torch.float8_e4m3fn),
    ],
    ids=["sparse", "whole", "complex", "quantised", "nowhere", "zero in 8 bits"],
)
def test_silence_of_another_kind_of_tensor_is_refused(copied, silence) -> None:
    model = copied(TURBO)
    torch.save(silence, model.folder / "silence_latent.pt")
    with pytest.raises(MachineError, match=r"silence"):
        load(model)


def test_a_pickle_that_its_reader_stumbles_over_is_damaged(copied) -> None:
    model = copied(TURBO)
    (model.folder / "silence_latent.pt").write_bytes(b"\x80\x02" + b"(" * 1000 + b".")
    with pytest.raises(MachineError, match=r"silence_latent.pt cannot be read as weights"):
        load(model)


@pytest.mark.parametrize("name", ["decoder.proj_in_conv.weight", "encoder.silence_latent"])
def test_two_tensors_of_one_name_are_refused(copied, name: str) -> None:
    model = copied(TURBO)
    path = model.folder / "model.safetensors"
    save_file(load_file(path) | {name: torch.ones(2)}, path)
    with pytest.raises(MachineError, match="two have one name"):
        load(model)


@pytest.mark.parametrize(("name", "file"), [(TURBO, "model"), (VAE, "diffusion_pytorch_model")])
@pytest.mark.parametrize("dtype", [torch.int64, torch.complex64])
def test_weights_that_are_no_floating_point_numbers_are_refused(copied, name: str, file: str, dtype) -> None:
    model = copied(name)
    path = model.folder / f"{file}.safetensors"
    save_file({key: tensor.to(dtype) for key, tensor in load_file(path).items()}, path)
    with pytest.raises(MachineError, match="hold no floating point numbers"):
        load(model)


@pytest.mark.parametrize(("frames", "rate"), [(0, 48_000), (1, 192_000), (2, 384_000)])
def test_a_reference_of_no_samples_at_48_khz_is_refused(frames: int, rate: int) -> None:
    with pytest.raises(InputError, match="the reference has no samples"):
        reference_segments(Audio(np.ones((1, frames), np.float32), rate))
