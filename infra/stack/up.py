"""Starts the stack: what runs and answers is left alone, all else is started in order."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from catalog.common.errors import MachineError
from infra.stack import postgres, services
from infra.stack.choices import Choices, choose, is_free, keep, with_port
from infra.stack.down import end_in_order, end_leftovers, mark
from infra.stack.files import ROOT, StackPaths, write_environment
from infra.stack.logs import bound_logs
from infra.stack.processes import Service, await_answer, last_line, start
from infra.stack.records import Record, process_of, read_records, write_records

PATIENCE_S = 30.0
"""Seconds for a running service to answer before it is restarted, as the services it needs may just have restarted."""
DEPLOY = (sys.executable, "-m", "flows.cli", "deploy")
DEPLOY_S = 300.0
PrintLine = Callable[[str], None]


def up(paths: StackPaths, *, gpus: str | None, print_line: PrintLine) -> None:
    """Start what is missing. Raises MachineError where a service does not start; those started before keep running."""
    choices = choose(paths.choices, gpus)
    for name in bound_logs(paths.log("").parent):
        print_line(f"{name}: its log had grown long and begins anew; the end of the old one lies beside it")
    startup = _Startup(paths, choices, print_line)
    startup.end_unrequested_workers()
    startup.choose_ports()
    write_environment(paths.environment, services.connection_settings(startup.choices))
    startup.start_stores()
    startup.start_server()
    startup.deploy()
    startup.start_workers()


class _Startup:
    """One run of :func:`up`: the records of started processes, and each step."""

    def __init__(self, paths: StackPaths, choices: Choices, print_line: PrintLine) -> None:
        self.paths = paths
        self.choices = choices
        self.print_line = print_line
        self.records = read_records(paths.records)

    def end_unrequested_workers(self) -> None:
        """End the workers of devices that are no longer requested."""
        service_names = services.service_names(self.choices)
        unrequested_names = [name for name in self.records if name not in service_names]
        self._end(unrequested_names)
        for name in unrequested_names:
            end_leftovers(self.paths, name)

    def choose_ports(self) -> None:
        """Keep each port, except those that another process took while the service was down."""
        for name in services.service_names(self.choices):
            is_running = self._runs(name)
            if not is_running and name != "worker-cpu":  # orphaned CPU flow runs use no device, and may finish
                end_leftovers(self.paths, name)
            port = self.choices.ports.get(name)
            if port is None or not (is_running or is_free(port)):
                if port is not None:
                    self.print_line(f"{name}: port {port} is taken, another is used from now on")
                self.choices = with_port(self.choices, name)
        keep(self.paths.choices, self.choices)

    def start_stores(self) -> None:
        """Start PostgreSQL with its databases, and MinIO, concurrently."""
        data = self.paths.data / "postgres"
        programs, user = postgres.programs_for(data), postgres.user_for(data)
        postgres.make_data(data, programs, user, self.choices.database_admin_password)
        if not self._runs("postgres"):
            postgres.remove_stale_lock(data)
        self._start_missing(
            [
                services.postgres_service(self.paths, self.choices, mark(self.paths, "postgres")),
                services.minio_service(self.paths, self.choices, mark(self.paths, "minio")),
            ]
        )
        self._give_access()

    def _give_access(self) -> None:
        """Create tables, roles and the store's user with administrator accounts, which workers never get."""
        from infra.access.bucket import Account, make_bucket_user
        from infra.access.database import make_databases

        choices = self.choices
        make_databases(
            postgres.admin_url(choices.ports["postgres"], choices.database_admin_password),
            catalog_password=choices.database_password,
            prefect_password=choices.prefect_database_password,
        )
        make_bucket_user(
            services.connection_settings(choices)["SONGLINE_S3_ENDPOINT"],
            root=Account(choices.minio_root_user, choices.minio_root_password),
            user=Account(choices.s3_access_key, choices.s3_secret_key),
            locations=services.store_locations(choices),
        )

    def start_server(self) -> None:
        """Start the Prefect server."""
        self._start_missing([services.prefect_service(self.paths, self.choices, mark(self.paths, "prefect-server"))])

    def deploy(self) -> None:
        """Register the deployments with their pools and other objects. Idempotent."""
        log = self.paths.log("deploy")
        environment = services.deploying_environment(self.paths, self.choices)
        with log.open("wb") as output:
            try:
                process = subprocess.run(
                    DEPLOY,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=DEPLOY_S,
                    cwd=ROOT,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise MachineError("`songline deploy` did not end", remedy=f"Read {log}") from error
        if process.returncode:
            raise MachineError(f"`songline deploy` failed: {last_line(log)}", remedy=f"Read {log}")
        self.print_line("deployments: registered")

    def start_workers(self) -> None:
        """Start the workers concurrently."""
        self._start_missing(
            [
                services.worker_service(self.paths, self.choices, name, mark(self.paths, name))
                for name in services.worker_names(self.choices)
            ]
        )

    def _start_missing(self, group: Sequence[Service]) -> None:
        with ThreadPoolExecutor(len(group)) as threads:
            health = list(threads.map(self._is_well, group))
        services_to_start = [service for service, is_healthy in zip(group, health, strict=True) if not is_healthy]
        for service in group:
            if service not in services_to_start:
                self.print_line(f"{service.name}: runs")
        if not services_to_start:
            return
        self._end([service.name for service in services_to_start])
        started_services = [(service, self._start(service)) for service in services_to_start]
        with ThreadPoolExecutor(len(started_services)) as threads:
            for _ in threads.map(lambda pair: await_answer(*pair), started_services):
                pass
        for service, record in started_services:
            self.print_line(f"{service.name}: started, pid {record.pid}")

    def _is_well(self, service: Service) -> bool:
        """Whether the recorded process is up to date, alive and answering within PATIENCE_S."""
        record = self.records.get(service.name)
        if record is None or record.made_of != service.made_of:
            return False
        deadline_s = time.monotonic() + PATIENCE_S
        while process_of(record) is not None and time.monotonic() < deadline_s:
            if service.answers():
                return True
            time.sleep(0.5)
        return False

    def _end(self, names: Sequence[str]) -> None:
        """End processes that do not answer, or are out of date."""
        end_in_order([self.records.pop(name) for name in names if name in self.records])
        self._write()

    def _start(self, service: Service) -> Record:
        record = self.records[service.name] = start(service)
        self._write()
        return record

    def _runs(self, name: str) -> bool:
        record = self.records.get(name)
        return record is not None and process_of(record) is not None

    def _write(self) -> None:
        order = services.service_names(self.choices)
        write_records(self.paths.records, sorted(self.records.values(), key=lambda record: order.index(record.service)))
