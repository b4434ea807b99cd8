"""The compose file: by the Compose specification's schema, and by what production asks of it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from infra.access import __main__ as access
from tasks.scoring.registry import JUDGES
from tests.support.places import ROOT
from tests.support.services.processes import not_tested

COMPOSE = ROOT / "infra" / "compose.yaml"
SECRETS = (
    *("POSTGRES_PASSWORD", "MINIO_ROOT_PASSWORD", "PREFECT_PASSWORD", "PREFECT_WORKER_PASSWORD"),
    *("SONGLINE_DATABASE_PASSWORD", "PREFECT_DATABASE_PASSWORD", "SONGLINE_S3_ACCESS_KEY", "SONGLINE_S3_SECRET_KEY"),
)
ONCE = {"access", "deploy"}
"""Services that do something and end."""


def as_told(text, given=()):
    """A value of the file with these variables, and the others as they are left out."""
    return re.sub(r"\$\{(\w+):-([^}]*)\}", lambda found: dict(given).get(found[1], found[2]), text)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(COMPOSE.read_text())


def test_it_keeps_the_compose_specification(compose) -> None:
    package = find_spec("check_jsonschema")
    if package is None:
        not_tested("check-jsonschema, which carries the schema, is not installed; run `make test`")
    folder = Path(package.origin).parent / "builtin_schemas" / "vendor"
    schema = json.loads((folder / "compose-spec.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{list(error.path)}: {error.message}" for error in validator.iter_errors(compose)] == []
    compose["services"]["postgres"]["healthchek"] = {}
    assert not validator.is_valid(compose)
    del compose["services"]["postgres"]["healthchek"]


def test_docker_reads_it() -> None:
    docker = shutil.which("docker")
    found = docker and subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode == 0
    if not found:
        pytest.skip("NOT TESTED: there is no Docker with compose here; the schema was checked")
    environment = os.environ | dict.fromkeys(SECRETS, "given") | {"COMPOSE_PROFILES": "gpu0,gpu1,no-gpu"}
    command = [docker, "compose", "-f", COMPOSE, "config", "--quiet"]
    subprocess.run(command, env=environment, check=True)
    bare = {name: value for name, value in os.environ.items() if name not in SECRETS}
    assert subprocess.run(command, env=bare, check=False, capture_output=True).returncode != 0


def test_every_secret_must_be_given() -> None:
    text = COMPOSE.read_text()
    for name in SECRETS:
        assert set(re.findall(rf"\${{{name}(..)", text)) == {":?"}
    literal = re.findall(r"^\s*\w*(?:PASSWORD|SECRET|ACCESS_KEY|AUTH_STRING)\w*: *(?!.*\$\{).+$", text, re.MULTILINE)
    assert literal == []


def test_ports_are_open_to_this_machine_only(compose) -> None:
    published = {name: port for name, one in compose["services"].items() for port in one.get("ports", ())}
    assert set(published) == {"postgres", "minio", "prefect-server"}
    assert all(port.startswith("${SONGLINE_BIND:-127.0.0.1}:") for port in published.values())
    assert not any(one.get("network_mode") or one.get("privileged") for one in compose["services"].values())


def test_every_service_that_stays_is_watched_and_started_again(compose) -> None:
    staying = {name: one for name, one in compose["services"].items() if name not in ONCE}
    assert all(one["healthcheck"]["test"] and one["restart"] == "unless-stopped" for one in staying.values())
    assert all(compose["services"][name]["restart"] == "no" for name in ONCE)


def test_the_order_of_the_start(compose) -> None:
    waits = {name: one.get("depends_on", {}) for name, one in compose["services"].items()}
    done, healthy = {"condition": "service_completed_successfully"}, {"condition": "service_healthy"}
    assert waits["access"] == {"postgres": healthy, "minio": healthy}
    assert waits["prefect-server"] == {"access": done}
    assert waits["deploy"] == {"prefect-server": healthy}
    workers = [name for name in waits if name.startswith("worker-")]
    assert len(workers) == 4
    assert all(waits[name] == {"deploy": done} for name in workers)


def test_gpu_workers_ask_for_one_device_each_and_take_one_run(compose) -> None:
    for index in ("0", "1"):
        worker = compose["services"][f"worker-gpu-{index}"]
        (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
        assert device == {"driver": "nvidia", "device_ids": [index], "capabilities": ["gpu"]}
        command = worker["command"]
        assert command[command.index("--limit") + 1] == "1"
        assert command[command.index("--pool") + 1] == "gpu"
    assert "deploy" not in compose["services"]["worker-no-gpu"]


def test_what_is_kept_lies_in_volumes(compose) -> None:
    mounts = [mount for one in compose["services"].values() for mount in one.get("volumes", ())]
    named = {as_told(mount).split(":")[0] for mount in mounts}
    assert named == set(compose["volumes"]) == {"postgres", "minio", "server", "home", "releases"}


def test_an_inbox_notifications_and_releases_reach_those_who_need_them(compose) -> None:
    given = {"SONGLINE_INBOX": "s3://night/in", "SONGLINE_NOTIFY": "slack-webhook/studio"}
    given |= {"SONGLINE_RELEASES": "/srv/records", "SONGLINE_RELEASES_URL": "https://records.example"}
    for name, one in compose["services"].items():
        told = one.get("environment", {})
        found = {key: as_told(told[key], given) for key in given if key in told}
        mounts = [as_told(mount, given) for mount in one.get("volumes", ())]
        inside = [mount.split(":")[1] for mount in mounts if mount.startswith("/srv/records:")]
        if name.startswith("worker-"):
            assert found == given | {"SONGLINE_RELEASES": inside[0]}
            dockerfile = (ROOT / "infra" / "Dockerfile").read_text()
            assert f"--owner songline --group songline {inside[0]}\n" in dockerfile
            continue
        known = {"access": ["SONGLINE_INBOX"], "deploy": ["SONGLINE_INBOX", "SONGLINE_NOTIFY"]}.get(name, [])
        assert found == {key: given[key] for key in known}
        assert inside == []
    bare = compose["services"]["worker-cpu"]["environment"]
    assert [as_told(bare[key]) for key in given if key != "SONGLINE_RELEASES"] == ["", "", ""]


def test_the_image_has_the_packages_of_every_judge_and_of_the_stems(compose) -> None:
    (arguments,) = {
        as_told(one["build"]["args"]["EXTRAS"])
        for one in compose["services"].values()
        if "args" in one.get("build", {})
    }
    image = set(arguments.split(","))
    assert {extra for judge in JUDGES for extra in judge.extras} | {"stems"} <= image
    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert image <= set(known)
    dockerfile = (ROOT / "infra" / "Dockerfile").read_text()
    assert f"EXTRAS={arguments} " in dockerfile


def test_each_secret_is_for_those_who_need_it(compose) -> None:
    given: dict[str, set[str]] = {secret: set() for secret in SECRETS}
    for name, one in compose["services"].items():
        values = " ".join(map(str, one.get("environment", {}).values()))
        for secret in re.findall(r"\$\{(\w+):\?", values):
            given[secret].add(name)
    workers = {name for name in compose["services"] if name.startswith("worker-")}
    assert given == {
        "POSTGRES_PASSWORD": {"postgres", "access"},
        "MINIO_ROOT_PASSWORD": {"minio", "access"},
        "PREFECT_DATABASE_PASSWORD": {"prefect-server", "access"},
        "PREFECT_PASSWORD": {"prefect-server", "deploy"},
        "PREFECT_WORKER_PASSWORD": {"prefect-server"} | workers,
        "SONGLINE_DATABASE_PASSWORD": {"access"} | workers,
        "SONGLINE_S3_ACCESS_KEY": {"access"} | workers,
        "SONGLINE_S3_SECRET_KEY": {"access"} | workers,
    }


@pytest.mark.parametrize(
    ("inbox", "places"), [("", ["s3://songline"]), ("s3://night/in", ["s3://songline", "s3://night/in"])]
)
def test_what_access_is_told_is_what_it_makes(compose, monkeypatch: pytest.MonkeyPatch, inbox, places) -> None:
    for name in list(os.environ):
        if name.startswith("SONGLINE_"):
            monkeypatch.delenv(name)
    for name, value in compose["services"]["access"]["environment"].items():
        told = re.sub(r"\$\{(\w+):\?[^}]*\}", lambda found: f"given-{len(found.group(1))}", value)
        monkeypatch.setenv(name, as_told(told, {"SONGLINE_INBOX": inbox}))
    made: dict[str, Any] = {}
    monkeypatch.setattr(access, "make_databases", lambda url, **told: made.update(told, admin=url))
    monkeypatch.setattr(access, "make_bucket_user", lambda endpoint, **told: made.update(told, endpoint=endpoint))
    assert access.main() == 0
    assert made["admin"] == "postgresql://postgres:given-17@postgres:5432/postgres"
    assert (made["catalog_password"], made["prefect_password"]) == ("given-26", "given-25")
    assert (made["root"].name, made["root"].secret) == ("songline-root", "given-19")
    assert (made["user"].name, made["locations"]) == ("given-22", places)
    monkeypatch.delenv("MINIO_ROOT_PASSWORD")
    assert access.main() == 2


def test_workers_without_a_device_work_on_their_cores_and_plan_for_those_that_have_one(compose) -> None:
    told = {name: one.get("environment", {}) for name, one in compose["services"].items() if name.startswith("worker-")}
    lent = {name for name, one in compose["services"].items() if "deploy" in one}
    assert lent == {"worker-gpu-0", "worker-gpu-1"}
    for name, variables in told.items():
        assert variables["SONGLINE_DEVICE"] == ("${SONGLINE_DEVICE:-cuda}" if name in lent else "cpu")
        assert variables["SONGLINE_RENDER_DEVICE"] == "${SONGLINE_DEVICE:-cuda}"


def test_the_image_is_of_known_parts_and_runs_as_nobody_special() -> None:
    text = (ROOT / "infra" / "Dockerfile").read_text()
    module = re.compile(r"github\.com/minio/minio@\S+")
    assert module.search(text).group() == module.search((ROOT / "Makefile").read_text()).group()
    stages = re.split(r"^FROM ", text, flags=re.MULTILINE)[2:]
    assert [re.search(r"^USER (\w+)$", stage, re.MULTILINE).group(1) for stage in stages] == ["minio", "songline"]
    assert "--constraint infra/constraints.txt" in stages[1]
    ignored = (ROOT / "infra" / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", stages[1], re.MULTILINE)
    assert "*" in ignored
    assert {source for line in copied for source in line.split()} == {line[1:] for line in ignored if line[:1] == "!"}
