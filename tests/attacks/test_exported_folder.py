"""What an attacker lays into an exported folder, whose document agrees with it, before it is checked."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs torch")
onnx = pytest.importorskip("onnx", reason="the export needs onnx")

from catalog.common.digests import digest_file  # noqa: E402
from catalog.common.errors import CheckFailed, InputError  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from tasks.engines.diffrhythm.export.check import check_folder  # noqa: E402
from tasks.engines.diffrhythm.export.folder import export_folder  # noqa: E402
from tasks.engines.diffrhythm.export.sources import find_sources  # noqa: E402
from tests.support.tiny_models import settings_of, tiny_settings  # noqa: E402

BASE = "diffrhythm-1.2-base"
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ModelStore:
    folder = tmp_path_factory.mktemp("models")
    settings = settings_of(folder, tiny_settings(folder, BASE, "diffrhythm-vae", "diffrhythm-data"))
    return ModelStore(settings.models_path, table=settings.models_table)


@pytest.fixture(scope="module")
def original(store: ModelStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export_folder(find_sources(store, BASE), folder)
    return folder


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def rewrite(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "sampler.json"
    document = json.loads(path.read_text())
    edit(document)
    path.write_text(json.dumps(document))


def agreeing(folder: Path, name: str) -> None:
    """Make the document agree with a changed file."""
    entry = {"sha256": digest_file(folder / name), "size_bytes": (folder / name).stat().st_size}
    rewrite(folder, lambda document: document["files"].update({name: entry}))


def arrays_changed(folder: Path, change: Callable[[Arrays], object]) -> None:
    with np.load(folder / "check.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    change(arrays)
    np.savez(folder / "check.npz", **arrays)
    agreeing(folder, "check.npz")


@pytest.mark.parametrize("name", ["dit.onnx", "dit.onnx.data", "vae_decoder.onnx", "check.npz"])
def test_a_pipe_that_the_document_leaves_out_is_not_waited_for(folder: Path, store: ModelStore, name: str) -> None:
    (folder / name).unlink()
    os.mkfifo(folder / name)
    rewrite(folder, lambda document: document["files"].pop(name))
    with pytest.raises(InputError, match="is not as Songline wrote it: files"):
        check_folder(folder, store)


@pytest.mark.parametrize(
    ("edit", "place"),
    [
        (lambda sources: sources.append(sources[0]), "made_from"),
        (lambda sources: sources.clear(), "made_from"),
        (lambda sources: sources[0].update(name="x" * 900_000), "made_from.0.name"),
        (lambda sources: sources[0].update(name="../../x"), "made_from.0.name"),
    ],
)
def test_sources_that_no_export_has(
    folder: Path, store: ModelStore, edit: Callable[[list[dict[str, Any]]], object], place: str
) -> None:
    rewrite(folder, lambda document: edit(document["made_from"]))
    with pytest.raises(InputError, match=f"is not as Songline wrote it: {place}") as refused:
        check_folder(folder, store)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda arrays: arrays.pop("velocity"), "holds no velocity"),
        (lambda arrays: arrays.pop("x"), "holds no x"),
        (lambda arrays: arrays.update(velocity=np.array("x")), "cannot be read"),
        (lambda arrays: arrays.update(latents=arrays["latents"][:, :, :0]), "cannot be read"),
        (lambda arrays: arrays.update(x=arrays["x"].astype(np.float64)), "dit.onnx cannot be run"),
        (lambda arrays: arrays.update(x=arrays["x"][:, :3]), "dit.onnx cannot be run"),
        (lambda arrays: arrays.update(text=arrays["text"] + 10**9), "dit.onnx cannot be run"),
        (lambda arrays: arrays.update(latents=arrays["latents"][0]), "vae_decoder.onnx cannot be run"),
    ],
)
def test_stored_arrays_that_do_not_fit(
    folder: Path,
    store: ModelStore,
    capfd: pytest.CaptureFixture[str],
    change: Callable[[Arrays], object],
    problem: str,
) -> None:
    arrays_changed(folder, change)
    with pytest.raises(CheckFailed, match=problem):
        check_folder(folder, store)
    assert capfd.readouterr() == ("", ""), "onnxruntime writes names from the file to the terminal as they are"


def header(shape: tuple[int, ...]) -> bytes:
    described = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
    return b"\x93NUMPY\x01\x00v\x00" + described.ljust(117).encode() + b"\n"


@pytest.mark.parametrize(
    ("member", "problem"),
    [
        (header((1_000_000, 100_000)), "cannot be read"),
        (header((25_000_000,)) + bytes(100_000_000), "unpacks to more than"),
        (b"\x93NUMPY\x02\x00" + (50_000).to_bytes(4, "little") + b" " * 50_000, "cannot be read"),
    ],
    ids=["huge shape", "bomb", "long header"],
)
def test_arrays_that_claim_more_than_they_hold(folder: Path, store: ModelStore, member: bytes, problem: str) -> None:
    with np.load(folder / "check.npz") as stored:
        names = stored.files
    with zipfile.ZipFile(folder / "check.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in names:
            archive.writestr(f"{name}.npy", member if name == "x" else header((1,)) + bytes(4))
    agreeing(folder, "check.npz")
    with pytest.raises(CheckFailed, match=problem):
        check_folder(folder, store)


@pytest.mark.parametrize("data", [b"", b"junk", b"\x93NUMPY\x01\x00"])
def test_a_file_that_holds_no_arrays(folder: Path, store: ModelStore, data: bytes) -> None:
    (folder / "check.npz").write_bytes(data)
    agreeing(folder, "check.npz")
    with pytest.raises(CheckFailed, match=r"check\.npz cannot be read"):
        check_folder(folder, store)


def test_an_element_type_that_numpy_does_not_know(folder: Path, store: ModelStore) -> None:
    model = onnx.load(str(folder / "dit.onnx"), load_external_data=False)
    model.graph.input[0].type.tensor_type.elem_type = 99
    (folder / "dit.onnx").write_bytes(model.SerializeToString())
    agreeing(folder, "dit.onnx")
    with pytest.raises(CheckFailed, match=r"dit\.onnx is no valid ONNX file"):
        check_folder(folder, store)
