"""Work of a batch is leased and committed at once, with the promises that each piece has by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import TransientError, WorkError
from catalog.ledger.results import render_products, step_results
from catalog.ledger.work import ExecutionEnvironment, Lease, Product, ScoreRecord, StepOutcome, StepRequest, WorkStatus
from catalog.recipe import Recipe
from db.tables.album import Render, Step
from db.tables.provenance import Activity, Artifact
from db.tables.selection import Score
from tasks.steps.commit_buffer import CommitBuffer
from tasks.steps.run_step import run_steps
from tests.support.statements import counted

pytestmark = pytest.mark.both_databases
HERE = ExecutionEnvironment("test", {}, "cpu")
RECIPES = [Recipe("faulty", 1, seed, 10.0, {"prompt": "x"}) for seed in range(12)]
KEYS = [recipe.digest for recipe in RECIPES]


def claimed(catalog: Catalog, keys=KEYS) -> list[Lease]:
    catalog.ledger.declare_renders(RECIPES)
    leases = catalog.ledger.claim_many("render", keys)
    assert list(leases) == list(keys)
    return [lease for lease in leases.values() if isinstance(lease, Lease)]


def stored(catalog: Catalog, lease: Lease, folder: Path, content: bytes | None = None):
    path = folder / f"{lease.key[:8]}.wav"
    path.write_bytes(content or lease.key.encode())
    outcome = StepOutcome(products=(Product("audio", path, "audio/wav", "e" * 64),))
    return catalog.ledger.store(lease, outcome, seconds=1.0, execution=HERE)


def count(catalog: Catalog, table) -> int:
    with catalog.database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def test_as_many_statements_commit_a_batch_as_one_piece_of_work(catalog: Catalog, tmp_path: Path) -> None:
    catalog.ledger.declare_renders(RECIPES)
    counts = []
    for keys in (KEYS[:1], KEYS[1:]):
        with counted(catalog.database) as sent:
            leases = claimed(catalog, keys)
            assert catalog.ledger.commit_many([stored(catalog, lease, tmp_path) for lease in leases]) == set()
        counts.append(len(sent))
    assert counts[0] == counts[1]
    assert count(catalog, Activity) == count(catalog, Artifact) == len(RECIPES)
    assert {status.state for status in catalog.ledger.statuses("render", KEYS).values()} == {"rendered"}


def test_what_another_took_over_is_left_out_of_a_batch(catalog: Catalog, settings, tmp_path: Path) -> None:
    leases = claimed(catalog)
    with catalog.database.write() as session:
        session.execute(sa.update(Render).where(Render.key == KEYS[3]).values(lease_until=0.0))
    with open_catalog(settings) as other:
        assert isinstance(other.ledger.claim("render", KEYS[3]), Lease)
        batch = [stored(catalog, lease, tmp_path) for lease in leases]
        assert catalog.ledger.commit_many(batch) == {KEYS[3]}
    assert render_products(catalog.database, KEYS[3]) == {}
    assert count(catalog, Activity) == len(RECIPES) - 1
    assert catalog.ledger.statuses("render", [KEYS[3]])[KEYS[3]].state == "leased"


def test_the_same_bytes_twice_in_a_batch_are_one_artifact(catalog: Catalog, tmp_path: Path) -> None:
    leases = claimed(catalog, KEYS[:2])
    catalog.ledger.commit_many([stored(catalog, lease, tmp_path, b"alike") for lease in leases])
    assert count(catalog, Artifact) == 1
    assert render_products(catalog.database, KEYS[0]) == render_products(catalog.database, KEYS[1])


def test_claiming_many_gives_a_status_of_what_is_not_free(catalog: Catalog, settings, tmp_path: Path) -> None:
    catalog.ledger.declare_renders(RECIPES)
    with open_catalog(settings) as other:
        (lease,) = claimed(other, KEYS[:1])
        other.ledger.commit_many([stored(other, lease, tmp_path)])
        assert len(claimed(other, KEYS[1:2])) == 1
        found = catalog.ledger.claim_many("render", KEYS[:4])
    assert found[KEYS[0]] == WorkStatus("rendered")
    taken = found[KEYS[1]]
    assert isinstance(taken, WorkStatus)
    assert (taken.state, taken.wait_s > 0) == ("leased", True)
    assert all(isinstance(found[key], Lease) for key in KEYS[2:4])
    # The other process has ended: what it held is free at once, in the same call as the rest.
    again = catalog.ledger.claim_many("render", KEYS[:6])
    assert [key for key in KEYS[:6] if isinstance(again[key], Lease)] == [KEYS[1], *KEYS[4:6]]


def steps(catalog: Catalog, count: int) -> list[StepRequest]:
    requests = [StepRequest("score", 1, {"number": number}) for number in range(count)]
    catalog.ledger.declare_steps(requests)
    return requests


def test_a_step_that_fails_never_fails_the_others_of_its_batch(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(context) -> StepOutcome:
        number = context.request.parameters["number"]
        assert list(context.scratch.iterdir()) == []
        (context.scratch / "left").write_text("something")
        if number == 1:
            raise WorkError("this one is bad", remedy="Mend it")
        if number == 2:
            raise TransientError("the device is busy")
        return StepOutcome({"number": number}, records=(ScoreRecord("plr_db", "x", 1, "dB", number, None),))

    monkeypatch.setattr("tasks.steps.run_step._worker", lambda request: work)
    keys = [request.key for request in steps(catalog, 4)]
    statuses = run_steps(catalog, keys, HERE)
    assert [statuses[key].state for key in keys] == ["done", "failed", "planned", "done"]
    results = step_results(catalog.database, keys)
    assert {key: result.result for key, result in results.items()} == {keys[0]: {"number": 0}, keys[3]: {"number": 3}}
    assert run_steps(catalog, keys, HERE)[keys[1]].state == "failed"
    assert count(catalog, Score) == 2


def test_rows_that_cannot_be_written_cost_only_the_work_that_they_are_of(catalog: Catalog) -> None:
    requests = steps(catalog, 3)
    leases = catalog.ledger.claim_many("step", [request.key for request in requests])
    buffer = CommitBuffer(catalog, "score")
    for number, lease in enumerate(leases.values()):
        assert isinstance(lease, Lease)
        # The second has one metric twice, which the catalog refuses.
        records = tuple(ScoreRecord("plr_db", "x", 1, "dB", 1.0, None) for _ in range(2 if number == 1 else 1))
        buffer.add(catalog.ledger.store(lease, StepOutcome(records=records), seconds=0.1, execution=HERE))
    buffer.flush()
    states = [catalog.ledger.statuses("step", [request.key])[request.key].state for request in requests]
    assert states == ["done", "planned", "done"]
    with catalog.database.read() as session:
        assert session.scalar(sa.select(Step.attempts).where(Step.key == requests[1].key)) == 1
    assert count(catalog, Score) == 2


def test_renewing_keeps_the_leases_that_stand_and_no_others(catalog: Catalog, settings) -> None:
    from catalog.ledger import states

    leases = claimed(catalog, KEYS[:3])
    with catalog.database.write() as session:
        session.execute(sa.update(Render).values(lease_until=0.0))
    with open_catalog(settings) as other:
        fresh = other.ledger.claim("render", KEYS[0])
        assert isinstance(fresh, Lease)
        states.renew(catalog.database, leases, 3000.0)
        with catalog.database.read() as session:
            until = dict(session.execute(sa.select(Render.key, Render.lease_until)).tuples().all())
    assert until[KEYS[1]] == pytest.approx(until[KEYS[2]], abs=5)
    assert (until[KEYS[1]] or 0) - (until[KEYS[0]] or 0) > 2000
