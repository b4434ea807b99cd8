"""Whoever may write to the farm's Prefect server tries to run code on a worker."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.server.api_gate import basic
from tests.support.commands import environment
from tests.support.services.prefect_server import PrefectServer
from tests.support.services.processes import free_port, running

POOL = "attacked"
ENDED = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}
PATIENCE_S = 60.0


class Bomb:
    """Pickled, it makes a file where it is loaded."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


@dataclass
class Attacker:
    """Somebody with the Prefect server's full credential, and a worker to attack."""

    server: PrefectServer
    folder: Path

    def ask(self, method: str, path: str, document: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.server.url}/{path}",
            data=None if document is None else json.dumps(document).encode(),
            headers={"Authorization": basic(self.server.auth), "Content-Type": "application/json"},
            method=method,
        )
        while True:
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    said = answer.read()
                return json.loads(said) if said else None
            except urllib.error.HTTPError as error:
                if error.code != 503:  # a busy server on SQLite says so now and then
                    raise
                time.sleep(0.5)

    def deployment(self, flow: str, **fields: Any) -> str:
        """A deployment of a flow of this name; gives its id."""
        flow_id = self.ask("POST", "flows/", {"name": flow})["id"]
        made = {"flow_id": flow_id, "name": flow, "work_pool_name": POOL, "enforce_parameter_schema": False}
        return str(self.ask("POST", "deployments/", made | fields)["id"])

    def run(self, deployment: str, **fields: Any) -> str:
        return str(self.ask("POST", f"deployments/{deployment}/create_flow_run", fields)["id"])

    def ended(self, run: str) -> dict[str, Any]:
        """The state that the run ends in."""
        deadline_s = time.monotonic() + PATIENCE_S
        while (state := self.ask("GET", f"flow_runs/{run}")["state"])["type"] not in ENDED:
            assert time.monotonic() < deadline_s, state
            time.sleep(0.2)
        return dict(state)

    def script(self, marker: Path) -> Path:
        """A file whose flow, and whose import, make the marker."""
        path = self.folder / f"{marker.name}.py"
        path.write_text(
            f"from pathlib import Path\nPath({str(marker)!r}).touch()\n"
            "from prefect import flow\n@flow(name='reconcile')\ndef attack(**_): pass\n"
        )
        return path


@pytest.fixture(scope="module")
def attacker(prefect_server: PrefectServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacker]:
    folder = tmp_path_factory.mktemp("farm")
    found = Attacker(prefect_server, folder)
    found.ask("POST", "work_pools/", {"name": POOL, "type": "process", "base_job_template": {}})
    port = free_port()
    told = {
        **environment(folder / "home"),
        **prefect_server.environment,
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_WORKER_QUERY_SECONDS": "1",
        "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
        "PREFECT_WORKER_WEBSERVER_PORT": str(port),
    }
    command = [sys.executable, "-m", "flows.cli", "worker", "--pool", POOL, "--with-healthcheck"]
    health = f"http://127.0.0.1:{port}/health"
    with running(command, health_url=health, log=folder / "worker.log", environment=told, start_s=60.0):
        yield found


@pytest.fixture
def marker(tmp_path: Path) -> Path:
    """The file that an attack makes which gets through."""
    return tmp_path / "code-ran"


def test_a_run_that_names_another_flow_is_refused(attacker, marker) -> None:
    script = attacker.script(marker)
    run = attacker.run(attacker.deployment("mine", entrypoint=f"{script.name}:attack", path=str(attacker.folder)))
    state = attacker.ended(run)
    assert state["type"] in ("CRASHED", "FAILED")
    assert "Songline's flows only" in (attacker.folder / "worker.log").read_text()
    assert not marker.exists()


def test_entrypoint_folder_and_pull_steps_of_a_deployment_are_not_followed(attacker, marker) -> None:
    script = attacker.script(marker)
    step = {"prefect.deployments.steps.run_shell_script": {"script": f"touch {marker}"}}
    attacker.ended(
        attacker.run(
            attacker.deployment(
                "reconcile", entrypoint=f"{script.name}:attack", path=str(attacker.folder), pull_steps=[step]
            )
        )
    )
    assert not marker.exists()


def test_command_environment_and_folder_of_a_job_are_not_followed(attacker, marker) -> None:
    hostile = attacker.folder / f"site-{marker.parent.name}"
    hostile.mkdir()
    for name in ("sitecustomize.py", "flows.py", "prefect.py"):
        (hostile / name).write_text(f"from pathlib import Path\nPath({str(marker)!r}).touch()\n")
    attacker.ask(
        "PATCH",
        f"work_pools/{POOL}",
        {
            "base_job_template": {
                "variables": {"type": "object", "properties": {}},
                "job_configuration": {
                    "command": f"touch {marker}",
                    "working_dir": str(hostile),
                    "env": {"PYTHONPATH": str(hostile), "PREFECT__FLOW_ENTRYPOINT": f"{hostile}/flows.py:attack"},
                },
            }
        },
    )
    try:
        attacker.ended(attacker.run(attacker.deployment("reconcile", entrypoint="x.py:y")))
    finally:
        attacker.ask("PATCH", f"work_pools/{POOL}", {"base_job_template": {}})
    assert not marker.exists()


def test_a_pickle_in_a_state_is_not_loaded(attacker, marker, tmp_path: Path) -> None:
    """The run is forced to be complete, with a result to be loaded, while its process starts."""
    stored = tmp_path / "result"
    record = {
        "metadata": {"storage_key": str(stored), "serializer": {"type": "pickle", "picklelib": "cloudpickle"}},
        "result": base64.encodebytes(pickle.dumps(Bomb(marker))).decode(),
    }
    stored.write_text(json.dumps(record))
    run = attacker.run(attacker.deployment("reconcile", entrypoint="x.py:y"))
    deadline_s = time.monotonic() + PATIENCE_S
    while attacker.ask("GET", f"flow_runs/{run}")["state"]["type"] not in ("PENDING", *ENDED):
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    state = {"type": "COMPLETED", "data": record["metadata"]}
    attacker.ask("POST", f"flow_runs/{run}/set_state", {"state": state, "force": True})
    log = attacker.folder / "worker.log"
    while "stored result" not in log.read_text():
        assert time.monotonic() < deadline_s, log.read_text()
        time.sleep(0.2)
    assert not marker.exists()


def test_the_bomb_goes_off_where_it_is_loaded(marker) -> None:
    pickle.loads(pickle.dumps(Bomb(marker)))
    assert marker.exists()
