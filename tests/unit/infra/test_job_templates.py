"""The base job templates of docker and kubernetes pools, filled in by Prefect's own templating."""

from __future__ import annotations

import json

import jsonschema
import pytest
from docker.types import HostConfig
from prefect.utilities.templating import apply_values, find_placeholders

from tests.support.places import ROOT

FOLDER = ROOT / "infra" / "job-templates"
RUN = {"name": "render-shard", "command": "prefect flow-run execute"}


@pytest.fixture(params=["docker", "kubernetes"])
def template(request: pytest.FixtureRequest):
    return json.loads((FOLDER / f"{request.param}.json").read_text())


def filled(template, **values):
    """The job of a flow run, as a worker makes it from the defaults and a deployment's values."""
    variables = template["variables"]
    known = {name: one["default"] for name, one in variables["properties"].items() if "default" in one} | RUN | values
    jsonschema.validate(known, variables)
    return apply_values(template["job_configuration"], known, remove_notset=True)


def read(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


def test_variables_are_a_schema_with_valid_defaults(template) -> None:
    assert set(template) == {"variables", "job_configuration"}
    jsonschema.Draft202012Validator.check_schema(template["variables"])
    for one in template["variables"]["properties"].values():
        assert one["title"]
        assert one["description"]
        if "default" in one:
            jsonschema.validate(one["default"], one)


def test_every_placeholder_is_a_variable_and_every_variable_has_its_place(template) -> None:
    placeholders = {one.name for one in find_placeholders(template["job_configuration"])}
    assert placeholders == set(template["variables"]["properties"])


def test_defaults_fill_the_whole_job(template) -> None:
    assert not find_placeholders(filled(template))


def test_docker_is_asked_for_the_device() -> None:
    job = filled(read("docker"), gpu_device_ids=["GPU-8f6a"])
    request = job["container_create_kwargs"]["device_requests"]
    assert request == [{"driver": "nvidia", "device_ids": ["GPU-8f6a"], "capabilities": [["gpu"]]}]
    host = HostConfig(version="1.43", device_requests=request, shm_size="1g")
    assert host["DeviceRequests"][0]["DeviceIDs"] == ["GPU-8f6a"]
    with pytest.raises(jsonschema.ValidationError):
        filled(read("docker"), gpu_device_ids=[])


def test_kubernetes_is_asked_for_the_device_with_request_and_limit_alike() -> None:
    job = filled(read("kubernetes"), gpu_count=2)
    pod = job["job_manifest"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    resources = container["resources"]
    assert resources["limits"] == {"nvidia.com/gpu": 2}
    assert resources["requests"] == {"cpu": "2", "memory": "8Gi", "nvidia.com/gpu": 2}
    assert job["job_manifest"]["spec"]["backoffLimit"] == 0
    assert pod["securityContext"]["runAsNonRoot"]
    with pytest.raises(jsonschema.ValidationError):
        filled(read("kubernetes"), gpu_count=0)


def test_no_secret_stands_in_a_template(template) -> None:
    assert not [name for name in template["variables"]["properties"] if "password" in name or "key" in name]
