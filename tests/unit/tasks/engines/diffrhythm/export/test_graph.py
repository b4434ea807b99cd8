"""The written files: what they declare, and one evaluation of each beside torch."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs torch")
onnx = pytest.importorskip("onnx", reason="the export needs onnx")
pytest.importorskip("onnxscript", reason="the export needs onnxscript")
pytest.importorskip("onnxruntime", reason="the export is run by onnxruntime")

from catalog.common.digests import digest_file  # noqa: E402
from tasks.engines.diffrhythm.export.comparison import (  # noqa: E402
    decoder_example,
    difference,
    network_example,
    torch_audio,
)
from tasks.engines.diffrhythm.export.graph import write_decoder, write_network  # noqa: E402
from tasks.engines.diffrhythm.export.modules import Velocity  # noqa: E402
from tasks.engines.diffrhythm.export.runtime import Session, declared  # noqa: E402
from tasks.engines.diffrhythm.network.checkpoint import load_network  # noqa: E402
from tasks.engines.diffrhythm.vae.vae import Vae  # noqa: E402
from tests.support.diffrhythm.exported import Exported  # noqa: E402
from tests.support.diffrhythm.networks import one_thread, tiny_network  # noqa: E402
from tests.support.diffrhythm.parity import over, parity_folder  # noqa: E402
from tests.support.tiny_diffrhythm import write_tiny_dit  # noqa: E402

__all__ = ["one_thread"]

LARGEST = 1e-4 / 1.4
"""Of a difference, relative to the output's level: 1e-4 where that is 1.4."""
LARGEST_AT_2048 = 5e-4 / 1.4


@pytest.fixture(scope="module")
def network_session(exported: Exported) -> Session:
    return Session(exported.network)


def by_torch(network, inputs):
    """The plain network's output."""
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    start_time, duration = tensors.pop("start_time"), tensors.pop("duration", None)
    with torch.no_grad():
        return network(*tensors.values(), start_time=start_time, duration=duration).numpy()


@pytest.mark.parametrize("full", [False, True])
def test_the_traced_module_is_the_network(full: bool) -> None:
    network = tiny_network(6144 if full else None)
    inputs = network_example(network.config, rows=2, frames=33)
    wanted = by_torch(network, inputs)
    with torch.no_grad():
        output = Velocity(network, dtype=torch.float32)(*map(torch.from_numpy, inputs.values())).numpy()
    assert np.array_equal(output, wanted)


def test_rows_and_frames_are_free_in_every_input(exported: Exported) -> None:
    declaration = declared(exported.network)
    shapes = {name: tensor.shape for name, tensor in (*declaration.inputs.items(), *declaration.outputs.items())}
    assert shapes == {
        "x": ("batch", "frames", 64),
        "cond": ("batch", "frames", 64),
        "text": ("batch", "frames"),
        "time": ("batch",),
        "start_time": ("batch",),
        "style": ("batch", 512),
        "velocity": ("batch", "frames", 64),
    }
    assert declaration.inputs["text"].dtype == "int64"
    decoder = declared(exported.decoder)
    assert decoder.inputs["latents"].shape == ("batch", 64, "frames")
    assert decoder.outputs["audio"].shape == ("batch", 2, "samples")


def test_operators_are_standard_and_their_version_is_stated(exported: Exported) -> None:
    for path, opset in ((exported.network, 20), (exported.decoder, 17)):
        assert declared(path).opset == opset
        model = onnx.load(str(path), load_external_data=False)
        assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
        assert not model.functions


def test_nothing_of_the_machine_is_in_a_file(exported: Exported) -> None:
    """The exporter notes source files and lines with each operator."""
    for path in exported.folder.iterdir():
        content = path.read_bytes()
        for place in (sys.prefix, str(Path(torch.__file__).parent), str(Path.cwd()), str(exported.folder)):
            assert place.encode() not in content, f"{path.name} names {place}"
        assert b"stack_trace" not in content


@pytest.mark.parametrize("frames", [33, 96, 512])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_an_evaluation_is_torchs(network_session: Session, rows: int, frames: int) -> None:
    network = tiny_network(exact_buffers=True)
    inputs = network_example(network.config, rows=rows, frames=frames, seed=rows)
    found = difference(network_session.run(inputs), by_torch(network, inputs))
    assert found.largest <= LARGEST * found.level


def test_a_long_evaluation_is_torchs(network_session: Session) -> None:
    network = tiny_network(exact_buffers=True)
    inputs = network_example(network.config, rows=1, frames=2048)
    found = difference(network_session.run(inputs), by_torch(network, inputs))
    assert found.largest <= LARGEST_AT_2048 * found.level


@pytest.mark.parametrize("frames", [7, 128])
def test_the_decoder_is_torchs(exported: Exported, frames: int) -> None:
    vae = Vae.load(exported.vae, device="cpu")
    latents = decoder_example(frames=frames)
    assert difference(Session(exported.decoder).run(latents), torch_audio(vae, latents)).relative_db <= -100


@over("standin", sorted(path.name for path in parity_folder().glob("standin_*.pt")))
def test_a_stand_in_decoder_is_torchs(standin: str, tmp_path: Path) -> None:
    vae = Vae.load(parity_folder() / standin, device="cpu")
    write_decoder(vae, tmp_path / "decoder.onnx")
    for frames in (7, 128):
        latents = decoder_example(frames=frames)
        found = difference(Session(tmp_path / "decoder.onnx").run(latents), torch_audio(vae, latents))
        assert found.relative_db <= -100


def test_weights_lie_beside_the_network_wherever_it_is_loaded_from(exported: Exported, tmp_path: Path) -> None:
    """How a model above 2 GB is kept; the folder is moved, and loaded by a process that works elsewhere."""
    assert exported.network.stat().st_size < 10e6
    assert exported.network.with_name("dit.onnx.data").stat().st_size > 10 * exported.network.stat().st_size
    places = {
        entry.value
        for tensor in onnx.load(str(exported.network), load_external_data=False).graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    assert places == {"dit.onnx.data"}
    shutil.copytree(exported.folder, tmp_path / "moved")
    (tmp_path / "elsewhere").mkdir()
    program = "import onnxruntime, sys; onnxruntime.InferenceSession(sys.argv[1])"
    for path in (tmp_path / "moved" / "dit.onnx", Path("..", "moved", "dit.onnx")):
        command = [sys.executable, "-c", program, os.fspath(path)]
        done = subprocess.run(command, cwd=tmp_path / "elsewhere", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_exported_twice_the_files_are_the_same(tmp_path: Path) -> None:
    """Also the full network, in half precision and with rounded positions."""
    weights = write_tiny_dit(tmp_path / "cfm_model.pt", full=True)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        write_network(Velocity(load_network(weights), dtype=torch.float16), tmp_path / folder / "dit.onnx")
    for name in ("dit.onnx", "dit.onnx.data"):
        assert digest_file(tmp_path / "one" / name) == digest_file(tmp_path / "two" / name)
    assert declared(tmp_path / "one" / "dit.onnx").inputs["duration"].shape == ("batch",)
    network = load_network(weights).float()
    inputs = network_example(network.config, rows=3, frames=40)
    output = Session(tmp_path / "one" / "dit.onnx").run(inputs)
    assert output.dtype == np.float32
    assert difference(output, by_torch(network, inputs)).relative_db <= -50
