"""The flow that holds the pools to the catalog: it frees lost leases, and has a run in charge of every active album."""

from __future__ import annotations

from datetime import UTC, datetime

from prefect import flow

from catalog.submissions import free_lost_leases, submissions
from flows.carrying import house_of_run
from flows.dispatch import PrefectDispatcher
from flows.pruning import prune_runs
from flows.server import server_client
from flows.submitting import ensure_charge


@flow(name="reconcile", flow_run_name="reconcile", persist_result=False)
def reconcile() -> str:
    """Compare what should run with what runs. Doing it once more is always right."""
    dispatcher = PrefectDispatcher()
    with house_of_run() as house:
        freed = free_lost_leases(house.database)
        active = submissions(house.database, state="active")
        changed = sum(ensure_charge(house.database, each, dispatcher) != each for each in active)
    with server_client() as client:
        removed = prune_runs(house.settings, client, now=datetime.now(UTC))
    return (
        f"{freed} leases freed, {len(active)} albums active, {changed} given to a new run, {removed} old runs removed"
    )
