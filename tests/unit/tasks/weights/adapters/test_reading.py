"""Adapter files of several trainers are one adapter; what is not plain LoRA is refused by name."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="adapters are tensors")

from safetensors.torch import save_file  # noqa: E402

from catalog.common.errors import InputError  # noqa: E402
from tasks.weights.adapters.detect import is_adapter  # noqa: E402
from tasks.weights.adapters.digest import adapter_digest  # noqa: E402
from tasks.weights.adapters.reading import read_adapter  # noqa: E402
from tasks.weights.adapters.writing import write_adapter  # noqa: E402
from tests.support.tiny_adapters import (  # noqa: E402
    Q,
    diffusers_tensors,
    kohya_tensors,
    peft_tensors,
    tiny_adapter,
    write_peft,
)

LAYERS = {
    Q: (8, 8),
    "transformer_blocks.0.mlp.up_proj": (16, 8),
    "transformer_blocks.11.mlp.down_proj": (8, 16),
}
A, B = f"base_model.model.{Q}.lora_A.weight", f"base_model.model.{Q}.lora_B.weight"


def saved(path: Path, tensors, **metadata) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, metadata=metadata or None)
    return path


def equal(one, other) -> bool:
    return one.pairs.keys() == other.pairs.keys() and all(
        torch.equal(x, y) for layer in one.pairs for x, y in zip(one.pairs[layer], other.pairs[layer], strict=True)
    )


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_adapter(path)
    assert caught.value.remedy
    return caught.value.what


# --- forms


def test_every_trainers_file_is_the_same_adapter(tmp_path: Path) -> None:
    adapter = tiny_adapter(LAYERS)
    folder = write_peft(tmp_path / "peft", adapter)
    forms = {
        "folder": folder,
        "file beside its configuration": folder / "adapter_model.safetensors",
        "kohya": saved(tmp_path / "kohya.safetensors", kohya_tensors(adapter)),
        "diffusers": saved(tmp_path / "diffusers.safetensors", diffusers_tensors(adapter)),
        "with the name of the adapter": saved(
            tmp_path / "named" / "named.safetensors",
            {name.replace(".weight", ".default.weight"): each for name, each in diffusers_tensors(adapter).items()},
        ),
        "of the whole published model": write_peft(
            tmp_path / "whole", tiny_adapter({f"transformer.{layer}": shape for layer, shape in LAYERS.items()})
        ),
    }
    for form, path in forms.items():
        assert is_adapter(path), form
        read = read_adapter(path)
        assert (read.rank, read.alpha, read.base, read.rope) == (4, 4.0, None, None), form
        assert equal(read, adapter), form
        assert adapter_digest(read) == adapter_digest(adapter), form


def test_ranks_and_alphas_of_single_layers_are_read_from_every_form(tmp_path: Path) -> None:
    small = tiny_adapter({layer: shape for layer, shape in LAYERS.items() if layer != Q}, rank=4)
    large = tiny_adapter({Q: LAYERS[Q]}, rank=6)
    both = tiny_adapter({}, rank=4, pairs={**small.pairs, **large.pairs}, alpha=2.0)
    patterns = {"rank_pattern": {"self_attn.q_proj": 6}, "alpha_pattern": {rf"^{Q.replace('.', chr(92) + '.')}": 5}}
    peft = read_adapter(write_peft(tmp_path / "peft", both, **patterns))
    stated = tiny_adapter({}, rank=4, pairs=both.pairs, alpha=2.0, alpha_pattern={Q: 5.0})
    kohya = read_adapter(saved(tmp_path / "kohya.safetensors", kohya_tensors(stated)))
    for adapter in (peft, kohya):
        assert (adapter.rank, adapter.alpha) == (4, 2.0)
        assert (adapter.rank_of(Q), adapter.alpha_of(Q)) == (6, 5.0)
        assert {adapter.alpha_of(layer) for layer in small.pairs} == {2.0}
    assert adapter_digest(peft) == adapter_digest(kohya) == adapter_digest(stated)


def test_diffusers_states_alpha_in_the_header(tmp_path: Path) -> None:
    header = json.dumps({"transformer.r": 4, "transformer.lora_alpha": 8, "transformer.use_rslora": True})
    path = saved(tmp_path / "d.safetensors", diffusers_tensors(tiny_adapter(LAYERS)), lora_adapter_metadata=header)
    read = read_adapter(path)
    assert (read.rank, read.alpha, read.use_rslora) == (4, 8.0, True)


def test_half_precision_is_read_as_float32(tmp_path: Path) -> None:
    tensors = {name: each.half() for name, each in kohya_tensors(tiny_adapter(LAYERS)).items()}
    read = read_adapter(saved(tmp_path / "half.safetensors", tensors))
    assert {each.dtype for pair in read.pairs.values() for each in pair} == {torch.float32}


def test_what_is_written_is_read_back_and_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    stated = {"base": "ab" * 32, "rope": "exact", "record": {"songs": ["b", "a"], "rights": "mine"}}
    adapter = tiny_adapter(LAYERS, alpha=7.5, use_rslora=True, alpha_pattern={"up_proj": 2.0}, **stated)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_adapter(adapter, tmp_path / name)
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert sorted(files) == ["adapter_config.json", "adapter_model.safetensors"]
    for source in (tmp_path / "one", tmp_path / "one" / "adapter_model.safetensors"):
        read = read_adapter(source)
        assert equal(read, adapter)
        assert (read.alpha, read.use_rslora, read.alpha_pattern) == (7.5, True, {"up_proj": 2.0})
        assert {name: getattr(read, name) for name in stated} == stated
    config = json.loads(files["adapter_config.json"])
    assert config["target_modules"] == sorted(LAYERS)
    assert "peft_version" not in config


# --- refusals


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"use_dora": True}, "DoRA (`use_dora`)"),
        ({"bias": "all"}, "trained biases (`bias: all`)"),
        ({"modules_to_save": ["proj_out"]}, "whole layers (`modules_to_save`)"),
        ({"fan_in_fan_out": True}, "transposed layers (`fan_in_fan_out`)"),
        ({"lora_bias": True}, "adapted biases (`lora_bias`)"),
        ({"init_lora_weights": "pissa_niter_4"}, "a changed base"),
        ({"use_something_new": {"of": 1}}, "`use_something_new`"),
        ({"peft_type": "LOHA"}, "it is 'LOHA', not LORA"),
        ({"r": 0}, "not a rank"),
        ({"r": True}, "not a rank"),
        ({"r": 5}, f"{Q} is of rank 4, not 5"),
        ({"lora_alpha": -1}, "not an alpha"),
        ({"lora_alpha": float("inf")}, "not an alpha"),
        ({"rank_pattern": {"(a+)+$": 4}}, "is no layer's name"),
        ({"alpha_pattern": [1]}, "no table of layers"),
    ],
)
def test_a_configuration_that_asks_for_more_is_refused(tmp_path: Path, changes, told: str) -> None:
    assert told in refusal(write_peft(tmp_path / "peft", tiny_adapter(LAYERS), **changes))


def test_several_faults_of_a_configuration_are_told_at_once(tmp_path: Path) -> None:
    told = refusal(write_peft(tmp_path / "peft", tiny_adapter(LAYERS), use_dora=True, bias="lora_only"))
    assert "DoRA" in told
    assert "bias: lora_only" in told


def test_new_fields_that_are_unset_do_not_matter(tmp_path: Path) -> None:
    assert read_adapter(write_peft(tmp_path / "peft", tiny_adapter(LAYERS), new=None, newer=False, newest=[])).rank == 4


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (f"base_model.model.{Q}.lora_magnitude_vector", "DoRA"),
        (f"lora_unet_{Q.replace('.', '_')}.hada_w1_a", "LoHa"),
        (f"lora_unet_{Q.replace('.', '_')}.lokr_w1", "LoKr"),
        (f"lora_unet_{Q.replace('.', '_')}.lora_mid.weight", "adapted convolutions"),
        ("lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", "an adapter of a text encoder"),
        ("lora_unet_down_blocks_0_attentions_0_proj_in.lora_up.weight", "names no layer of a network known here"),
        (f"base_model.model.{Q}.lora_B.bias", "adapted biases"),
        (f"{Q}.weight", "which is no tensor of a LoRA adapter"),
        ("base_model.model.text_embed.text_embed.lora_embedding_A", "adapted embeddings"),
    ],
)
def test_a_tensor_of_another_kind_is_refused_by_its_name(tmp_path: Path, name: str, told: str) -> None:
    tensors = {**peft_tensors(tiny_adapter(LAYERS)), name: torch.zeros(4, 4)}
    write_peft(tmp_path / "peft", tiny_adapter(LAYERS))
    message = refusal(saved(tmp_path / "peft" / "adapter_model.safetensors", tensors).parent)
    assert told in message
    assert name[:40] in message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({A: torch.full((4, 8), float("nan"))}, "not finite"),
        ({B: torch.full((8, 4), float("inf"))}, "not finite"),
        ({B: torch.full((8, 4), 1e300, dtype=torch.float64)}, "not finite"),
        ({A: torch.ones(4097, 8), B: torch.ones(8, 4097)}, "of rank 4097 and 4097, not both of 1 to 4096"),
        ({A: torch.ones(4, 8, 3, 3)}, "it is a convolution"),
        ({A: torch.ones(3, 8)}, "of rank 3 and 4"),
        ({A: torch.ones(0, 8), B: torch.ones(8, 0)}, "of rank 0 and 0"),
        ({A: torch.ones(4, 8, dtype=torch.int32)}, "is of torch.int32"),
        ({A: None}, f"has no matrix A for {Q}"),
        ({f"base_model.model.transformer.{Q}.lora_A.weight": torch.ones(4, 8)}, f"adapts {Q} twice"),
    ],
)
def test_matrices_that_do_not_belong_together_are_refused(tmp_path: Path, change, told: str) -> None:
    tensors = {**peft_tensors(tiny_adapter(LAYERS)), **change}
    folder = write_peft(tmp_path / "peft", tiny_adapter(LAYERS))
    saved(folder / "adapter_model.safetensors", {name: each for name, each in tensors.items() if each is not None})
    assert told in refusal(folder)


def test_alphas_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    tensors = kohya_tensors(tiny_adapter(LAYERS))
    name = next(name for name in tensors if name.endswith(".alpha"))
    assert "not one number" in refusal(saved(tmp_path / "a.safetensors", {**tensors, name: torch.ones(2)}))
    assert "not above 0" in refusal(saved(tmp_path / "b.safetensors", {**tensors, name: torch.tensor(-1.0)}))


def test_pefts_file_alone_does_not_state_its_alpha(tmp_path: Path) -> None:
    path = saved(tmp_path / "adapter_model.safetensors", peft_tensors(tiny_adapter(LAYERS)))
    assert "adapter_config.json is missing" in refusal(path)


def test_pickled_weights_are_not_read(tmp_path: Path) -> None:
    torch.save(peft_tensors(tiny_adapter(LAYERS)), tmp_path / "adapter_model.bin")
    (tmp_path / "adapter_config.json").write_text("{}")
    assert is_adapter(tmp_path)
    with pytest.raises(InputError, match=r"adapter_model\.bin is pickled"):
        read_adapter(tmp_path)
    assert "no .safetensors file" in refusal(tmp_path / "adapter_model.bin")


@pytest.mark.parametrize(
    "data",
    [b"", b"short", struct.pack("<Q", 1 << 62), struct.pack("<Q", 40) + b"{" * 40, struct.pack("<Q", 4) + b"[1] "],
)
def test_damaged_files_are_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(data)
    assert "a.safetensors" in refusal(path)
    assert not is_adapter(path)


def test_a_cut_file_is_told(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.safetensors", kohya_tensors(tiny_adapter(LAYERS)))
    path.write_bytes(path.read_bytes()[:-1])
    assert "cut short" in refusal(path)


@pytest.mark.parametrize("text", ["{", "[]", '{"r": 4}' + " " * (1 << 20), "[" * 100_000])
def test_a_configuration_that_is_no_object_is_told(tmp_path: Path, text: str) -> None:
    folder = write_peft(tmp_path / "peft", tiny_adapter(LAYERS))
    (folder / "adapter_config.json").write_text(text)
    assert "adapter_config.json" in refusal(folder)


@pytest.mark.parametrize(
    "text",
    ["{", '{"numbers": {"rank": 0, "alpha": 1}}', '{"base": "x"}', '{"rope": "other"}', '{"record": {"n": 1e999}}'],
)
def test_a_header_that_only_looks_like_songlines_is_refused(tmp_path: Path, text: str) -> None:
    path = saved(tmp_path / "a.safetensors", kohya_tensors(tiny_adapter(LAYERS)), songline=text)
    assert "cannot be read" in refusal(path)


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "adapter_model.safetensors")
    assert "adapter_model.safetensors cannot be read" in refusal(tmp_path)


def test_networks_and_other_files_are_no_adapters(tmp_path: Path) -> None:
    saved(tmp_path / "network.safetensors", {f"{Q}.weight": torch.zeros(2, 2)})
    (tmp_path / "text.safetensors").write_text("lora_A")
    for name in ("network.safetensors", "text.safetensors", "missing.safetensors"):
        assert not is_adapter(tmp_path / name)
    assert not is_adapter(tmp_path)
