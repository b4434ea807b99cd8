"""Adapters merged into an exported network, each registered in the model store."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs torch")
pytest.importorskip("onnx", reason="the export needs onnx")

from catalog.common.errors import InputError, MachineError  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from flows.cli.main import main  # noqa: E402
from tasks.engines.diffrhythm.export.comparison import difference, network_example  # noqa: E402
from tasks.engines.diffrhythm.export.document import LicenceEntry  # noqa: E402
from tasks.engines.diffrhythm.export.readme import readme  # noqa: E402
from tasks.engines.diffrhythm.export.runtime import Session  # noqa: E402
from tasks.engines.diffrhythm.export.sources import find_sources  # noqa: E402
from tasks.engines.diffrhythm.network.checkpoint import load_network  # noqa: E402
from tasks.engines.registration import register_adapter  # noqa: E402
from tasks.weights.adapters.file import Adapter  # noqa: E402
from tasks.weights.adapters.writing import write_adapter  # noqa: E402
from tests.support.commands import environment  # noqa: E402
from tests.support.diffrhythm.networks import one_thread  # noqa: E402
from tests.support.models import AT  # noqa: E402
from tests.support.tiny_models import tiny_settings  # noqa: E402

__all__ = ["one_thread"]

BASE, FULL = "diffrhythm-1.2-base", "diffrhythm-1.2-full"
LAYERS = ("transformer_blocks.0.self_attn.q_proj", "transformer_blocks.1.mlp.down_proj")
NAME, WEIGHT = "my-style", 0.8


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory):
    """A base and a full network, and an adapter for each; that of the base was trained on another one."""
    place = tmp_path_factory.mktemp("models")
    settings = tiny_settings(place, BASE, FULL, "diffrhythm-vae", "diffrhythm-data")
    store = store_of(settings)
    for name, base in ((NAME, BASE), ("full-style", FULL)):
        (place / name).mkdir()
        write_adapter(adapter(store.need(base).weights), place / name)
        licence = store.spec(base).licence
        register_adapter(store, name, place / name, base=base, licence=licence, origin="here", at=AT)
    return settings


def store_of(variables) -> ModelStore:
    return ModelStore(Path(variables["SONGLINE_MODELS"]), Path(variables["SONGLINE_MODELS_TABLE"]))


def adapter(weights: Path) -> Adapter:
    """Random pairs of rank 4 for two layers."""
    generator = torch.Generator().manual_seed(3)
    shapes = {name: tensor.shape for name, tensor in load_network(weights).state_dict().items()}
    pairs = {}
    for layer in LAYERS:
        out, into = shapes[f"{layer}.weight"]
        pairs[layer] = (torch.randn(4, into, generator=generator) / 4, torch.randn(out, 4, generator=generator) / 4)
    return Adapter(rank=4, alpha=8.0, pairs=pairs, base="0" * 64, rope="exact")


def test_changed_files_of_an_adapter_are_not_exported(tmp_path: Path, variables) -> None:
    """The document would state the digest of another one."""
    models = tmp_path / "models"
    shutil.copytree(variables["SONGLINE_MODELS"], models)
    store = ModelStore(models, Path(variables["SONGLINE_MODELS_TABLE"]))
    installed = store.need(NAME)
    other = adapter(store.need(BASE).weights)
    pairs = {layer: (2 * a, b) for layer, (a, b) in other.pairs.items()}
    (tmp_path / "other").mkdir()
    write_adapter(replace(other, pairs=pairs), tmp_path / "other")
    shutil.copyfile(tmp_path / "other" / "adapter_model.safetensors", installed.path("adapter_model.safetensors"))
    with pytest.raises(MachineError, match="not those of its record"):
        find_sources(store, BASE, [(NAME, WEIGHT)])


def test_the_network_of_the_export_has_the_adapter_in_it(variables) -> None:
    store = store_of(variables)
    plain = load_network(store.need(BASE).weights).float().state_dict()
    merged = find_sources(store, BASE, [(NAME, WEIGHT)]).load_network(exact_buffers=False).float().state_dict()
    pairs = adapter(store.need(BASE).weights).pairs
    for name in plain:
        a, b = pairs.get(name.removesuffix(".weight"), (None, None))
        change = 0 if a is None else WEIGHT * 8 / 4 * b.double() @ a.double()
        torch.testing.assert_close(merged[name].double(), plain[name].double() + change, rtol=1e-6, atol=1e-6)


def test_what_does_not_fit_is_refused_or_told(variables) -> None:
    store = store_of(variables)
    with pytest.raises(InputError, match=f"my-style is an adapter.*{'--adapters my-style'}"):
        find_sources(store, NAME)
    with pytest.raises(InputError, match=f"the adapter full-style is for {FULL}, not for {BASE}"):
        find_sources(store, BASE, [("full-style", 1.0)])
    doubts = list(find_sources(store, BASE, [(NAME, WEIGHT)]).doubts("float16"))
    assert len(doubts) == 2
    assert f"trained on another network than {BASE}" in doubts[0]
    assert "positions `exact`" in doubts[1]


@pytest.mark.slow
def test_an_export_with_an_adapter(variables, tmp_path: Path, monkeypatch, capsys) -> None:
    store, out = store_of(variables), tmp_path / "onnx"

    def command(*arguments: object) -> tuple[str, str]:
        for name, value in environment(tmp_path / "home", **variables).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["songline", "models", "export", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code
        return capsys.readouterr()

    said = command(BASE, "--to", "onnx", "--out", out, "--adapters", f"{NAME}:{WEIGHT}")[1]
    assert f"{NAME}: {store.spec(NAME).licence.name}" in said
    assert "warning: my-style was trained on another network" in said
    document = json.loads((out / "sampler.json").read_text("utf-8"))
    (entry,) = [entry for entry in document["made_from"] if entry["role"] == "adapter"]
    assert entry == {
        "role": "adapter",
        "name": NAME,
        "revision": store.need(NAME).revision,
        "digest": store.need(NAME).digest,
        "weight": WEIGHT,
    }
    assert document["network"]["buffers"] == "float16"
    result = json.loads(command("--check", out, "--json")[0])
    assert [entry["against"] for entry in result["outputs"]].count("torch") == 2
    network = load_network(store.need(BASE).weights).float()
    inputs = network_example(network.config, rows=2, frames=40)
    tensors = {name: torch.from_numpy(array) for name, array in inputs.items()}
    with torch.no_grad():
        plain = np.asarray(
            network(
                *(tensors[name] for name in ("x", "cond", "text", "time", "style")), start_time=tensors["start_time"]
            )
        )
    assert difference(Session(out / "dit.onnx").run(inputs), plain).relative_db > -60


def test_a_licence_is_no_markup_in_the_readme() -> None:
    entry = LicenceEntry(model=NAME, id="own", name="own", commercial=False, sentence="Mine. <b>[x](http://a)</b>.")
    text = readme([entry])
    assert r"- my-style: own [own]. Mine. \<b\>\[x\](http://a)\</b\>." in text
    assert f"because of {NAME}." in text
