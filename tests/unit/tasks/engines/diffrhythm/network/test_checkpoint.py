"""Every form of network file loads to the same network, and every wrong file says what is wrong with it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the network's tests need torch")

from torch import Tensor  # noqa: E402

from catalog.common.errors import MachineError  # noqa: E402
from tasks.engines.diffrhythm.network.checkpoint import load_network  # noqa: E402
from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig  # noqa: E402

CONFIG = NetworkConfig(64, 2, 2, 1, 2048, has_duration=False, symbols=11)
FULL = NetworkConfig(64, 2, 2, 1, 6144, has_duration=True, symbols=11)

Tensors = dict[str, Tensor]


def tensors(config: NetworkConfig = CONFIG, seed: int = 1) -> Tensors:
    """A published file's tensors: float16 under their published names."""
    generator = torch.Generator().manual_seed(seed)
    state = DiT(config).state_dict()
    return {
        f"transformer.{name}": torch.randn(value.shape, generator=generator).half() for name, value in state.items()
    }


def averaged(flat: Tensors) -> Tensors:
    counters = {"initted": torch.tensor(True), "step": torch.tensor(7)}
    return {**counters, **{f"ema_model.{name}": value for name, value in flat.items()}}


def training(plain: Tensors, ema: Tensors) -> dict[str, object]:
    return {
        "model_state_dict": plain,
        "ema_model_state_dict": averaged(ema),
        "optimizer_state_dict": {"state": {}, "param_groups": [{"lr": 1e-4}]},
        "scheduler_state_dict": {},
        "step": 7,
    }


def save_safetensors(what: Tensors, path: Path) -> None:
    pytest.importorskip("safetensors.torch").save_file(what, path)


def assert_holds(network: DiT, flat: Tensors) -> None:
    state = network.state_dict()
    assert {f"transformer.{name}" for name in state} == flat.keys()
    assert all(torch.equal(state[name.removeprefix("transformer.")], value) for name, value in flat.items())


FORMS: dict[str, Callable[[Tensors, Path], Path]] = {}


def form(write: Callable[[Tensors, Path], Path]) -> Callable[[Tensors, Path], Path]:
    FORMS[write.__name__] = write
    return write


@form
def published(flat: Tensors, folder: Path) -> Path:
    torch.save({"model_state_dict": flat}, folder / "net.pt")
    return folder / "net.pt"


@form
def flat_pickle(flat: Tensors, folder: Path) -> Path:
    torch.save(flat, folder / "net.pt")
    return folder / "net.pt"


@form
def old_pickle(flat: Tensors, folder: Path) -> Path:
    torch.save(flat, folder / "net.pt", _use_new_zipfile_serialization=False)
    return folder / "net.pt"


@form
def flat_safetensors(flat: Tensors, folder: Path) -> Path:
    save_safetensors(flat, folder / "net.safetensors")
    return folder / "net.safetensors"


@form
def unprefixed(flat: Tensors, folder: Path) -> Path:
    torch.save({name.removeprefix("transformer."): value for name, value in flat.items()}, folder / "net.pt")
    return folder / "net.pt"


@form
def ema_only(flat: Tensors, folder: Path) -> Path:
    torch.save({"ema_model_state_dict": averaged(flat)}, folder / "net.pt")
    return folder / "net.pt"


@form
def flat_ema(flat: Tensors, folder: Path) -> Path:
    torch.save(averaged(flat), folder / "net.pt")
    return folder / "net.pt"


@form
def training_checkpoint(flat: Tensors, folder: Path) -> Path:
    torch.save(training(flat, tensors(seed=2)), folder / "net.pt")
    return folder / "net.pt"


@pytest.mark.slow
@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS.keys())
def test_every_form_loads_to_the_same_network(write: Callable[[Tensors, Path], Path], tmp_path: Path) -> None:
    flat = tensors()
    network = load_network(write(flat, tmp_path))
    assert network.config == CONFIG
    assert_holds(network, flat)


def test_the_full_model_is_told_by_its_durations(tmp_path: Path) -> None:
    flat = tensors(FULL)
    network = load_network(published(flat, tmp_path))
    assert network.config == FULL
    assert_holds(network, flat)


def test_averaged_weights_are_taken_when_asked_for(tmp_path: Path) -> None:
    torch.save(training(tensors(), tensors(seed=2)), tmp_path / "last.pt")
    assert_holds(load_network(tmp_path / "last.pt", prefer_ema=True), tensors(seed=2))


@pytest.mark.parametrize("write", [published, flat_pickle])
def test_averaged_weights_that_are_not_there(write: Callable[[Tensors, Path], Path], tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="holds no averaged"):
        load_network(write(tensors(), tmp_path), prefer_ema=True)


def test_options_reach_the_network(tmp_path: Path) -> None:
    path = published(tensors(), tmp_path)
    assert load_network(path, max_frames=4096).config.max_frames == 4096
    text = torch.randint(0, 11, (1, 40), generator=torch.Generator().manual_seed(1))
    rounded, exact = (load_network(path, exact_buffers=each).float() for each in (False, True))
    with torch.no_grad():
        difference = (rounded.text_embed(text) - exact.text_embed(text)).abs().max()
    assert difference > 0


def test_eight_bit_floats_become_float16(tmp_path: Path) -> None:
    flat = {name: value.to(torch.float8_e4m3fn) for name, value in tensors().items()}
    save_safetensors(flat, tmp_path / "net.safetensors")
    assert_holds(load_network(tmp_path / "net.safetensors"), {name: value.half() for name, value in flat.items()})


def refused(path: Path) -> str:
    with pytest.raises(MachineError) as caught:
        load_network(path)
    assert caught.value.remedy
    return caught.value.what


def test_missing_unknown_and_misshapen_tensors_are_named(tmp_path: Path) -> None:
    flat = tensors()
    del flat["transformer.transformer_blocks.1.mlp.up_proj.weight"]
    flat["transformer.long_skip.weight"] = torch.zeros(2, 2)
    flat["transformer.norm_out.linear.bias"] = torch.zeros(3)
    told = refused(published(flat, tmp_path))
    assert "missing transformer_blocks.1.mlp.up_proj.weight" in told
    assert "unknown long_skip.weight" in told
    assert "norm_out.linear.bias [3] instead of [128]" in told


def test_many_faults_are_counted(tmp_path: Path) -> None:
    flat = {name: value for name, value in tensors().items() if ".0." not in name or "gate_proj" in name}
    assert "more" in refused(published(flat, tmp_path))


def test_half_a_duration_embedding_is_missed(tmp_path: Path) -> None:
    flat = tensors(FULL)
    del flat["transformer.duration_time_embed.time_mlp.2.bias"]
    assert "missing duration_time_embed.time_mlp.2.bias" in refused(published(flat, tmp_path))


def test_another_model_is_told_by_what_it_lacks(tmp_path: Path) -> None:
    torch.save({"encoder.weight": torch.zeros(3, 3)}, tmp_path / "other.pt")
    assert "it lacks proj_out.weight" in refused(tmp_path / "other.pt")


def test_an_impossible_width_is_named(tmp_path: Path) -> None:
    flat = {name: value[..., :48] for name, value in tensors().items()}
    assert "48 channels wide" in refused(published(flat, tmp_path))


@pytest.mark.parametrize("content", [[1, 2], {"model_state_dict": 3}, {1: torch.zeros(1)}, torch.zeros(2)], ids=repr)
def test_a_file_without_named_tensors(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pt")
    assert "named tensors" in refused(tmp_path / "net.pt")


@pytest.mark.parametrize(
    "value", ["text", torch.zeros(2).long(), torch.eye(3).to_sparse()], ids=["str", "int", "sparse"]
)
def test_a_value_that_is_no_weight_is_named(value: object, tmp_path: Path) -> None:
    torch.save({**tensors(), "transformer.extra": value}, tmp_path / "net.pt")
    assert "transformer.extra" in refused(tmp_path / "net.pt")


@pytest.mark.parametrize("write", [published, flat_safetensors, old_pickle])
@pytest.mark.parametrize("kept", [0.0, 0.001, 0.5, 0.999])
def test_truncated_files(write: Callable[[Tensors, Path], Path], kept: float, tmp_path: Path) -> None:
    path = write(tensors(), tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert refused(path).startswith(f"{path.name} cannot be read as a network")


@pytest.mark.parametrize("name", ["net.pt", "net.safetensors"])
def test_what_is_no_checkpoint(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("<html>404</html>")
    assert "cannot be read" in refused(tmp_path / name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "no network file" in refused(tmp_path / "absent.pt")


class Hostile:
    """Unpickling it would make a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.mkdir, (self._folder,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_would_run_code_is_refused(zipped: bool, tmp_path: Path) -> None:
    content = {"model_state_dict": {"transformer.x": Hostile(tmp_path / "owned")}}
    if zipped:
        torch.save(content, tmp_path / "net.pt")
    else:
        (tmp_path / "net.pt").write_bytes(pickle.dumps(content))
    assert "cannot be read" in refused(tmp_path / "net.pt")
    assert not (tmp_path / "owned").exists()


def test_a_torchscript_file_is_refused(tmp_path: Path) -> None:
    class Doubled(torch.nn.Module):  # type: ignore[name-defined]
        def forward(self, x: Tensor) -> Tensor:
            return 2 * x

    with pytest.warns(DeprecationWarning, match="torch.jit"):
        torch.jit.script(Doubled()).save(tmp_path / "net.pt")
    assert "TorchScript" in refused(tmp_path / "net.pt")
