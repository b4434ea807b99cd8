"""An album of which one song uses adapters and another none, by the real commands, where PEFT cannot be imported."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the engine needs torch")

from safetensors.torch import save_file  # noqa: E402

from catalog.models.store import ModelStore  # noqa: E402
from tasks.weights.adapters.digest import adapter_digest  # noqa: E402
from tests.integration.sung_album import Sung, sung_document, write_sung  # noqa: E402
from tests.support.commands import songline  # noqa: E402
from tests.support.tiny_adapters import kohya_tensors, tiny_adapter, tiny_layers, write_peft  # noqa: E402

pytestmark = pytest.mark.slow

BASE, FULL = "diffrhythm-1.2-base", "diffrhythm-1.2-full"
NO_PEFT = "from pathlib import Path\nPath({marker!r}).touch()\nraise ImportError('peft is not installed')\n"


def styled_document(weight: float = 0.8):
    """Two songs of the base network from one vector, the first with two adapters."""
    document = sung_document(selection={})
    one, two = document["songs"]
    adapters = [{"model": "my-style", "weight": weight}, {"model": "bought", "weight": -0.2}]
    common = {**two, "length_s": 95, "seeds": [5]}
    one = {**common, "id": "one", "title": one["title"], "settings": {"cfg_strength": 0.0, "adapters": adapters}}
    return document | {"songs": [one, common]}


@dataclass(frozen=True)
class Styled:
    """The album, what the commands of the model store said, and where PEFT would have left its mark."""

    album: Sung
    told: dict[str, object]
    digests: dict[str, str]
    marker: Path


@pytest.fixture(scope="module")
def styled(tmp_path_factory: pytest.TempPathFactory):
    from tests.support.tiny_models import tiny_settings

    folder = tmp_path_factory.mktemp("styled")
    variables = tiny_settings(folder, BASE, FULL, "diffrhythm-vae", "diffrhythm-data")
    (folder / "blocked").mkdir()
    marker = folder / "peft-was-imported"
    (folder / "blocked" / "peft.py").write_text(NO_PEFT.format(marker=str(marker)))
    variables["PYTHONPATH"] = str(folder / "blocked")
    layers = tiny_layers(ModelStore(folder / "models", folder / "models.toml").need(BASE).weights)
    mine, bought = tiny_adapter(layers, rank=4, seed=1), tiny_adapter(layers, rank=8, seed=2)
    write_peft(folder / "mine", mine)
    save_file(kohya_tensors(bought), folder / "bought.safetensors")
    told = {}
    for name, source, terms in (
        ("my-style", folder / "mine", ["own", "--commercial"]),
        ("bought", folder / "bought.safetensors", ["bought-for-demos"]),
    ):
        command = ("models", "add", name, source, "--like", BASE, "--licence", *terms, "--json")
        done = songline(*command, home=folder / "home", **variables)
        assert done.returncode == 0, done.stderr
        told[name] = json.loads(done.stdout)["added"][0]
    manifest = write_sung(folder / "album", styled_document())
    album = Sung(folder / "home", manifest, folder / "out" / "sung", variables)
    album.run("render", manifest, "--out", folder / "out")
    digests = {"my-style": adapter_digest(mine), "bought": adapter_digest(bought)}
    return Styled(album, told, digests, marker)


def test_models_list_shows_adapters_with_their_base(styled) -> None:
    entries = {model["name"]: model for model in styled.album.json("models", "list")["models"]}
    for name, sold, rank in (("my-style", True, 4), ("bought", False, 8)):
        entry = entries[name]
        assert (entry["kind"], entry["like"], entry["digest"]) == ("adapter", BASE, styled.digests[name])
        assert entry["adapter"] == {"base": BASE, "base_digest": None, "rank": rank, "rope": None}
        assert (entry["installed"], entry["commercial"], entry["roles"]) == (True, sold, ["generates"])
        assert entry == styled.told[name]
    assert entries[BASE]["kind"] == "model"
    assert "adapter" not in entries[BASE]
    (line,) = [each for each in styled.album.run("models", "list").stdout.splitlines() if each.startswith("my-style")]
    assert f"adapter of {BASE}" in line
    assert styled.album.json("models", "verify")["damaged"] == 0


def test_release_and_lineage_list_the_adapters_of_the_song_that_uses_them(styled) -> None:
    one, two = (track["engine"]["models"] for track in styled.album.released("release.json")["tracks"])
    adapters = [(m["name"], m["role"], m["adapts"], m["licence"], m["digest"]) for m in one if "adapts" in m]
    assert adapters == [
        ("my-style", "generates", BASE, "own", styled.digests["my-style"]),
        ("bought", "generates", BASE, "bought-for-demos", styled.digests["bought"]),
    ]
    assert not any("adapts" in model for model in two)
    lineage = styled.album.json("lineage", styled.album.mp3)
    assert lineage["recipe"]["inputs"]["adapters"] == [
        [styled.digests["my-style"], 0.8],
        [styled.digests["bought"], -0.2],
    ]
    assert {"my-style", "bought"} <= {model["name"] for model in lineage["models"]}
    page = (styled.album.release / "index.html").read_text()
    assert "my-style" in page


def test_the_two_songs_differ_by_their_adapters_alone(styled) -> None:
    (one,), (two,) = (styled.album.candidates(song).values() for song in ("one", "two"))
    (recipe, files), (plain, others) = styled.album.parts(one), styled.album.parts(two)
    assert recipe.inputs.keys() - plain.inputs.keys() == {"adapters"}
    assert all(recipe.inputs[name] == value for name, value in plain.inputs.items())
    assert recipe.seed == plain.seed
    assert files["latent"].read_bytes() != others["latent"].read_bytes()


def test_another_weight_is_another_take_and_the_same_is_not(styled, tmp_path: Path) -> None:
    plan = styled.album.json("plan", styled.album.manifest, "--explain")
    assert [(song["exists"], song["new"]) for song in plan["songs"]] == [(1, 0), (1, 0)]
    assert plan["explained"][0]["adapters"] == "my-style at 0.8, bought at -0.2"
    assert "adapters" not in plan["explained"][1]
    changed = replace(styled.album, manifest=write_sung(tmp_path / "album", styled_document(0.7)))
    plan = changed.json("plan", changed.manifest)
    assert [(song["exists"], song["new"]) for song in plan["songs"]] == [(0, 1), (1, 0)]


def test_rerun_says_identical(styled) -> None:
    count = str(styled.album.settings.worker_count)
    candidate = styled.album.candidates("one")[5]
    verdict = styled.album.json("rerun", candidate, OMP_NUM_THREADS=count, MKL_NUM_THREADS=count)
    assert verdict == {"candidate": candidate, "verdict": "identical", "difference_dbfs": None}


def test_a_commercial_album_is_refused_for_the_bought_adapter(styled, tmp_path: Path) -> None:
    manifest = write_sung(tmp_path / "album", styled_document() | {"commercial": True})
    refused = styled.album.run("validate", manifest, code=3)
    assert "bought (generates)" in refused.stderr
    assert "my-style" not in refused.stderr


def test_an_album_is_retaken_with_its_adapters(styled, tmp_path: Path) -> None:
    parent = styled.album.candidates("one")[5]
    told = styled.album.json("retake", parent, "--from", "0:05", "--to", "0:10", "--seeds", "1", "--out", tmp_path)
    (take,) = told["candidates"]
    recipe, _ = styled.album.parts(take["id"])
    assert recipe.inputs["adapters"][0] == [styled.digests["my-style"], 0.8]


def test_nothing_imported_peft(styled) -> None:
    assert not styled.marker.exists()


def test_what_is_no_plain_adapter_is_refused_by_name(styled, tmp_path: Path) -> None:
    layers = tiny_layers(ModelStore(Path(styled.album.variables["SONGLINE_MODELS"])).need(FULL).weights)
    write_peft(tmp_path / "dora", tiny_adapter(layers), use_dora=True)
    refused = styled.album.run("models", "add", "x", tmp_path / "dora", "--like", FULL, "--licence", "own", code=2)
    assert "DoRA (`use_dora`)" in refused.stderr
    known = {model["name"] for model in styled.album.json("models", "list")["models"]}
    assert "x" not in known
