"""An album that ACE-Step sings with tiny weights, by the real commands: from the manifest to a release and a retake."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the engine needs torch")
pytest.importorskip("diffusers", reason="the engine needs diffusers")

from tasks.audio.files import read_audio
from tests.integration.sung_album import Sung, document_with, write_sung
from tests.support.albums import write_album
from tests.support.commands import environment, songline

pytestmark = pytest.mark.slow

NETWORK, VAE, TEXT = "acestep-1.5-turbo", "acestep-1.5-vae", "qwen3-embedding-0.6b"
LINES = "[00:02.00]Streetlights hum along the wire\n[00:05.00]One more stop and I am home\n"
HEAVY = ("torch", "diffusers", "transformers")

WITHOUT = """
import sys
from flows.cli.main import main
try:
    main()
except SystemExit as ended:
    code = ended.code or 0
found = [name for name in {heavy!r} if name in sys.modules]
sys.exit(f"imported {{found}}" if found else code)
"""


def sung_by_acestep(**changes: object) -> dict[str, Any]:
    """A song with words and an instrumental of ten seconds each; quick, and without gates for music."""
    one = {"id": "one", "title": "Song One", "prompt": "folk, warm guitar", "bpm": 96, "lyrics": LINES, "seeds": [1, 2]}
    two = {"id": "two", "title": "Song Two", "prompt": "folk, instrumental", "seeds": [5]}
    document: dict[str, Any] = {
        "schema_version": 1,
        "album": {"id": "sung", "title": "Sung", "artist": "Ada Vale"},
        "commercial": True,
        "defaults": {"engine": "acestep", "length_s": 10, "settings": {"steps": 2, "dtype": "float32"}},
        "songs": [one, two],
        "selection": {"if_none_passes": "least_bad"},
        "stems": "none",
        "deliverables": ["mp3_320"],
    }
    return document | changes


@dataclass(frozen=True)
class Rendered:
    """The rendered album and what its commands said."""

    album: Sung
    validated: dict[str, Any]
    planned: dict[str, Any]


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Rendered:
    from tests.support.tiny_acestep import acestep_variables

    folder = tmp_path_factory.mktemp("acestep")
    variables = acestep_variables(folder, NETWORK, VAE, TEXT) | {"SONGLINE_WORKERS": "1"}
    manifest = write_album(folder / "album", sung_by_acestep())
    album = Sung(folder / "home", manifest, folder / "out" / "sung", variables)
    validated = album.json("validate", manifest)
    planned = album.json("plan", manifest, "--explain")
    album.run("render", manifest, "--out", folder / "out")
    return Rendered(album, validated, planned)


def test_validate_says_once_that_times_are_not_kept_and_nothing_else(rendered: Rendered) -> None:
    (warning,) = rendered.validated["warnings"]
    assert "does not keep the times" in warning


def test_the_plan_explains_both_texts_as_they_are_rendered(rendered: Rendered) -> None:
    one, two = rendered.planned["explained"]
    recipe, _ = rendered.album.parts(rendered.album.candidates("one")[1])
    assert (one["prompt"], one["lyrics"]) == (recipe.inputs["prompt"], recipe.inputs["lyrics"])
    assert "[Instrumental]" in two["lyrics"]
    assert one["prompt_tokens"] > 10
    shown = rendered.album.run("plan", rendered.album.manifest, "--explain").stdout
    assert "keyscale: N/A" in shown


def test_a_commercial_album_is_released_with_every_model_and_its_licence(rendered: Rendered) -> None:
    release = rendered.album.released("release.json")
    for track in release["tracks"]:
        models = {model["name"]: (model["role"], model["licence"]) for model in track["engine"]["models"]}
        assert models == {
            NETWORK: ("generates", "MIT"),
            VAE: ("generates", "MIT"),
            TEXT: ("conditions", "Apache-2.0"),
        }
        assert track["engine"]["name"] == "acestep"
    assert len(list(rendered.album.release.rglob("*.mp3"))) == 2


def test_words_without_times_have_no_midi(rendered: Rendered) -> None:
    """Song One's would hold a tempo and nothing else."""
    assert [path.name for path in rendered.album.release.rglob("*.mid")] == ["02 - Song Two.mid"]
    assert [track["midi"] is not None for track in rendered.album.released("release.json")["tracks"]] == [False, True]


def test_with_diffrhythm_the_same_album_is_refused(rendered: Rendered, tmp_path: Path) -> None:
    document = document_with(commercial=True)
    document["songs"] += [sung_by_acestep()["songs"][0] | {"id": "ace", "engine": "acestep", "length_s": 10}]
    refused = rendered.album.run("validate", write_sung(tmp_path / "album", document), code=3).stderr
    assert "diffrhythm-vae (generates)" in refused
    assert "acestep" not in refused
    assert "qwen3" not in refused


def test_a_render_is_48_khz_and_is_made_again_bit_for_bit(rendered: Rendered) -> None:
    candidate = rendered.album.candidates("two")[5]
    _, files = rendered.album.parts(candidate)
    audio = read_audio(files["audio"])
    assert (audio.rate, audio.samples.shape) == (48_000, (2, 480_000))
    assert np.load(files["latent"]).shape == (250, 8)
    assert rendered.album.json("rerun", candidate)["verdict"] == "identical"


def test_a_retake_keeps_everything_outside_its_passage(rendered: Rendered, tmp_path: Path) -> None:
    album = rendered.album.copied(tmp_path)
    parent = album.candidates("one")[1]
    told = album.json("retake", parent, "--from", "0:04", "--to", "0:06", "--seeds", "1", "--out", tmp_path / "takes")
    (take,) = told["candidates"]
    assert told["passage_s"] == [4.0, 6.0]
    new, old = read_audio(Path(take["audio"])), read_audio(album.parts(parent)[1]["audio"])
    same = (new.samples == old.samples).all(axis=0)
    assert same[: 4 * 48_000].all()
    assert same[6 * 48_000 :].all()
    assert not same[4 * 48_000 + 1920 : 6 * 48_000 - 1920].any()


def test_planning_and_validation_import_neither_torch_nor_diffusers(rendered: Rendered, tmp_path: Path) -> None:
    script = WITHOUT.format(heavy=HEAVY)
    variables = environment(rendered.album.home, **rendered.album.variables)
    for command in (["validate", str(rendered.album.manifest)], ["plan", str(rendered.album.manifest), "--explain"]):
        done = subprocess.run(
            [sys.executable, "-c", script, *command], env=variables, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr


def test_doctor_knows_what_the_engine_needs(rendered: Rendered, tmp_path: Path) -> None:
    checks = {check["name"]: check for check in rendered.album.json("doctor")["checks"]}
    assert checks["acestep's packages"]["verdict"] == checks["acestep's models"]["verdict"] == "ok"
    assert checks["diffrhythm's models"]["verdict"] == "note"
    bare = songline("doctor", "--json", home=tmp_path / "home", SONGLINE_MODELS=str(tmp_path / "models"))
    (missing,) = [check for check in json.loads(bare.stdout)["checks"] if check["name"] == "acestep's models"]
    assert missing["remedy"] == f"songline models pull {NETWORK} {VAE} {TEXT}"
