"""``songline models export``: the document, the check, and what is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs torch")
pytest.importorskip("onnx", reason="the export needs onnx")

from catalog.common.digests import digest_file  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from flows.cli.main import main  # noqa: E402
from tasks.engines.diffrhythm.export import folder as folder_module  # noqa: E402
from tasks.engines.diffrhythm.export import packages  # noqa: E402
from tasks.engines.diffrhythm.network.schedule import time_grid  # noqa: E402
from tests.support.commands import environment  # noqa: E402
from tests.support.diffrhythm.exported import Exported, parity_settings  # noqa: E402

BASE = "diffrhythm-1.2-base"


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory):
    """A store with the tiny network, for commands that end before anything is exported."""
    return parity_settings(tmp_path_factory.mktemp("models"))


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run ``songline models export …`` in this process; gives stdout and stderr."""

    def run(*arguments: object, code: int = 0, **settings: str) -> tuple[str, str]:
        for name, value in environment(tmp_path / "home", **settings).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["songline", "models", "export", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert (ended.value.code or 0) == code, err
        return out, err

    return run


@pytest.fixture
def copied(exported: Exported, tmp_path: Path) -> Path:
    """A copy of the exported folder, to spoil."""
    return Path(shutil.copytree(exported.folder, tmp_path / "copied"))


def redigested(folder: Path, name: str) -> None:
    """Make the document agree with a file that was changed."""
    path = folder / "sampler.json"
    document = json.loads(path.read_text("utf-8"))
    document["files"][name] = {"sha256": digest_file(folder / name), "size_bytes": (folder / name).stat().st_size}
    path.write_text(json.dumps(document), "utf-8")


def test_the_document_says_what_a_program_needs(exported: Exported) -> None:
    stored = json.loads((exported.folder / "sampler.json").read_text("utf-8"))
    said = dict(exported.document)
    assert said.pop("out") == str(exported.folder)
    assert said.pop("seconds") > 0
    assert stored == said
    network, sampling, decoder = stored["network"], stored["sampling"], stored["decoder"]
    assert (network["dtype"], network["buffers"], network["opset"]) == ("float32", "exact", 20)
    assert network["attention_bytes"] == 32 * 4 * network["max_frames"] ** 2
    assert (sampling["steps"], sampling["cfg_strength"], sampling["sway"]) == (32, 4.0, 0.0)
    assert sampling["grid"] == time_grid(32).tolist()
    assert len(sampling["negative_style"]) == 512
    assert (decoder["sample_rate"], decoder["frame_samples"], decoder["chunk_frames"]) == (44_100, 2048, 128)
    assert {path.name for path in exported.folder.iterdir()} == {"sampler.json", *stored["files"]}
    for name, entry in stored["files"].items():
        assert entry["sha256"] == digest_file(exported.folder / name)


def test_models_and_licences_are_named(exported: Exported) -> None:
    store = ModelStore(Path(exported.variables["SONGLINE_MODELS"]), Path(exported.variables["SONGLINE_MODELS_TABLE"]))
    made_from = {entry["name"]: (entry["role"], entry["digest"]) for entry in exported.document["made_from"]}
    assert made_from == {
        BASE: ("network", store.need(BASE).digest),
        "diffrhythm-vae": ("decoder", store.need("diffrhythm-vae").digest),
        "diffrhythm-data": ("negative style", store.need("diffrhythm-data").digest),
    }
    assert exported.document["commercial"] is False
    readme = (exported.folder / "README.md").read_text("utf-8")
    for entry in exported.document["licences"]:
        assert f"- {entry['model']}: {entry['name']} [{entry['id']}]. {entry['sentence']}" in readme
    assert "Commercial use is not allowed as it stands, because of diffrhythm-vae." in readme


def test_the_check_compares_with_torch(exported: Exported, command) -> None:
    result = json.loads(command("--check", exported.folder, "--json", **exported.variables)[0])
    assert result["passed"] is True
    assert "skipped" not in result
    assert [(entry["file"], entry["against"]) for entry in result["outputs"]] == [
        ("dit.onnx", "stored output"),
        ("vae_decoder.onnx", "stored output"),
        ("dit.onnx", "torch"),
        ("vae_decoder.onnx", "torch"),
    ]
    assert all(entry["error_db"] < entry["limit_db"] for entry in result["outputs"])


def test_the_check_without_the_models_uses_the_stored_outputs(exported: Exported, command, tmp_path: Path) -> None:
    out, _ = command("--check", exported.folder, SONGLINE_MODELS=str(tmp_path / "none"))
    assert out.count("stored output ") == 2
    assert "Compared with the stored outputs only" in out
    assert "not installed" in out


def test_the_check_without_the_same_model_says_so(copied: Path, exported: Exported, command) -> None:
    path = copied / "sampler.json"
    path.write_text(path.read_text("utf-8").replace(exported.document["made_from"][0]["digest"], "0" * 64), "utf-8")
    assert "are not those that it was made from" in command("--check", copied, **exported.variables)[0]


def test_a_damaged_file_is_named(copied: Path, exported: Exported, command) -> None:
    with (copied / "dit.onnx.data").open("r+b") as file:
        file.seek(1000)
        file.write(b"XXXX")
    assert "dit.onnx.data is not as it was written" in command("--check", copied, code=1, **exported.variables)[1]
    (copied / "dit.onnx.data").unlink()
    assert "dit.onnx.data cannot be read" in command("--check", copied, code=1, **exported.variables)[1]


def test_an_output_that_differs_is_named(copied: Path, exported: Exported, command) -> None:
    arrays = dict(np.load(copied / "check.npz"))
    np.savez(copied / "check.npz", **{**arrays, "velocity": arrays["velocity"] + 0.01})
    redigested(copied, "check.npz")
    out, err = command("--check", copied, code=1, **exported.variables)
    assert "too large" in out
    assert "dit.onnx differs from torch by more than the limit" in err


@pytest.mark.parametrize("content", [b"no model", b""])
def test_a_file_that_is_no_model_is_named(copied: Path, exported: Exported, command, content: bytes) -> None:
    (copied / "vae_decoder.onnx").write_bytes(content)
    redigested(copied, "vae_decoder.onnx")
    assert "vae_decoder.onnx" in command("--check", copied, code=1, **exported.variables)[1]


def test_another_network_with_fixed_rows_does_not_pass(copied: Path, exported: Exported, command) -> None:
    import onnx

    model = onnx.load(str(copied / "dit.onnx"), load_external_data=False)
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_value = 2
    (copied / "dit.onnx").write_bytes(model.SerializeToString())
    redigested(copied, "dit.onnx")
    assert "declares other inputs" in command("--check", copied, code=1, **exported.variables)[1]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema_version": 2}', "\x00"])
def test_a_folder_that_is_no_export_is_refused(command, tmp_path: Path, content: str) -> None:
    assert "holds no sampler.json" in command("--check", tmp_path / "nowhere", code=2)[1]
    (tmp_path / "sampler.json").write_text(content, "utf-8")
    assert "not as Songline wrote it" in command("--check", tmp_path, code=2)[1]


ONNX = ("--to", "onnx", "--out")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "NAME is missing"),
        ((BASE,), 2, "--to onnx is missing"),
        ((BASE, "--to", "onnx"), 2, "--out DIR is missing"),
        ((BASE, "--check", "x"), 2, "--check takes a folder alone, not NAME"),
        ((BASE, "--to", "gguf", "--out", "x"), 2, "gguf"),
        (("diffrhythm-1.2-bas", *ONNX, "x"), 2, "Did you mean 'diffrhythm-1.2-base'"),
        (("muq-mulan-large", *ONNX, "x"), 2, "muq-mulan-large is no DiffRhythm network"),
        (("diffrhythm-vae", *ONNX, "x"), 2, "diffrhythm-vae is no DiffRhythm network"),
        (("diffrhythm-1.2-full", *ONNX, "x"), 4, "songline models pull diffrhythm-1.2-full"),
        ((BASE, *ONNX, "x", "--dtype", "bfloat16"), 2, "bfloat16"),
        ((BASE, *ONNX, "x", "--adapters", "mine:3"), 2, "from -2 to 2"),
        ((BASE, *ONNX, "x", "--adapters", "mine:"), 2, "from -2 to 2"),
        ((BASE, *ONNX, "x", "--adapters", "mine:nan"), 2, "from -2 to 2"),
        ((BASE, *ONNX, "x", "--adapters", "mine", "--adapters", "mine:0.5"), 2, "mine is given twice"),
        ((BASE, *ONNX, "x", *(f"--adapters=a{n}" for n in range(9))), 2, "Give at most 8"),
        ((BASE, *ONNX, "x", "--adapters", "diffrhythm-vae"), 2, "diffrhythm-vae is no adapter"),
    ],
)
def test_what_cannot_be_exported_is_refused(
    command, variables, tmp_path, monkeypatch, arguments, code, message
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in command(*arguments, code=code, **variables)[1]
    assert not (tmp_path / "x").exists()


def test_only_an_older_export_is_replaced(command, variables, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    refused = command(BASE, *ONNX, tmp_path / "full", code=2, **variables)[1]
    assert "is not empty and holds no exported model of Songline" in refused
    assert "is a file" in command(BASE, *ONNX, tmp_path / "file", code=2, **variables)[1]


def test_without_the_extra_one_sentence_says_so(command, variables, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(packages, "missing_packages", lambda names: [name for name in names if "onnx" in name])
    for arguments in ((BASE, *ONNX, tmp_path / "x"), ("--check", tmp_path / "x")):
        (tmp_path / "x").mkdir(exist_ok=True)
        err = command(*arguments, code=4, **variables)[1]
        assert err == (
            "error: the export to ONNX needs packages that are not installed: onnx, onnxruntime, onnxscript. "
            "Install Songline with its extra `onnx`.\n"
        )


def failing_with(number: int):
    def fail(velocity, path: Path) -> None:
        path.write_bytes(b"half of it")
        raise OSError(number, os.strerror(number), str(path))

    return fail


def test_a_full_disk_leaves_nothing(command, variables, tmp_path: Path, monkeypatch) -> None:
    out = tmp_path / "x"
    monkeypatch.setattr(folder_module, "write_network", failing_with(errno.ENOSPC))
    refused = command(BASE, *ONNX, out, code=4, **variables)[1]
    assert f"the export cannot be written to {out} (No space left on device)" in refused
    assert "Free disk space there" in refused
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_too_small_a_disk_is_said_before_anything_is_made(command, variables, tmp_path: Path, monkeypatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=50 << 20))
    refused = command(BASE, *ONNX, tmp_path / "x", code=4, **variables)[1]
    assert "GB free" in refused
    assert not (tmp_path / "x").exists()


def test_a_failed_export_leaves_the_older_one(copied: Path, exported: Exported, command, monkeypatch) -> None:
    before = {path.name: digest_file(path) for path in copied.iterdir()}
    monkeypatch.setattr(folder_module, "write_decoder", failing_with(errno.EIO))
    monkeypatch.setattr(folder_module, "write_network", lambda velocity, path: path.write_bytes(b"new"))
    command(BASE, *ONNX, copied, code=4, **exported.variables)
    assert {path.name: digest_file(path) for path in copied.iterdir()} == before
