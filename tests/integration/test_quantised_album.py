"""An album rendered with int8 weights by the real commands: what is explained, measured, kept, rerun and refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torchao", reason="quantising needs the extra `quantised`")

from tests.integration.sung_album import Sung, sung_document, write_sung

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Sung:
    """A song from a style vector, unguided, in int8; rendered."""
    from tests.support.tiny_models import tiny_settings

    folder = tmp_path_factory.mktemp("quantised")
    document = sung_document(licences=[], selection={"if_none_passes": "least_bad"})
    document["songs"] = document["songs"][1:]
    document["songs"][0]["settings"] = {"cfg_strength": 0.0, "weights": "int8"}
    manifest = write_sung(folder / "album", document)
    names = ("diffrhythm-1.2-full", "diffrhythm-vae", "diffrhythm-data")
    album = Sung(folder / "home", manifest, folder / "out" / "sung", tiny_settings(folder, *names))
    assert "int8" in album.run("plan", manifest, "--explain").stdout
    album.run("render", manifest, "--out", folder / "out")
    return album


def test_its_figures_are_kept_and_shown(small: Sung) -> None:
    (use,) = small.json("status", "--gpu")["devices"]
    assert (use["dtype"], use["weights"]) == ("float32", "int8")
    assert 0 < use["forward_error"] < 0.06
    assert "weights int8" in small.run("status", "--gpu").stdout
    (record,) = (small.home / "cache" / "precision").glob("*.json")
    assert json.loads(record.read_text())["forward_error"] == use["forward_error"]
    told = small.json("doctor")
    assert "diffrhythm-1.2-full in int8" in [check["name"] for check in told["checks"]]


def test_rerun_tells_that_its_tolerance_is_a_guess(small: Sung) -> None:
    candidate = small.candidates("two")[5]
    told = small.json("rerun", candidate)
    assert told["verdict"] in ("identical", "within tolerance")
    assert "until their rounding is measured on a GPU" in told["note"]
    assert "-20 dBFS" in small.run("rerun", candidate).stdout


def test_rendering_again_does_nothing(small: Sung) -> None:
    assert "nothing was missing" in small.run("render", small.manifest, "--out", small.release.parent).stdout


def test_what_cannot_be_rendered_is_refused_with_its_line(small: Sung, tmp_path: Path) -> None:
    document = sung_document(licences=[])
    document["songs"][0]["settings"] = {"weights": "fp8"}
    failed = small.run("validate", write_sung(tmp_path, document), code=2)
    assert "settings.weights" in failed.stderr
    assert "compute capability 8.9" in failed.stderr
    assert "weights: int8" in failed.stderr
