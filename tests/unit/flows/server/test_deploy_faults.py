"""Files that cannot be deployed, and servers that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from catalog.common.errors import InputError, MachineError
from flows.server.deployment_file import default_deployment_file, read_deployment_file
from tests.unit.flows.server.deployments import by_name, changed_file, client, deploy, deployed

__all__ = ["client", "deploy", "deployed"]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"url": None}, "no Prefect server is set"),
        ({"url": "http://127.0.0.1:9/api"}, "cannot be reached: ConnectError"),
        ({"auth": "songline:wrong"}, "answered 401. Set PREFECT_API_AUTH_STRING as the server has it"),
    ],
)
def test_a_server_that_cannot_be_used_is_the_machines_fault(prefect_server, changes, what) -> None:
    from flows.server.client import server_client

    with prefect_server.here(**changes), pytest.raises(MachineError, match=what) as caught, server_client() as client:
        client.read_work_pools()
    assert "wrong" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda d: d["deployments"][0].update(paused=True), "deployments.0.paused: Extra inputs are not permitted"),
        (lambda d: d["deployments"][0]["work_pool"].update(name="tpu"), "in the pool tpu, which is not defined"),
        (lambda d: d["deployments"][3]["schedules"][0].pop("cron"), "give either cron or interval"),
        (lambda d: d.update(pull=["x"]), "pull: List should have at most 0 items"),
    ],
)
def test_a_fault_of_the_file_is_told_with_its_place(tmp_path: Path, change, fault) -> None:
    document = yaml.safe_load(default_deployment_file().read_text())
    change(document)
    path = tmp_path / "prefect.yaml"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=fault):
        read_deployment_file(path)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    path = tmp_path / "prefect.yaml"
    with pytest.raises(InputError, match="No such file"):
        read_deployment_file(path)
    path.write_text("deployments: [")
    with pytest.raises(InputError, match="is no YAML"):
        read_deployment_file(path)


def test_nothing_is_begun_with_a_flow_that_cannot_be_loaded(deploy, deployed) -> None:
    def change(document):
        document["definitions"]["limits"]["songline-store"] = 3
        by_name(document)["reconcile"]["entrypoint"] = "flows.nowhere.reconcile"

    with pytest.raises(InputError, match="the deployment reconcile cannot be loaded"):
        deploy(changed_file(change))
    assert deploy() == {}
