"""The whole stack as ``make stack`` starts it, in a folder of its own: real servers, real workers, real signals."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path

import psutil
import psycopg
import pytest
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException, S3Error

from infra.stack.processes import MARK
from tests.support.services.stack import Stack, running_stack

SERVICES = ["postgres", "minio", "prefect-server", "worker-cpu", "worker-gpu-0", "worker-gpu-1"]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack with two workers for devices that need not be there: nothing touches one before it renders."""
    with running_stack("--gpus", "0,1") as running:
        yield running


def everybody(stack: Stack) -> list[psutil.Process]:
    """Every process of the stack: the recorded ones, their children, and whoever carries the mark of a service."""
    recorded = list(each(stack.pids.values(), psutil.Process))
    children = each(recorded, lambda process: process.children(recursive=True))
    carrying = (stack.family(service) for service in SERVICES)
    return [*{*recorded, *chain.from_iterable(children), *chain.from_iterable(carrying)}]


def test_every_service_is_recorded_and_answers(stack) -> None:
    assert [record["service"] for record in stack.records] == SERVICES
    assert len({record["port"] for record in stack.records}) == len(SERVICES)
    for record in stack.records:
        assert {"service", "pid", "port", "log"} <= set(record)
        assert Path(str(record["log"])).is_file()
        socket.create_connection(("127.0.0.1", record["port"]), timeout=5).close()
    assert stack.run("status").count(" well") == len(SERVICES)


def test_the_settings_reach_it(stack) -> None:
    known = stack.variables
    with psycopg.connect(known["SONGLINE_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT current_user, current_database()").fetchone() == ("songline", "songline")
    assert bucket_of(known).bucket_exists("songline")
    assert known["SONGLINE_STORE_URL"] == "s3://songline"
    assert {
        worker["name"] for pool in ("cpu", "gpu") for worker in asked(known, f"work_pools/{pool}/workers/filter")
    } == {name for name in SERVICES if name.startswith("worker-")}
    with pytest.raises(urllib.error.HTTPError, match="401"):
        asked(known | {"PREFECT_API_AUTH_STRING": "songline:guess"}, "work_pools/filter")
    with urllib.request.urlopen(f"{known['PREFECT_UI_URL']}/ui-settings", timeout=10) as answer:
        assert json.load(answer)["api_url"] == known["PREFECT_API_URL"]


def bucket_of(known, name="SONGLINE_S3_ACCESS_KEY", secret="SONGLINE_S3_SECRET_KEY"):
    """The plain client with an account of the store, a worker's where none is named."""
    where = known["SONGLINE_S3_ENDPOINT"].removeprefix("http://")
    return Minio(where, access_key=known[name], secret_key=known[secret], secure=False, region="us-east-1")


def test_workers_reach_their_own_bucket_and_nothing_else_of_the_store(stack) -> None:
    known = stack.variables
    chosen = json.loads((stack.folder / "stack" / "choices.json").read_text())
    root = bucket_of(known | chosen, "minio_root_user", "minio_root_password")
    root.make_bucket("payroll")
    root.put_object("payroll", "june", io.BytesIO(b"sums"), 4)
    mine = bucket_of(known)
    mine.put_object("songline", "probe", io.BytesIO(b"x" * (6 << 20)), -1, part_size=5 << 20)  # in parts
    assert [each.object_name for each in mine.list_objects("songline", prefix="probe")] == ["probe"]
    mine.remove_object("songline", "probe")
    admin = MinioAdmin(
        endpoint=known["SONGLINE_S3_ENDPOINT"].removeprefix("http://"),
        credentials=StaticProvider(known["SONGLINE_S3_ACCESS_KEY"], known["SONGLINE_S3_SECRET_KEY"]),
        secure=False,
    )
    assert [bucket.name for bucket in mine.list_buckets()] == ["songline"]
    for refused in (
        lambda: list(mine.list_objects("payroll")),
        lambda: mine.get_object("payroll", "june"),
        lambda: mine.make_bucket("another"),
        lambda: mine.remove_bucket("songline"),
        lambda: mine.set_bucket_policy("songline", "{}"),
    ):
        with pytest.raises(S3Error, match="AccessDenied"):
            refused()
    for refused in (lambda: admin.user_add("mallory-1", "x" * 20), admin.user_list, admin.info):
        with pytest.raises(MinioAdminException, match="403"):
            refused()


def test_workers_change_rows_and_no_table(stack) -> None:
    with psycopg.connect(stack.variables["SONGLINE_DATABASE_URL"], autocommit=True) as connection:
        owners = connection.execute("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert owners == [("songline_owner",)]
        for change in (
            "DROP TABLE render",
            "TRUNCATE render",
            "ALTER TABLE render ADD note text",
            "CREATE TABLE mine (a int)",
            "UPDATE alembic_version SET version_num = '0'",
            "SET ROLE songline_owner",
            "CREATE ROLE mallory",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(change)
        assert connection.execute("DELETE FROM render WHERE key = 'none'").statusmessage == "DELETE 0"
    other = stack.variables["SONGLINE_DATABASE_URL"].rpartition("/")[0] + "/prefect"
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(other)


def test_the_roots_of_the_stores_are_nobodys_but_their_own(stack) -> None:
    chosen = json.loads((stack.folder / "stack" / "choices.json").read_text())
    roots = {chosen[name] for name in ("database_admin_password", "minio_root_user", "minio_root_password")}
    assert roots.isdisjoint(stack.variables.values())
    told = {name: "\0".join(psutil.Process(pid).environ().values()) for name, pid in stack.pids.items()}
    assert {name for name, values in told.items() if any(root in values for root in roots)} == {"minio"}


def test_workers_run_songlines_flows_and_change_nothing_of_them(stack) -> None:
    """A worker's credential, as it stands in the worker's environment, cannot change what other workers run."""
    told = {name: psutil.Process(pid).environ() for name, pid in stack.pids.items() if name.startswith("worker-")}
    (worker,) = {values["PREFECT_API_AUTH_STRING"] for values in told.values()}
    operator = stack.variables["PREFECT_API_AUTH_STRING"]
    assert worker != operator
    assert not any(operator in values.values() for values in told.values())
    known = stack.variables | {"PREFECT_API_AUTH_STRING": worker}
    assert asked(known, "deployments/filter")
    (deployment,) = [found["id"] for found in asked(known, "deployments/filter") if found["name"] == "render-shard"]
    jinja = {"work": {"__prefect_kind": "workspace_variable", "variable_name": "secret"}}
    for method, path, document in (
        ("POST", "automations/filter", {}),
        ("POST", "block_documents/filter", {}),
        ("POST", "variables/filter", {}),
        ("PATCH", f"deployments/{deployment}", {"entrypoint": "evil.py:flow"}),
        ("PATCH", "work_pools/gpu", {"base_job_template": {}}),
        ("POST", f"deployments/{deployment}/create_flow_run", {"job_variables": {"command": "sh"}}),
        ("POST", f"deployments/{deployment}/create_flow_run", {"parameters": jinja}),
        ("POST", f"deployments/{deployment}/create_flow_run", {"work_queue_name": "mine"}),
    ):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            asked(known, path, document, method=method)
    with pytest.raises(urllib.error.HTTPError, match="421"):
        asked(known, "deployments/filter", host="rebound.test")


def lives(process):
    """Whether a process still runs; one that only waits to be reaped does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def each(subjects, question):
    """The answers of those that are still there: flow runs come and go meanwhile."""
    for subject in subjects:
        with suppress(psutil.NoSuchProcess):
            yield question(subject)


def asked(known, path, document=None, *, method="POST", host=None):
    secret = b64encode(known["PREFECT_API_AUTH_STRING"].encode()).decode()
    headers = {"Authorization": f"Basic {secret}", "Content-Type": "application/json"}
    headers |= {"Host": host} if host else {}
    data = json.dumps(document or {}).encode()
    request = urllib.request.Request(f"{known['PREFECT_API_URL']}/{path}", data=data, headers=headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_secrets_are_for_their_owner_only(stack) -> None:
    for name in ("stack.env", "stack.json", "stack/choices.json"):
        assert (stack.folder / name).stat().st_mode & 0o777 == 0o600
    known = stack.variables
    secrets = [known["SONGLINE_S3_SECRET_KEY"], known["PREFECT_API_AUTH_STRING"], known["SONGLINE_DATABASE_URL"]]
    secrets += [
        known["PREFECT_API_AUTH_STRING"].partition(":")[2],
        known["SONGLINE_DATABASE_URL"].split(":")[2].split("@")[0],
    ]
    seen = "".join(" ".join(line) for line in each(everybody(stack), psutil.Process.cmdline))
    seen += "".join(log.read_text(errors="replace") for log in (stack.folder / "stack" / "logs").iterdir())
    seen += (stack.folder / "stack.json").read_text()
    assert not [secret for secret in secrets if secret in seen]


def test_a_shell_and_a_parser_read_the_same(stack) -> None:
    script = 'set -a; . "$0"; env -0'
    told = subprocess.run(
        ["sh", "-c", script, stack.folder / "stack.env"], env={}, capture_output=True, text=True, check=True
    )
    by_shell = dict(entry.split("=", 1) for entry in told.stdout.split("\0") if entry)
    assert stack.variables.items() <= by_shell.items()


def test_nothing_listens_off_loopback(stack) -> None:
    found = each(everybody(stack), lambda process: (process.name(), process.net_connections(kind="inet")))
    listening = {
        (name, connection.laddr.ip)
        for name, connections in found
        for connection in connections
        if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM
    }
    assert len(listening) >= 3
    assert {address for _, address in listening} <= {"127.0.0.1", "::1"}


def test_services_see_what_they_need_and_no_more(stack) -> None:
    told = {name: psutil.Process(pid).environ() for name, pid in stack.pids.items()}
    devices = {name: told[name]["CUDA_VISIBLE_DEVICES"] for name in SERVICES[3:]}
    assert devices == {"worker-cpu": "", "worker-gpu-0": "0", "worker-gpu-1": "1"}
    assert {name: told[name]["SONGLINE_DEVICE"] for name in SERVICES[3:]} == {
        "worker-cpu": "cpu",
        "worker-gpu-0": "cuda",
        "worker-gpu-1": "cuda",
    }
    assert told["worker-cpu"]["SONGLINE_RENDER_DEVICE"] == "cuda"
    assert told["worker-gpu-1"]["SONGLINE_HOME"] == str(stack.folder / "home")
    assert told["worker-gpu-1"]["PREFECT_WORKER_QUERY_SECONDS"] == "2"
    for name in ("postgres", "minio", "prefect-server"):
        own = {MARK, "SONGLINE_WORKER_AUTH_STRING"} if name == "prefect-server" else {MARK}
        assert {variable for variable in told[name] if variable.startswith("SONGLINE_")} == own
    assert all(one.get("PREFECT_API_URL") in (None, stack.variables["PREFECT_API_URL"]) for one in told.values())


def test_what_was_killed_comes_back_and_the_rest_is_left_alone(stack) -> None:
    before, variables = stack.pids, stack.variables
    killed = {"postgres", "worker-gpu-1"}
    for name in killed:
        os.kill(before[name], signal.SIGKILL)
    both = [stack.start("up"), stack.start("up")]
    told = [process.communicate(timeout=300)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    after = stack.pids
    assert {name for name in SERVICES if after[name] != before[name]} == killed
    assert stack.variables == variables
    assert sorted(text.count("started, pid") for text in told) == [0, 2]
    assert stack.run("status").count(" well") == len(SERVICES)


def test_other_devices_change_their_workers_only(stack) -> None:
    before = stack.pids
    gone = psutil.Process(before["worker-gpu-1"])
    stack.run("up", "--gpus", "")
    after = stack.pids
    assert list(after) == SERVICES[:-1]
    assert not lives(gone)
    assert psutil.Process(after["worker-gpu-0"]).environ()["CUDA_VISIBLE_DEVICES"] == ""
    assert {name for name in SERVICES[:3] if after[name] != before[name]} == set()
    assert stack.variables["SONGLINE_DEVICE"] == "cpu"


def test_down_leaves_the_data_and_no_process(stack) -> None:
    before = everybody(stack)
    assert len(before) > len(SERVICES)
    stack.run("down")
    assert [process for process in before if lives(process)] == []
    assert everybody(stack) == []
    assert stack.records == []
    assert (stack.folder / "stack" / "postgres" / "PG_VERSION").is_file()
    assert "SONGLINE_S3_SECRET_KEY" in stack.variables
