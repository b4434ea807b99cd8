"""The commands that start, check, describe and forecast: they need no album that was ever rendered."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.support.albums import write_album
from tests.support.commands import Album, environment, files_of, songline
from tests.support.places import EXAMPLES

pytestmark = pytest.mark.slow

COMMANDS = {
    "Make an album": ["init", "validate", "schema", "plan", "preview-lyrics", "render", "retry", "lyrics", "sing"],
    "Choose takes": [
        *("scores", "select", "pick", "unpick", "reject", "note", "taste", "rerun", "retake", "take", "judges")
    ],
    "Look": ["status", "lineage", "releases", "diff", "desk", "albums", "du"],
    "Finish and deliver": ["export", "link", "share", "measure", "master", "separate"],
    "Train a sound": ["train"],
    "Maintain": ["verify", "backup", "restore", "doctor", "models", "remove", "prune", "gc"],
    "Farm": ["deploy", "worker", "submit", "pause", "resume", "cancel", "inbox", "metrics"],
}
HEAVY = {"torch", "phonemizer", "numpy", "scipy", "sqlalchemy", "prefect", "soundfile", "pedalboard"}


@pytest.fixture
def fresh(tmp_path: Path):
    """A manifest, and a home where nothing was ever done."""
    return Album(tmp_path / "home", write_album(tmp_path / "album"), tmp_path / "out" / "small")


def loaded_by(*arguments: str | Path, home: Path) -> tuple[str, set[str]]:
    """What a command prints, and the packages it loads."""
    command = [sys.executable, "-X", "importtime", "-m", "flows.cli", *map(str, arguments)]
    done = subprocess.run(command, env=environment(home), capture_output=True, text=True, check=True, timeout=60)
    return done.stdout, {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}


def test_help_names_the_commands_there_are_and_loads_nothing_heavy(tmp_path: Path) -> None:
    told, loaded = loaded_by("--help", home=tmp_path / "home")
    sections = dict(re.findall(r"^(\w[\w ]*):\n((?:  .*\n)+)", told, re.MULTILINE))
    del sections["Options"]
    listed = {heading: re.findall(r"^  (\w\S*)", text, re.MULTILINE) for heading, text in sections.items()}
    assert list(listed.items()) == list(COMMANDS.items())
    assert "typer" in loaded
    assert not loaded & (HEAVY | {"pydantic"})
    assert not (tmp_path / "home").exists()


def test_the_version_is_told(tmp_path: Path) -> None:
    told = songline("--version", home=tmp_path / "home")
    assert (told.returncode, told.stdout) == (0, f"songline {version('songline')}\n")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", ["validate", "schema"])
def test_checking_a_manifest_opens_no_catalog_and_loads_nothing_heavy(fresh, command) -> None:
    _, loaded = loaded_by(command, *([fresh.manifest] if command == "validate" else []), home=fresh.home)
    assert not loaded & HEAVY
    assert not fresh.home.exists()


def test_init_writes_an_album_that_is_valid_and_never_overwrites(fresh, tmp_path: Path) -> None:
    made = fresh.run("init", tmp_path / "new", "--title", 'Nights & "Days"')
    spaced = fresh.run("init", tmp_path / "a new one", "--engine", "diffrhythm").stdout.splitlines()[-1]
    assert spaced.startswith("Next: `songline doctor` tells which models it needs; then songline render '")
    manifest = tmp_path / "new" / "album.yaml"
    assert f"songline render {manifest}" in made.stdout
    checked = fresh.json("validate", manifest)
    (placeholder,) = checked.pop("warnings")
    assert "'Your Name' names no artist" in placeholder
    assert checked == {"album": "nights-days", "songs": 2, "hints": []}
    before = files_of(tmp_path / "new")
    refused = fresh.run("init", tmp_path / "new", code=2)
    assert re.fullmatch(r"error: .*album\.yaml is there already\. Choose another folder.*\.\n", refused.stderr)
    assert files_of(tmp_path / "new") == before


FAULTY = """\
schema_version: 1
album: {title: Faulty}
songs:
  - title: One
    prompt: pop
    seeds: [7, 7]
    lyrics: |
      [00:01.00]A line
      [00:70.00]Another
colour: red
"""


def test_all_faults_of_a_manifest_are_told_at_once_with_their_lines(fresh, tmp_path: Path) -> None:
    manifest = tmp_path / "faulty.yaml"
    manifest.write_text(FAULTY)
    told = fresh.run("validate", manifest, code=2)
    *faults, last = told.stderr.splitlines()
    places = [re.match(r"faulty\.yaml:(\d+): ([\w.\[\]]+): .*\. .*\.$", fault).groups() for fault in faults]
    assert places == [("2", "album.artist"), ("6", "songs[0].seeds"), ("9", "songs[0].lyrics"), ("10", "colour")]
    assert last == "error: 4 faults; nothing was started."
    assert told.stdout == ""

    as_json = fresh.run("validate", manifest, "--json", code=2)
    assert as_json.stdout == ""
    assert json.loads(as_json.stderr) == {
        "error": "\n".join(faults),
        "kind": "manifest",
        "remedy": "Correct each line that is named",
        "faults": faults,
    }
    assert fresh.run("render", manifest, "--out", tmp_path / "out", code=2).stderr == told.stderr
    assert not fresh.home.exists()
    assert not (tmp_path / "out").exists()


def test_the_starter_for_an_engine_that_keeps_no_times_has_plain_words(fresh, tmp_path: Path) -> None:
    fresh.run("init", tmp_path / "new", "--engine", "acestep")
    (warning,) = fresh.json("validate", tmp_path / "new" / "album.yaml")["warnings"]
    assert "'Your Name' names no artist" in warning
    words = (tmp_path / "new" / "lyrics" / "second-song.txt").read_text()
    assert words.startswith("[Verse]\nThe kettle sings the evening in\n")
    assert "\n\n[Chorus]\nStay a while, stay a while\n" in words
    assert list((tmp_path / "new" / "lyrics").glob("*.lrc")) == []


def test_the_schema_is_valid_and_fits_albums(fresh, tmp_path: Path) -> None:
    told = fresh.run("schema").stdout
    assert not re.search(r"``|:[a-z]+:`", told)
    schema = json.loads(told)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    fresh.run("init", tmp_path / "new")
    manifests = [fresh.manifest, tmp_path / "new" / "album.yaml", *EXAMPLES.glob("*/album.yaml")]
    assert len(manifests) >= 3
    for manifest in manifests:
        validator.validate(yaml.safe_load(manifest.read_text()))
    wrong = {error.json_path for error in validator.iter_errors(yaml.safe_load(FAULTY))}
    assert wrong == {"$", "$.album"}


def test_plan_forecasts_and_stores_nothing(fresh) -> None:
    plan = fresh.json("plan", fresh.manifest)
    expected = {"exists": 0, "new": 2, "failed": 0}
    assert plan["songs"] == [
        {"id": "one", "title": "Song One"} | expected,
        {"id": "two", "title": "Song Two"} | expected,
    ]
    assert (plan["album"], plan["complete"], plan["warnings"]) == ("small", False, [])
    assert plan["seconds"] > 0
    assert plan["stored_bytes"] > 4 * 10 * 44100 * 2 * 4
    assert fresh.done() == []
    assert "no album 'small'" in fresh.run("status", "small", code=2).stderr
    assert re.search(
        r"Song Two +0 +2 +0\b.*About [\d.]+ min and \d+ MB", fresh.run("plan", fresh.manifest).stdout, re.S
    )


def test_doctor_says_what_is_missing_and_how_to_get_it(fresh) -> None:
    fresh.home.write_text("not a folder")
    found = fresh.json("doctor", code=4)
    assert found["ok"] is False
    (missing,) = [check for check in found["checks"] if check["verdict"] == "missing"]
    assert missing["name"] == "catalog"
    assert "SONGLINE_HOME" in missing["remedy"]
    assert re.search(r"missing +catalog +.*SONGLINE_HOME", fresh.run("doctor", code=4).stdout)


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["scores"], ["verify", "--nonsense"], ["render", "x", "--until", "y"]]
)
def test_a_command_line_that_makes_no_sense_is_exit_2(tmp_path: Path, arguments) -> None:
    done = songline(*arguments, home=tmp_path / "home")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stdout == ""
    assert not (tmp_path / "home").exists()
