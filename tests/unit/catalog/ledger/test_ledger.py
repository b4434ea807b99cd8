from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import LeaseLost, TransientError, WorkError
from catalog.ledger.results import render_products, step_result
from catalog.ledger.work import ExecutionEnvironment, Lease, Product, ScoreRecord, StepOutcome, StepRequest, WorkStatus
from catalog.recipe import Recipe
from db.tables.album import Render
from db.tables.provenance import Activity

pytestmark = pytest.mark.both_databases
HERE = ExecutionEnvironment("test", {}, "cpu")
RECIPE = Recipe("faulty", 1, 42, 10.0, {"prompt": "x"})
REQUEST = StepRequest("score", 1, {"a": 1}, {})


def audio(tmp_path, content=b"audio"):
    path = tmp_path / "audio.wav"
    path.write_bytes(content)
    return StepOutcome(products=(Product("audio", path, "audio/wav", "e" * 64),))


def claim(catalog, recipe=RECIPE):
    catalog.ledger.declare_renders([recipe])
    return catalog.ledger.claim("render", recipe.digest)


def expire(catalog):
    with catalog.database.write() as session:
        session.execute(sa.update(Render).values(lease_until=0.0))


def test_a_recipe_is_declared_once_and_rendered_once(catalog: Catalog, tmp_path: Path) -> None:
    lease = claim(catalog)
    assert isinstance(lease, Lease)
    catalog.ledger.commit(lease, audio(tmp_path), seconds=1.5, execution=HERE)
    assert claim(catalog) == WorkStatus("rendered")
    assert list(render_products(catalog.database, RECIPE.digest)) == ["audio"]


def test_leased_work_is_not_given_to_another(catalog: Catalog, settings) -> None:
    claim(catalog)
    with open_catalog(settings) as other:
        found = other.ledger.claim("render", RECIPE.digest)
    assert isinstance(found, WorkStatus)
    assert found.state == "leased"
    assert found.wait_s > 0


@pytest.mark.slow
def test_a_lease_that_ran_out_goes_to_the_next_with_a_higher_fence(catalog: Catalog, settings, tmp_path: Path) -> None:
    stale = claim(catalog)
    expire(catalog)
    with open_catalog(settings) as other:
        fresh = other.ledger.claim("render", RECIPE.digest)
        assert fresh.fence == stale.fence + 1
        with pytest.raises(LeaseLost):
            catalog.ledger.commit(stale, audio(tmp_path, b"late"), seconds=1, execution=HERE)
        other.ledger.commit(fresh, audio(tmp_path), seconds=1, execution=HERE)
    with catalog.database.read() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Activity)) == 1


def test_a_stale_worker_cannot_fail_what_another_holds(catalog: Catalog, settings) -> None:
    stale = claim(catalog)
    expire(catalog)
    with open_catalog(settings) as other:
        other.ledger.claim("render", RECIPE.digest)
        catalog.ledger.fail(stale, WorkError("too late"), seconds=1, execution=HERE)
        assert other.ledger.statuses("render", [RECIPE.digest])[RECIPE.digest].state == "leased"


@pytest.mark.slow
def test_renewal_keeps_a_lease_beyond_its_life(settings, tmp_path: Path) -> None:
    settings = settings.model_copy(update={"lease_s": 0.5, "renew_s": 0.1})
    with open_catalog(settings) as catalog, open_catalog(settings) as other:
        lease = claim(catalog)
        with catalog.ledger.keeping([lease]):
            time.sleep(1.2)
            assert isinstance(other.ledger.claim("render", RECIPE.digest), WorkStatus)
        catalog.ledger.commit(lease, audio(tmp_path), seconds=1, execution=HERE)


@pytest.mark.slow
def test_a_dead_processs_lease_is_free_at_once(catalog: Catalog, settings) -> None:
    script = f"""
        import os, pathlib
        from catalog.catalog import connect_catalog
        from catalog.recipe import Recipe
        from catalog.common.settings import Settings
        settings = Settings(home=pathlib.Path({str(settings.home)!r}), database_url={settings.database_url!r})
        catalog = connect_catalog(settings)
        recipe = Recipe("faulty", 1, 42, 10.0, {{"prompt": "x"}})
        catalog.ledger.declare_renders([recipe])
        print(catalog.ledger.claim("render", recipe.digest).fence, flush=True)
        os.kill(os.getpid(), 9)
    """
    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False
    )
    assert killed.stdout == "1\n"
    assert catalog.ledger.statuses("render", [RECIPE.digest])[RECIPE.digest].state == "leased"
    lease = catalog.ledger.claim("render", RECIPE.digest)
    assert isinstance(lease, Lease)
    assert lease.fence == 2


@pytest.mark.slow
def test_transient_trouble_waits_and_is_tried_again_until_it_is_enough(settings) -> None:
    settings = settings.model_copy(update={"retry_base_s": 0.05, "max_attempts": 3})
    with open_catalog(settings) as catalog:
        for attempt in (1, 2, 3):
            while isinstance(lease := claim(catalog), WorkStatus):
                assert lease.state == "planned"
                time.sleep(lease.wait_s)
            assert lease.attempt == attempt
            catalog.ledger.fail(lease, TransientError("device lost"), seconds=0.1, execution=HERE)
        found = claim(catalog)
    assert found.state == "failed"
    assert found.error["error"] == "device lost"


def test_permanent_failure_waits_for_retry(catalog: Catalog) -> None:
    catalog.ledger.fail(claim(catalog), WorkError("bad lyrics", remedy="Mend them"), seconds=0.1, execution=HERE)
    assert claim(catalog).state == "failed"
    assert catalog.ledger.retry("render", [RECIPE.digest]) == 1
    again = claim(catalog)
    assert isinstance(again, Lease)
    assert again.attempt == 1


def test_every_attempt_leaves_an_activity(catalog: Catalog, tmp_path: Path) -> None:
    catalog.ledger.fail(claim(catalog), TransientError("once"), seconds=0.5, execution=HERE)
    while isinstance(lease := claim(catalog), WorkStatus):
        time.sleep(0.01)
    catalog.ledger.commit(lease, audio(tmp_path), seconds=2.0, execution=HERE)
    with catalog.database.read() as session:
        rows = session.scalars(sa.select(Activity).order_by(Activity.started_at)).all()
        found = {(row.outcome, row.attempt, row.seed, row.seconds) for row in rows}
    assert found == {("failed", 1, 42, 0.5), ("done", 2, 42, 2.0)}


def test_of_many_who_claim_at_once_one_gets_it(catalog: Catalog, settings) -> None:
    catalog.ledger.declare_renders([RECIPE])
    won = []

    def race():
        with open_catalog(settings) as other:
            found = other.ledger.claim("render", RECIPE.digest)
            won.append(isinstance(found, Lease))
            barrier.wait()

    barrier = threading.Barrier(6)
    threads = [threading.Thread(target=race) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 5 + [True]


def test_declaring_at_once_from_many_threads_makes_one_row(catalog: Catalog) -> None:
    threads = [threading.Thread(target=catalog.ledger.declare_renders, args=([RECIPE],)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(catalog.ledger.statuses("render", [RECIPE.digest])) == [RECIPE.digest]


def test_a_steps_result_scores_and_products_come_in_one_piece(catalog: Catalog, tmp_path: Path) -> None:
    catalog.ledger.declare_steps([REQUEST])
    lease = catalog.ledger.claim("step", REQUEST.key)
    assert step_result(catalog.database, REQUEST.key) is None
    score = ScoreRecord("tempo_match", "adherence", 1, "", 0.9, None)
    both = ScoreRecord("key_match", "adherence", 1, "", 0.9, "also this")
    with pytest.raises(TransientError, match="clash"):
        catalog.ledger.commit(
            lease, StepOutcome({}, audio(tmp_path).products, (score, both)), seconds=1, execution=HERE
        )
    assert step_result(catalog.database, REQUEST.key) is None
    catalog.ledger.commit(lease, StepOutcome({"n": 1}, audio(tmp_path).products, (score,)), seconds=1, execution=HERE)
    found = step_result(catalog.database, REQUEST.key)
    assert found.result == {"n": 1}
    assert list(found.made) == ["audio"]


def test_keys_follow_everything_in_a_request() -> None:
    variants = [
        REQUEST,
        StepRequest("master", 1, {"a": 1}, {}),
        StepRequest("score", 2, {"a": 1}, {}),
        StepRequest("score", 1, {"a": 2}, {}),
        StepRequest("score", 1, {"a": 1}, {"audio": "0" * 64}),
    ]
    assert len({request.key for request in variants}) == len(variants)
