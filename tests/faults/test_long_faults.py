"""The fault suite in its long form, one fault to an album: `make faults` runs it."""

from __future__ import annotations

import io
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.stack.services import BUCKET
from tests.faults.fault_farm import GPU, Farm, Lease, farm
from tests.faults.waiting import wait_until
from tests.support.services.faulty_gateway import Fault, faulty_gateway

KILLS = 20
AT_WORK = 0.75
"""Share of the kills that wait for a render to begin; the others strike while a run is starting."""
LATER_S = 5.0
SHARE = 0.2

pytestmark = [pytest.mark.faults, pytest.mark.slow]


@pytest.fixture(scope="module")
def hurt() -> Iterator[Farm]:
    with farm() as made:
        yield made


def test_the_renderer_is_killed_twenty_times_over_one_album(hurt) -> None:
    chance = random.Random(20)
    hurt.songline("submit", hurt.manifest("killed", songs=5, seeds=6), "--until", "select")
    in_flight: set[Lease] = set()
    for _ in range(KILLS):
        wait_until(lambda: hurt.flow_runs(GPU), "a run to kill")
        if chance.random() < AT_WORK:
            hurt.await_work("killed")
        time.sleep(chance.uniform(0, LATER_S))
        in_flight |= hurt.kill_renderer()
        hurt.stack.run("up")
    hurt.await_end("killed")
    hurt.require_whole("killed", planned=30, in_flight=in_flight)


def test_the_run_in_charge_is_killed_and_the_album_submitted_again(hurt) -> None:
    manifest = hurt.manifest("orphaned", songs=2, seeds=2)
    both = [hurt.begin("submit", manifest, "--until", "select") for _ in range(2)]
    told = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    hurt.await_work("orphaned")
    assert hurt.kill_parent("orphaned") == 1
    hurt.songline("submit", manifest, "--until", "select")
    hurt.await_end("orphaned")
    assert hurt.submission("orphaned")[1] == 2
    hurt.require_whole("orphaned", planned=4)


def test_prefects_server_is_away_in_the_middle_and_near_the_end(hurt, tmp_path: Path) -> None:
    hurt.songline("submit", hurt.manifest("unseen", songs=3, seeds=2))
    in_flight = hurt.await_work("unseen")
    hurt.take_away("prefect-server", for_s=15, how=signal.SIGTERM)
    hurt.await_steps("unseen")
    hurt.take_away("prefect-server", for_s=15)
    hurt.await_end("unseen")
    hurt.require_whole("unseen", planned=6, in_flight=in_flight)
    hurt.require_released("unseen", tmp_path)


def test_catalog_and_store_are_away_in_the_middle(hurt) -> None:
    hurt.songline("submit", hurt.manifest("stranded", songs=3, seeds=2), "--until", "select")
    in_flight = hurt.await_work("stranded")
    hurt.take_away("postgres", for_s=0, how=signal.SIGINT)
    in_flight |= hurt.await_work("stranded")
    hurt.take_away("minio", for_s=20)
    hurt.await_end("stranded")
    hurt.require_whole("stranded", planned=6, in_flight=in_flight)


@pytest.mark.parametrize("fault", [(503, "SlowDown"), "cut_upload"], ids=["busy", "cut"])
def test_a_store_that_fails_a_fifth_of_its_calls_costs_no_render(hurt, fault) -> None:
    chance = random.Random(503)

    def choose(method: str, path: str) -> Fault:
        fits = method == "PUT" or fault != "cut_upload"
        return fault if fits and chance.random() < SHARE else ""

    album_id = "cut" if fault == "cut_upload" else "busy"
    endpoint = hurt.stack.variables["SONGLINE_S3_ENDPOINT"]
    with faulty_gateway(endpoint, choose) as gateway, hurt.working_with(SONGLINE_S3_ENDPOINT=gateway.endpoint):
        hurt.songline("submit", hurt.manifest(album_id, songs=3, seeds=2))
        hurt.await_end(album_id)
    assert gateway.faults > SHARE / 4 * len(gateway.requests)
    assert hurt.require_whole(album_id, planned=6) == 0


def put_to_sleep(hurt: Farm, album_id: str) -> set[Lease]:
    """Stop the renderer in the middle of a render; gives what it sleeps on."""
    while True:
        hurt.await_work(album_id)
        hurt.stack.signal_family(GPU, signal.SIGSTOP)
        if in_flight := hurt.in_flight():
            return in_flight
        hurt.stack.signal_family(GPU, signal.SIGCONT)  # it was between two


def test_a_renderer_that_slept_through_its_lease_commits_nothing(hurt) -> None:
    hurt.songline("submit", hurt.manifest("slept", songs=1, seeds=2), "--until", "select")
    try:
        in_flight = put_to_sleep(hurt, "slept")
        with hurt.second_renderer():
            wait_until(lambda: hurt.renders("slept") == {"rendered": 2}, "another to render")
            assert hurt.flow_runs(GPU)
            hurt.stack.signal_family(GPU, signal.SIGCONT)
            wait_until(lambda: not hurt.flow_runs(GPU), "the sleeper to find out")
            hurt.await_end("slept")
    finally:
        hurt.stack.signal_family(GPU, signal.SIGCONT)
    ((last_run,),) = hurt.asked("SELECT flow_run_id FROM shard WHERE album_id = 'slept' AND attempt > 1")
    for lease in in_flight:
        question = "SELECT outcome, flow_run_id FROM activity WHERE work_key = %s"
        assert hurt.asked(question, lease.key) == [("done", last_run)]
    hurt.require_whole("slept", planned=2, in_flight=in_flight)


def test_a_changed_byte_is_found_and_never_delivered(hurt, tmp_path: Path) -> None:
    hurt.songline("submit", hurt.manifest("worn", songs=1, seeds=2))
    hurt.await_end("worn")
    ((digest,),) = hurt.asked(
        "SELECT artifact_digest FROM activity_artifact JOIN activity ON activity.id = activity_id "
        "WHERE direction = 'made' AND kind = 'encode' ORDER BY started_at DESC LIMIT 1"
    )
    name, bucket = hurt.objects()[digest], hurt.bucket()
    with bucket.get_object(BUCKET, name) as answer:
        whole = answer.read()
    changed = whole[:-1] + bytes([whole[-1] ^ 1])
    bucket.put_object(BUCKET, name, io.BytesIO(changed), len(changed))
    assert hurt.json("verify", code=1)["corrupt"] == [digest]
    # Another machine, with no good copy of its own.
    told = hurt.songline("export", "worn", "--out", tmp_path / "out", code=4, SONGLINE_HOME=str(tmp_path / "home"))
    assert "corrupt in the store" in told
    assert not (tmp_path / "out" / "worn").exists()
    bucket.put_object(BUCKET, name, io.BytesIO(whole), len(whole))
    hurt.songline("export", "worn", "--out", tmp_path / "out", SONGLINE_HOME=str(tmp_path / "home"))
    hurt.require_whole("worn", planned=2)
