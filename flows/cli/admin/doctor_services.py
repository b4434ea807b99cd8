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
    from db.errors import RUN_ACCESS, DatabaseUnusable
    from db.identity import REVISION
    from db.server_check import inspect_server

    name = "PostgreSQL"
    try:
        server = inspect_server(settings.database_url, patience_s=PATIENCE_S)
    except DatabaseUnusable as error:
        yield Check(name, "missing", error.what, error.remedy)
        return
    description = f"{server.version} at {server.where}, answers in {1e3 * server.latency_s:.0f} ms"
    if not server.may_write:
        yield Check(
            name, "missing", f"{description}; its user may not write", "GRANT its user all rights in the database"
        )
    elif server.revision is None:
        yield Check(name, "note", f"{description}; no catalog yet", "The first command that needs it makes it")
    elif not REVISION.fullmatch(server.revision):
        description += f"; its revision {server.revision!r} is none of Songline's"
        yield Check(name, "missing", description, "Point SONGLINE_DATABASE_URL to a database of Songline's own")
    elif server.revision > server.expected:
        description += f"; written by a newer Songline (schema {server.revision}, here {server.expected})"
        yield Check(name, "missing", description, "Upgrade Songline")
    elif server.revision < server.expected and not server.may_migrate:
        description += f"; schema {server.revision} must be brought to {server.expected}, which only its owner may do"
        yield Check(name, "missing", description, RUN_ACCESS)
    elif server.revision < server.expected:
        description += f"; schema {server.revision}, this Songline's is {server.expected}"
        yield Check(
            name, "note", description, "The next command migrates it: stop older workers first, and take a backup"
        )
    else:
        yield Check(name, "ok", f"{description}; schema {server.revision}, writable")


def store(settings: Settings) -> Iterator[Check]:
    """Check the store in a bucket by writing, reading and removing a small object."""
    if not settings.store_url:
        return
    from catalog.store.factory import store_of

    name = "store"
    try:
        bucket = store_of(settings).with_timeout(PATIENCE_S)
        start_s = time.perf_counter()
        stored_object = bucket.put_bytes(secrets.token_bytes(64))
        skew_s = stored_object.stored_at - time.time()
        is_readable = bucket.verify(stored_object.digest)
        bucket.delete(stored_object.digest)
        took_s = time.perf_counter() - start_s
    except SonglineError as error:
        yield Check(name, "missing", error.what, error.remedy)
        return
    description = f"{settings.store_url} at {settings.s3_endpoint}"
    if not is_readable:
        yield Check(
            name,
            "missing",
            f"{description}; what was read differs from what was written",
            "Check its disks and its proxy",
        )
    elif abs(skew_s) > SKEW_S:
        clock_note = f"{description}; its clock and ours are {abs(skew_s):.0f} s apart"
        yield Check(
            name, "note", clock_note, "Set both clocks, for instance by NTP: beyond 15 minutes it refuses requests"
        )
    else:
        yield Check(name, "ok", f"{description}; written, read and removed in {1e3 * took_s:.0f} ms")


def prefect(settings: Settings) -> Iterator[Check]:
    """Check the Prefect server, its pools with their workers, the deployments and the notification block."""
    from flows.server.client import client_with_timeout, is_set

    if not is_set():
        return
    try:
        with client_with_timeout(PATIENCE_S) as client:
            yield _server(client)
            yield from _on_server(client, settings)
    except SonglineError as error:
        yield Check("Prefect server", "missing", error.what, error.remedy)


def _server(client: SyncPrefectClient) -> Check:
    from prefect import __version__

    start_s = time.perf_counter()
    version = client.api_version()
    took_s = time.perf_counter() - start_s
    url = urlsplit(str(client.api_url))
    description = f"{version} at {url.scheme}://{url.hostname}:{url.port}, answers in {1e3 * took_s:.0f} ms"
    if version != __version__:
        remedy = f"Install Prefect {__version__} there, as workers and server are tested together"
        return Check("Prefect server", "note", f"{description}; here it is {__version__}", remedy)
    return Check("Prefect server", "ok", description)


def _on_server(client: SyncPrefectClient, settings: Settings) -> Iterator[Check]:
    from flows.server.deployment_file import default_deployment_file, read_deployment_file
    from flows.server.notifications import missing_block

    file = read_deployment_file(default_deployment_file())
    for pool in file.definitions.pools:
        yield _pool(client, pool)
    yield _deployments(client, file)
    if settings.notify:
        problem = missing_block(client, settings)
        description = settings.notify if problem is None else problem.what
        yield Check("notifications", "note" if problem else "ok", description, problem.remedy if problem else "")


def _pool(client: SyncPrefectClient, pool: str) -> Check:
    from prefect.client.schemas.objects import WorkerStatus
    from prefect.exceptions import ObjectNotFound

    name = f"work pool {pool}"
    try:
        work_pool = client.read_work_pool(pool)
    except ObjectNotFound:
        return Check(name, "missing", "not there", DEPLOY)
    workers = client.read_workers_for_work_pool(pool)
    online_count = sum(worker.status == WorkerStatus.ONLINE for worker in workers)
    if work_pool.is_paused:
        return Check(name, "missing", "paused", f"Run `prefect work-pool resume {pool}`")
    if not online_count:
        remedy = f"Start one with `songline worker --pool {pool}`, or run `make stack`"
        return Check(name, "missing", f"no worker is online, of {len(workers)} known", remedy)
    return Check(name, "ok", f"{online_count} workers online" if online_count > 1 else "1 worker online")


def _deployments(client: SyncPrefectClient, file: DeploymentFile) -> Check:
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName

    names = [declaration.name for declaration in file.deployments]
    deployments = client.read_deployments(deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)))
    known_names = {deployment.name for deployment in deployments}
    missing_names = [name for name in names if name not in known_names]
    if missing_names:
        return Check("deployments", "missing", f"not there: {', '.join(missing_names)}", DEPLOY)
    return Check("deployments", "ok", f"all {len(file.deployments)} there")
