"""The parts of the stack that need no server: choices, records, files, and ending processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from catalog.common.errors import InputError, MachineError
from infra.stack import postgres, services, up
from infra.stack.choices import choose, is_free, with_port
from infra.stack.down import down
from infra.stack.files import StackPaths, write_environment
from infra.stack.logs import bound_logs
from infra.stack.processes import MARK, Service, end, marked, start
from infra.stack.records import birth_of, process_of, read_records, write_records

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
depth = int(sys.argv[1])
child = subprocess.Popen([sys.executable, __file__, str(depth - 1)]) if depth else None
print("ready", depth, flush=True)
time.sleep(60)
"""


@pytest.fixture
def places(tmp_path: Path):
    return StackPaths(tmp_path / "a folder")


@pytest.fixture
def stubborn(tmp_path: Path):
    """A service that ignores SIGTERM and has a child and a grandchild that do so too."""
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)
    service = Service(
        name="worker-gpu-0",
        command=(sys.executable, str(script), "2"),
        port=0,
        log=tmp_path / "stubborn.log",
        mark=f"{tmp_path}/worker-gpu-0",
        answers=lambda: True,
        settings={},
        inherited=os.environ,
    )
    record = start(service)
    until(lambda: service.log.read_text().count("ready") == 3)
    yield service, record
    for process in marked(service.mark):
        process.kill()


def until(holds):
    deadline_s = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_choices_are_made_once(places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    first = choose(places.choices, None)
    assert first.gpus == ("3", "5")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    assert choose(places.choices, None) == first
    assert choose(places.choices, "") == replace(first, gpus=())
    assert choose(places.choices, None).gpus == ()
    assert places.choices.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("gpus", ["0,0", "0;1", "$(id)"])
def test_devices_that_are_none_are_refused(places, gpus) -> None:
    with pytest.raises(InputError, match="GPUS=0,1"):
        choose(places.choices, gpus)


def test_damaged_choices_are_not_made_anew(places) -> None:
    choose(places.choices, "")
    places.choices.write_text("{}")
    with pytest.raises(MachineError, match="damaged"):
        choose(places.choices, "")


def test_a_stack_from_before_the_stores_user_keeps_all_else(places) -> None:
    first = choose(places.choices, "")
    known = json.loads(places.choices.read_text())
    places.choices.write_text(json.dumps({name: value for name, value in known.items() if "minio" not in name}))
    after = choose(places.choices, "")
    assert replace(after, minio_root_user="", minio_root_password="") == replace(
        first, minio_root_user="", minio_root_password=""
    )
    assert after.minio_root_password not in ("", first.minio_root_password)


def test_a_log_stays_within_its_bounds_and_its_service_goes_on_writing(tmp_path: Path) -> None:
    log = tmp_path / "minio.log"
    with log.open("ab", buffering=0) as service:
        for turn in range(6):
            service.write(bytes([65 + turn]) * 300)
            assert bound_logs(tmp_path, max_bytes=200) == ["minio"]
            service.write(b"next")
            assert log.read_bytes() == b"next"
            assert bound_logs(tmp_path, max_bytes=200) == []
            service.truncate(0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["minio.log", *(f"minio.log.{n}" for n in (1, 2, 3))]
    assert [(tmp_path / f"minio.log.{n}").read_bytes() for n in (1, 2, 3)] == [bytes([c]) * 200 for c in b"FED"]


def test_workers_write_releases_beside_the_stack_unless_told_otherwise(places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SONGLINE_RELEASES", raising=False)
    choices = choose(places.choices, "")
    for name in services.service_names(choices):
        choices = with_port(choices, name)
    assert services.client_settings(places, choices)["SONGLINE_RELEASES"] == str(places.folder / "releases")
    monkeypatch.setenv("SONGLINE_RELEASES", "/srv/records")
    assert services.client_settings(places, choices)["SONGLINE_RELEASES"] == "/srv/records"


@pytest.mark.parametrize(("gpus", "renders"), [("3,5", "cuda"), ("", "cpu")])
def test_the_worker_of_the_cpu_pool_works_on_cores_and_plans_for_what_renders(
    places, monkeypatch: pytest.MonkeyPatch, gpus, renders
) -> None:
    monkeypatch.setenv("SONGLINE_RENDER_DEVICE", "same")
    choices = choose(places.choices, gpus)
    for name in services.service_names(choices):
        choices = with_port(choices, name)
    told = {}
    for name in services.worker_names(choices):
        service = services.worker_service(places, choices, name, "mark")
        given = {**service.inherited, **service.settings}
        told[name] = tuple(given[key] for key in ("SONGLINE_DEVICE", "SONGLINE_RENDER_DEVICE", "CUDA_VISIBLE_DEVICES"))
    assert told.pop("worker-cpu") == ("cpu", renders, "")
    assert told == {
        f"worker-gpu-{device or 0}": (renders, "same", device) for device in (gpus.split(",") if gpus else [""])
    }


def test_what_deploys_is_told_of_the_prefect_server_and_of_no_store(places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONGLINE_S3_SECRET_KEY", "the caller's own")
    monkeypatch.setenv("SONGLINE_INBOX", "s3://night")
    choices = choose(places.choices, "")
    for name in services.service_names(choices):
        choices = with_port(choices, name)
    told = services.deploying_environment(places, choices)
    assert told["PREFECT_API_AUTH_STRING"].endswith(choices.prefect_password)
    assert told["SONGLINE_INBOX"] == "s3://night"
    assert not [name for name in told if "S3" in name or "DATABASE" in name or "STORE" in name]
    assert services.store_locations(choices) == ["s3://songline", "s3://night"]


def test_no_port_is_chosen_twice(places) -> None:
    choices = choose(places.choices, "")
    for name in services.service_names(choices):
        choices = with_port(choices, name)
    assert len(set(choices.ports.values())) == len(services.service_names(choices))


def test_a_port_that_a_stranger_took_is_given_up(places) -> None:
    kept = with_port(choose(places.choices, ""), "minio")
    told: list[str] = []
    with socket.create_server(("127.0.0.1", kept.ports["minio"])):
        assert not is_free(kept.ports["minio"])
        bringing = up._Startup(places, kept, told.append)
        bringing.choose_ports()
    assert bringing.choices.ports["minio"] != kept.ports["minio"]
    assert choose(places.choices, None) == bringing.choices
    assert told == [f"minio: port {kept.ports['minio']} is taken, another is used from now on"]


def test_variables_mean_the_same_to_a_shell_and_to_a_parser(places) -> None:
    with pytest.raises(MachineError, match="NAME"):
        write_environment(places.environment, {"NAME": "a b"})
    assert not places.environment.exists()


def test_a_pid_that_went_to_somebody_else_is_not_ours(places, stubborn) -> None:
    _, record = stubborn
    stranger = replace(record, birth="another boot/1")
    assert process_of(record) is not None
    assert process_of(stranger) is None
    write_records(places.records, [stranger])
    told: list[str] = []
    down(places, print_line=told.append)
    assert told == ["worker-gpu-0: was not running"]
    assert process_of(record) is not None
    assert read_records(places.records) == {}


def test_a_birth_stays_and_is_its_own(stubborn) -> None:
    _, record = stubborn
    assert birth_of(record.pid) == record.birth != birth_of(os.getpid())


@pytest.mark.slow
def test_what_does_not_end_is_ended_with_its_children(stubborn) -> None:
    service, record = stubborn
    assert len(marked(service.mark)) == 3
    before = time.monotonic()
    end([record], timeout_s=0.3)
    assert time.monotonic() - before < 5
    assert marked(service.mark) == []


def test_orphans_of_a_killed_worker_are_ended_by_their_mark(places, stubborn) -> None:
    service, record = stubborn
    os.kill(record.pid, signal.SIGKILL)
    until(lambda: process_of(record) is None)
    orphans = marked(service.mark)
    assert len(orphans) == 2
    assert all(process.environ()[MARK] == service.mark for process in orphans)


def test_another_command_line_makes_another_service(stubborn) -> None:
    service, record = stubborn
    assert record.made_of == service.made_of
    assert replace(service, settings={"CUDA_VISIBLE_DEVICES": "1"}).made_of != service.made_of
    assert replace(service, inherited={}).made_of == service.made_of


def test_an_absent_store_is_told_with_its_remedy(places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MINIO", places.folder / "minio")
    with pytest.raises(MachineError, match="make minio"):
        services.minio_service(places, choose(places.choices, ""), "")


def test_data_of_another_postgres_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").write_text("9\n")
    with pytest.raises(MachineError, match="written by PostgreSQL 9"):
        postgres.programs_for(tmp_path)


def test_a_lock_of_a_dead_server_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    lock = tmp_path / "postmaster.pid"
    lock.write_text(f"{os.getpid()}\n{tmp_path}\n")
    postgres.remove_stale_lock(tmp_path)
    assert not lock.exists()
    sleeping = tmp_path / "postgres"
    sleeping.symlink_to("/bin/sleep")
    with subprocess.Popen([sleeping, "60"], cwd=tmp_path) as server:
        lock.write_text(f"{server.pid}\n{tmp_path}\n")
        until(lambda: psutil.Process(server.pid).name() == "postgres")
        postgres.remove_stale_lock(tmp_path)
        assert lock.exists()
        server.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_a_folder_that_the_servers_user_cannot_enter_is_told(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir(mode=0o700)
    with pytest.raises(MachineError, match="may not enter"):
        postgres.make_data(shut / "postgres", postgres.programs_for(shut / "postgres"), "nobody", "secret")
