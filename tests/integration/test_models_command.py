"""``songline models`` against a server that behaves like the hub; in processes of its own where that is the point."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from flows.cli.main import main
from tests.support.commands import environment, songline
from tests.support.models import relaxed_table
from tests.support.services.hub_server import COMMIT, Hub, serving

pytestmark = pytest.mark.slow

WEIGHTS = bytes(range(256)) * 4096
FULL, REPO = "diffrhythm-1.2-full", "ASLP-lab/DiffRhythm-1_2-full/cfm_model.pt"


@pytest.fixture
def hub():
    with serving(Hub({REPO: WEIGHTS}, large={REPO})) as served:
        yield served


@dataclass(frozen=True)
class Done:
    stdout: str
    stderr: str


@pytest.fixture
def settings(hub, tmp_path: Path):
    table = relaxed_table(tmp_path / "table.toml")
    return {"SONGLINE_HUB_URL": hub.url, "SONGLINE_MODELS_TABLE": str(table)}


@pytest.fixture
def models(settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run ``songline models …`` in this process; gives what it said, or the document of ``--json``."""
    for name, value in environment(tmp_path / "home", **settings).items():
        monkeypatch.setenv(name, value)

    def run(*arguments, code=0):
        monkeypatch.setattr(sys, "argv", ["songline", "models", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        done = Done(*capsys.readouterr())
        assert (ended.value.code or 0) == code, done.stderr
        return json.loads(done.stdout) if "--json" in arguments and not code else done

    return run


@pytest.fixture
def real_models(settings, tmp_path: Path):
    """Run ``songline models …`` in a process of its own."""

    def run(*arguments, code=0, **more):
        done = songline("models", *arguments, home=tmp_path / "home", **settings | more)
        assert done.returncode == code, done.stderr
        return done

    return run


def by_name(document):
    return {model["name"]: model for model in document["models"]}


def test_from_the_licence_to_removal(models, hub, tmp_path: Path) -> None:
    before = by_name(models("list", "--json"))
    assert not before[FULL]["installed"]
    assert not before["muq-mulan-large"]["commercial"]

    refused = models("pull", FULL, code=3)
    assert "Apache License 2.0" in refused.stderr
    assert f"`songline models pull {FULL} --accept`" in refused.stderr
    both = models("pull", FULL, "diffrhythm-vae", code=3)
    assert "Stability AI Community License" in both.stderr
    assert f"`songline models pull {FULL} diffrhythm-vae --accept`" in both.stderr
    assert hub.asked == []

    pulled = models("pull", FULL, "--accept")
    assert "Apache License 2.0" in pulled.stderr
    assert "\r" not in pulled.stderr, "no progress bars where nobody looks"
    assert COMMIT[:12] in pulled.stdout

    after = by_name(models("list", "--json"))[FULL]
    assert (after["installed"], after["bytes"], after["digest"]) == (True, len(WEIGHTS), digest_bytes(WEIGHTS))
    assert (tmp_path / "home" / "models" / FULL).is_dir()
    assert f"{FULL}  " in models("list").stdout
    assert models("verify", "--json") == {
        "models": [{"name": FULL, "files": [{"path": "cfm_model.pt", "verdict": "ok"}]}],
        "damaged": 0,
    }

    models("remove", FULL)
    assert not by_name(models("list", "--json"))[FULL]["installed"]
    models("pull", FULL)


def test_damage_is_found_named_and_mended(models) -> None:
    (pulled,) = models("pull", FULL, "--accept", "--json")["pulled"]
    path = os.path.join(pulled["folder"], "cfm_model.pt")
    os.chmod(path, 0o644)
    with open(path, "r+b") as file:
        file.write(b"X")
    found = models("verify", FULL, code=1)
    assert f"corrupt {FULL}/cfm_model.pt" in found.stdout
    assert f"songline models pull {FULL}" in found.stdout
    models("pull", FULL)
    models("verify", FULL)


def test_a_folder_stands_in_for_the_internet(models, hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models("pull", FULL, "--accept")
    hub.asked.clear()
    monkeypatch.setenv("SONGLINE_MODELS", str(tmp_path / "farm"))
    refused = models("import", tmp_path / "home" / "models", code=3)
    assert "--accept" in refused.stderr
    taken = models("import", tmp_path / "home" / "models", "--accept", "--json")
    assert [model["name"] for model in taken["imported"]] == [FULL]
    assert hub.asked == []
    models("verify", FULL)
    nothing = models("import", tmp_path / "home" / "models" / FULL / "lock", code=2)
    assert "is no folder" in nothing.stderr


def test_a_checkpoint_of_ones_own(models, tmp_path: Path) -> None:
    (tmp_path / "tuned.pt").write_bytes(b"my weights")
    like = ("--like", "diffrhythm-1.2-base")
    models("add", "mine", tmp_path / "tuned.pt", *like, "--licence", "Studio-1", "--commercial")
    mine = by_name(models("list", "--json"))["mine"]
    assert (mine["licence"], mine["commercial"], mine["like"]) == ("Studio-1", True, "diffrhythm-1.2-base")
    forbidden = models(
        "add", "other", tmp_path / "tuned.pt", *like, "--licence", "CC-BY-NC-4.0", "--commercial", code=2
    )
    assert "does not allow commercial use" in forbidden.stderr
    models("add", "quiet", tmp_path / "tuned.pt", *like, "--licence", "MIT", "--no-commercial", "--json")
    assert not by_name(models("list", "--json"))["quiet"]["commercial"]
    models("add", "odd", tmp_path / "tuned.pt", *like, "--licence", "[bold]x", code=2)
    models("add", "bad", tmp_path / "tuned.pt", *like, "--licence", "MIT", "--sha256", "xyz", code=2)


def test_wrong_names_are_told(models) -> None:
    assert "Did you mean 'diffrhythm-vae'" in models("pull", "diffrhytm-vae", code=2).stderr
    assert "v1.0" in models("pull", "diffrhythm-1.0-base", code=3).stderr
    assert "songline models pull diffrhythm-vae" in models("verify", "diffrhythm-vae", code=4).stderr
    assert "is not installed" in models("remove", "diffrhythm-vae", code=2).stderr


def test_the_hubs_default_address_is_the_librarys_and_nothing_else_is_asked(real_models, hub, tmp_path: Path) -> None:
    real_models("pull", FULL, "--accept", SONGLINE_HUB_URL="", HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "hf"))
    assert {asked.path.split("?")[0].rpartition("/")[2] for asked in hub.asked} == {"cfm_model.pt"}
    assert "HF_HUB_OFFLINE" in real_models("pull", "diffrhythm-vae", "--accept", code=4, HF_HUB_OFFLINE="1").stderr


def test_a_killed_command_is_continued_by_the_same_command(real_models, settings, hub, tmp_path: Path) -> None:
    hub.pause_s = 0.1
    command = [sys.executable, "-m", "flows.cli", "models", "pull", FULL, "--accept"]
    process = subprocess.Popen(command, env=environment(tmp_path / "home", **settings), stderr=subprocess.DEVNULL)
    part = tmp_path / "home" / "models" / FULL / "partial" / "cfm_model.pt.part"
    for _ in range(2000):
        if part.is_file() and part.stat().st_size > 200_000:
            break
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    came = part.stat().st_size
    hub.pause_s = 0.0
    real_models("pull", FULL)
    assert hub.gets("cfm_model.pt")[-1].headers["range"] == f"bytes={came}-"
    real_models("verify", FULL)
