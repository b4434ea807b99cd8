"""What `songline deploy` makes of infra/prefect.yaml on a real Prefect server, and that it changes nothing twice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
import yaml

from flows.server.deployment_file import default_deployment_file, read_deployment_file
from tests.unit.flows.server.deployments import by_name, changed_file, client, deploy, deployed

__all__ = ["client", "deploy", "deployed"]

SILENT_AFTER_S = 10


@pytest.fixture(scope="module", autouse=True)
def gone_silent(client, prefect_server):
    """Runs that gave one sign of life when the tests began; the last test looks at what became of them."""
    from prefect import flow
    from prefect.states import Completed, Running

    from flows.server.deploy import silent_runs_have_crashed

    watch = silent_runs_have_crashed(SILENT_AFTER_S).model_copy(update={"name": "a quick watch"})
    automation = client.create_automation(watch)
    tags = {"ours": "songline", "ended": "songline", "theirs": "else"}
    runs = {name: client.create_flow_run(flow(quiet), state=Running(), tags=[tag]).id for name, tag in tags.items()}
    user, _, password = prefect_server.auth.partition(":")
    signs = [sign_of_life(run, tags[name]) for name, run in runs.items()]
    httpx.post(f"{prefect_server.url}/events", json=signs, auth=(user, password)).raise_for_status()
    client.set_flow_run_state(runs["ended"], Completed())
    yield runs
    client.delete_automation(automation)
    for run in runs.values():
        client.delete_flow_run(run)


def quiet():
    """A flow that says nothing."""


def sign_of_life(run, tag):
    """The event that Prefect's engine sends every 30 s."""
    return {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}", "prefect.resource.name": "a run"},
        "related": [{"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}],
    }


def test_pools_queues_and_deployments_are_made_once(client, deploy) -> None:
    deploy()
    assert deploy() == {}

    for pool in ("gpu", "cpu"):
        found = client.read_work_pool(pool)
        assert found.type == "process"
        assert "env" in found.base_job_template["variables"]["properties"]
        queues = [client.read_work_queue_by_name(name, pool) for name in ("urgent", "normal", "batch")]
        assert [queue.priority for queue in queues] == [1, 2, 3]
    album = client.read_deployment_by_name("produce-album/produce-album")
    assert album.parameter_openapi_schema["definitions"]["AlbumParameters"]["properties"]["album"]["type"] == "string"
    assert (album.work_pool_name, album.work_queue_name) == ("cpu", "normal")
    assert album.global_concurrency_limit.limit == 16
    assert client.read_deployment_by_name("render-shard/render-shard").work_pool_name == "gpu"
    reconcile = client.read_deployment_by_name("reconcile/reconcile")
    assert reconcile.concurrency_options.collision_strategy == "CANCEL_NEW"
    schedules = {(each.slug, each.schedule.interval.total_seconds(), each.active) for each in reconcile.schedules}
    assert schedules == {("steady", 30, True)}
    nightly = client.read_deployment_by_name("render-inbox/render-inbox").schedules[0]
    assert (nightly.schedule.cron, nightly.active) == ("0 1 * * *", False)
    assert client.read_global_concurrency_limit_by_name("songline-mastering").limit == 8


def test_a_run_that_waits_is_known_with_its_queue_and_can_be_withdrawn(
    client, deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.orchestration.parameters import ShardParameters
    from flows.orchestration.run_launcher import PrefectRunLauncher

    monkeypatch.setattr("flows.orchestration.run_launcher.open_client", lambda: client)
    farm, work = PrefectRunLauncher(), ShardParameters(album="a", shard="s")
    asked = {"name": "a shard", "album": "a"}
    slow = farm.start("render-shard", work, queue="batch", key=f"shard:{uuid4()}:1", **asked)
    status = farm.statuses([slow])[slow]
    assert (status.state, status.queue) == ("waiting", "batch")
    farm.cancel_scheduled(slow, "it waits elsewhere from now on")
    assert farm.statuses([slow])[slow].state == "ended"
    again = farm.start("render-shard", work, queue="urgent", key=f"shard:{uuid4()}:2", **asked)
    assert farm.statuses([again])[again].queue == "urgent"
    assert farm.cancel_all("a") == 1


def test_reconcile_is_switched_by_its_steady_schedule_alone(client, deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.orchestration.run_launcher import PrefectRunLauncher

    def switches():
        found = client.read_deployment_by_name("reconcile/reconcile")
        return {each.slug: each.active for each in found.schedules}, found.paused

    monkeypatch.setattr("flows.orchestration.run_launcher.open_client", lambda: client)
    farm = PrefectRunLauncher()
    assert switches() == ({"steady": True}, False)
    for is_active in (True, False, False, True):
        farm.switch_reconcile(is_active)
        assert switches() == ({"steady": is_active}, False)

    found = client.read_deployment_by_name("reconcile/reconcile")
    client.pause_deployment(found.id)  # what somebody switched off so stays off
    farm.switch_reconcile(True)
    assert switches()[1]
    client.resume_deployment(found.id)


def test_without_a_steady_schedule_nothing_is_switched(client, deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.orchestration.run_launcher import PrefectRunLauncher

    monkeypatch.setattr("flows.orchestration.run_launcher.open_client", lambda: client)
    found = client.read_deployment_by_name("reconcile/reconcile")
    for each in found.schedules:
        client.delete_deployment_schedule(found.id, each.id)
    PrefectRunLauncher().switch_reconcile(True)
    assert client.read_deployment_by_name("reconcile/reconcile").schedules == []


def test_what_the_file_changes_is_changed_and_nothing_else(deploy, deployed) -> None:
    def change(document):
        document["definitions"]["limits"]["songline-store"] = 3
        document["definitions"]["pools"]["gpu"]["description"] = "Renders by day."
        document["definitions"]["queues"] = ["urgent", "batch", "normal"]
        document["definitions"]["silent_after_s"] = 300
        flows = by_name(document)
        flows["render-shard"]["tags"] += ["night"]
        flows["finish-song"]["concurrency_limit"]["limit"] = 2
        flows["produce-album"].pop("concurrency_limit")
        flows["reconcile"]["schedules"][0]["interval"] = 45

    file = changed_file(change)
    assert deploy(file) == {
        "songline-store": ("limit",),
        "gpu": ("description",),
        **dict.fromkeys(("gpu/batch", "gpu/normal", "cpu/batch", "cpu/normal"), ("priority",)),
        "render-shard/render-shard": ("tags",),
        "finish-song/finish-song": ("concurrency_limit",),
        "produce-album/produce-album": ("concurrency_limit", "concurrency_options"),
        "reconcile/reconcile": ("schedule steady",),
        "songline: silent runs have crashed": ("trigger",),
    }
    assert deploy(file) == {}


def test_what_was_switched_or_added_by_hand_stays(client, deploy, deployed) -> None:
    from prefect.client.schemas.schedules import CronSchedule

    reconcile = client.read_deployment_by_name("reconcile/reconcile")
    for each in reconcile.schedules:
        client.update_deployment_schedule(reconcile.id, each.id, active=False)
    client.create_deployment_schedules(reconcile.id, [(CronSchedule(cron="0 9 * * *"), True)])
    client.pause_deployment(reconcile.id)

    assert deploy() == {}
    assert deploy(changed_file(lambda document: by_name(document)["reconcile"].update(description="Other"))) == {
        "reconcile/reconcile": ("description",)
    }
    found = client.read_deployment_by_name("reconcile/reconcile")
    assert found.paused
    assert {(each.slug, each.active) for each in found.schedules} == {
        ("steady", False),
        (None, True),
    }

    client.resume_deployment(reconcile.id)
    for each in found.schedules:
        client.delete_deployment_schedule(found.id, each.id)


def test_the_night_is_switched_on_where_an_inbox_is_set(client, deploy, deployed) -> None:
    assert deploy(inbox="/albums") == {"render-inbox/render-inbox": ("schedule nightly",)}
    assert deploy(inbox="/albums") == deploy() == {}
    nightly = client.read_deployment_by_name("render-inbox/render-inbox").schedules[0]
    assert nightly.active
    client.update_deployment_schedule(client.read_deployment_by_name("render-inbox/render-inbox").id, nightly.id, False)


def test_a_pool_of_another_type_keeps_its_template(client, deploy, deployed) -> None:
    from prefect.client.schemas.actions import WorkPoolCreate

    theirs = {"job_configuration": {"image": "{{ image }}"}, "variables": {"properties": {"image": {"type": "string"}}}}
    client.create_work_pool(WorkPoolCreate(name="boxes", type="docker", base_job_template=theirs))

    def add(document):
        document["definitions"]["pools"]["boxes"] = {"description": "Theirs."}

    assert deploy(changed_file(add))["boxes"] == ("description",)
    found = client.read_work_pool("boxes")
    assert (found.type, found.base_job_template) == ("docker", theirs)


def test_a_pool_takes_the_job_template_beside_the_file(client, deploy, deployed, tmp_path: Path) -> None:
    def add(document):
        document["definitions"]["pools"]["docks"] = {"type": "docker", "job_template": "job-templates/docker.json"}

    document = yaml.safe_load(default_deployment_file().read_text())
    add(document)
    beside = tmp_path / "infra"
    (beside / "job-templates").mkdir(parents=True)
    template = default_deployment_file().parent / "job-templates" / "docker.json"
    (beside / "job-templates" / "docker.json").write_bytes(template.read_bytes())
    (beside / "prefect.yaml").write_text(json.dumps(document))
    file = read_deployment_file(beside / "prefect.yaml")
    assert deploy(file)["docks"] == "made"
    assert deploy(file) == {}
    assert client.read_work_pool("docks").base_job_template == json.loads(template.read_text())


def test_prefects_own_command_reads_the_same_file(
    deploy, deployed, prefect_server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "prefect", "deploy", "--all", "--prefect-file", default_deployment_file()],
        env={**prefect_server.environment, "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("successfully created") == 6
    assert deploy() == {}


def test_the_command_says_what_it_did(prefect_server, deployed, capsys: pytest.CaptureFixture[str]) -> None:
    from flows.cli.admin.deploy import deploy

    with prefect_server.here():
        deploy(None, as_json=True)
        document = json.loads(capsys.readouterr().out)
        deploy(None, as_json=False)
    assert "Nothing had to be changed." in capsys.readouterr().out
    assert document["changed"] == 0
    kinds = {"work pool", "work queue", "concurrency limit", "deployment", "automation"}
    assert {each["kind"] for each in document["outcomes"]} == kinds


def test_silent_runs_of_ours_count_as_crashed(client, gone_silent) -> None:
    deadline_s = time.monotonic() + 3 * SILENT_AFTER_S
    while (
        state := client.read_flow_run(gone_silent["ours"]).state
    ).name == "Running" and time.monotonic() < deadline_s:
        time.sleep(0.5)
    assert (state.name, state.message) == ("Crashed", "No sign of life: its worker is gone")
    assert client.read_flow_run(gone_silent["ended"]).state.name == "Completed"
    assert client.read_flow_run(gone_silent["theirs"]).state.name == "Running"
