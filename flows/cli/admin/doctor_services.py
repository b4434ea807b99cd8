"""The checks of ``doctor`` for configured services, each with a timeout of a few seconds. They print no secrets."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from catalog.common.errors import SonglineError
from catalog.common.settings import Settings
from flows.cli.admin.findings import Check

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from flows.server.deployment_file import DeploymentFile

PATIENCE_S = 3.0
SKEW_S = 60.0
DEPLOY = "Run `songline deploy`"


def database(settings: Settings) -> Iterator[Check]:
    """Check the catalog on a PostgreSQL server."""
    if not settings.database_url.startswith("postgres"):
        return
    from db.errors import DatabaseUnusable
    from db.identity import REVISION
    from db.server_check import inspect_server

    name = "PostgreSQL"
    try:
        found = inspect_server(settings.database_url, patience_s=PATIENCE_S)
    except DatabaseUnusable as error:
        yield Check(name, "missing", error.what, error.remedy)
        return
    told = f"{found.version} at {found.where}, answers in {1e3 * found.latency_s:.0f} ms"
    if not found.may_write:
        yield Check(name, "missing", f"{told}; its user may not write", "GRANT its user all rights in the database")
    elif found.revision is None:
        yield Check(name, "note", f"{told}; no catalog yet", "The first command that needs it makes it")
    elif not REVISION.fullmatch(found.revision):
        told += f"; its revision {found.revision!r} is none of Songline's"
        yield Check(name, "missing", told, "Point SONGLINE_DATABASE_URL to a database of Songline's own")
    elif found.revision > found.expected:
        told += f"; written by a newer Songline (schema {found.revision}, here {found.expected})"
        yield Check(name, "missing", told, "Upgrade Songline")
    elif found.revision < found.expected:
        told += f"; schema {found.revision}, this Songline's is {found.expected}"
        yield Check(name, "note", told, "The next command migrates it: stop older workers first, and take a backup")
    else:
        yield Check(name, "ok", f"{told}; schema {found.revision}, writable")


def store(settings: Settings) -> Iterator[Check]:
    """Check the store in a bucket by writing, reading and removing a small object."""
    if not settings.store_url:
        return
    from catalog.store.factory import store_of

    name = "store"
    try:
        bucket = store_of(settings).with_timeout(PATIENCE_S)
        began = time.perf_counter()
        kept = bucket.put_bytes(secrets.token_bytes(64))
        skew_s = kept.stored_at - time.time()
        readable = bucket.verify(kept.digest)
        bucket.delete(kept.digest)
        took_s = time.perf_counter() - began
    except SonglineError as error:
        yield Check(name, "missing", error.what, error.remedy)
        return
    told = f"{settings.store_url} at {settings.s3_endpoint}"
    if not readable:
        yield Check(name, "missing", f"{told}; what was written reads otherwise", "Look at its disks and its proxy")
    elif abs(skew_s) > SKEW_S:
        found = f"{told}; its clock and ours are {abs(skew_s):.0f} s apart"
        yield Check(name, "note", found, "Set both clocks, for instance by NTP: past 15 minutes it refuses us")
    else:
        yield Check(name, "ok", f"{told}; written, read and removed in {1e3 * took_s:.0f} ms")


def prefect(settings: Settings) -> Iterator[Check]:
    """Check the Prefect server, its pools with their workers, the deployments and the notification block."""
    from flows.server.client import hurried_client, is_set

    if not is_set():
        return
    try:
        with hurried_client(PATIENCE_S) as client:
            yield _server(client)
            yield from _on_server(client, settings)
    except SonglineError as error:
        yield Check("Prefect server", "missing", error.what, error.remedy)


def _server(client: SyncPrefectClient) -> Check:
    from prefect import __version__

    asked = time.perf_counter()
    version = client.api_version()
    took_s = time.perf_counter() - asked
    where = urlsplit(str(client.api_url))
    told = f"{version} at {where.scheme}://{where.hostname}:{where.port}, answers in {1e3 * took_s:.0f} ms"
    if version != __version__:
        remedy = f"Install Prefect {__version__} there, as workers and server are tested together"
        return Check("Prefect server", "note", f"{told}; here it is {__version__}", remedy)
    return Check("Prefect server", "ok", told)


def _on_server(client: SyncPrefectClient, settings: Settings) -> Iterator[Check]:
    from flows.server.deployment_file import default_deployment_file, read_deployment_file
    from flows.server.notifications import missing_block

    file = read_deployment_file(default_deployment_file())
    for pool in file.definitions.pools:
        yield _pool(client, pool)
    yield _deployments(client, file)
    if settings.notify:
        problem = missing_block(client, settings)
        told = settings.notify if problem is None else problem.what
        yield Check("notifications", "note" if problem else "ok", told, problem.remedy if problem else "")


def _pool(client: SyncPrefectClient, pool: str) -> Check:
    from prefect.client.schemas.objects import WorkerStatus
    from prefect.exceptions import ObjectNotFound

    name = f"work pool {pool}"
    try:
        found = client.read_work_pool(pool)
    except ObjectNotFound:
        return Check(name, "missing", "not there", DEPLOY)
    workers = client.read_workers_for_work_pool(pool)
    online = sum(worker.status == WorkerStatus.ONLINE for worker in workers)
    if found.is_paused:
        return Check(name, "missing", "paused", f"Run `prefect work-pool resume {pool}`")
    if not online:
        remedy = f"Start one with `songline worker --pool {pool}`, or run `make stack`"
        return Check(name, "missing", f"no worker is online, of {len(workers)} known", remedy)
    return Check(name, "ok", f"{online} workers online" if online > 1 else "1 worker online")


def _deployments(client: SyncPrefectClient, file: DeploymentFile) -> Check:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    names = [each.name for each in file.deployments]
    found = client.read_deployments(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)))
    there = {deployment.name for deployment in found}
    missing = [name for name in names if name not in there]
    if missing:
        return Check("deployments", "missing", f"not there: {', '.join(missing)}", DEPLOY)
    return Check("deployments", "ok", f"all {len(file.deployments)} there")
