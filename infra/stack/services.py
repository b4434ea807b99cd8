"""The services of the stack: their commands and settings, and the settings for reaching them."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping

from catalog.common.errors import MachineError
from catalog.network.proxies import past_proxies
from infra.stack import postgres
from infra.stack.choices import Choices
from infra.stack.files import ROOT, StackPaths, private_folder
from infra.stack.processes import Service

MINIO = ROOT / ".songline" / "bin" / "minio"
BUCKET = "songline"
QUIET = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_CLI_PROMPT": "false"}
WORKING = {"PREFECT_WORKER_QUERY_SECONDS": "2", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
OWN_PREFECT = ("PREFECT_SERVER_SERVICES_", "PREFECT_LOGGING_", "PREFECT_WORKER_QUERY_", "PREFECT_FLOWS_")
"""Prefixes of the caller's Prefect settings that apply; the others belong to another Prefect server."""
SECRET = ("AWS_", "MINIO_", "PG", "PREFECT_", "SONGLINE_")
"""Prefixes of environment variables that are passed only to the services that need them."""
DEPLOYED = ("SONGLINE_HOME", "SONGLINE_INBOX", "SONGLINE_NOTIFY")
"""Songline's settings that the deploying command reads."""


def worker_names(choices: Choices) -> tuple[str, ...]:
    """The services of workers: one for the CPU pool, and one per device, or a single one without a GPU."""
    return ("worker-cpu", *(f"worker-gpu-{device}" for device in choices.gpus or ("0",)))


def service_names(choices: Choices) -> tuple[str, ...]:
    """Every service, in start order."""
    return ("postgres", "minio", "prefect-server", *worker_names(choices))


def connection_settings(choices: Choices) -> dict[str, str]:
    """The variables that a shell, a worker or a flow run needs to reach the stack."""
    ports = choices.ports
    server = f"http://127.0.0.1:{ports['prefect-server']}"
    return {
        "SONGLINE_DATABASE_URL": f"postgresql://songline:{choices.database_password}@127.0.0.1:{ports['postgres']}/songline",
        "SONGLINE_STORE_URL": f"s3://{BUCKET}",
        "SONGLINE_S3_ENDPOINT": f"http://127.0.0.1:{ports['minio']}",
        "SONGLINE_S3_ACCESS_KEY": choices.s3_access_key,
        "SONGLINE_S3_SECRET_KEY": choices.s3_secret_key,
        # Recipes contain the device's precision: the planning machine must assume the device that renders.
        "SONGLINE_DEVICE": "cuda" if choices.gpus else "cpu",
        **({"SONGLINE_ENGINE": "diffrhythm"} if choices.gpus else {}),
        "PREFECT_API_URL": f"{server}/api",
        "PREFECT_API_AUTH_STRING": f"songline:{choices.prefect_password}",
        "PREFECT_UI_URL": server,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def store_locations(choices: Choices) -> list[str]:
    """The locations in the store that workers use: the catalog's bucket, and the inbox if it is in one."""
    inbox = os.environ.get("SONGLINE_INBOX", "")
    return [connection_settings(choices)["SONGLINE_STORE_URL"], *([inbox] if inbox.startswith("s3://") else [])]


def postgres_service(paths: StackPaths, choices: Choices, mark: str) -> Service:
    """PostgreSQL."""
    data, port = paths.data / "postgres", choices.ports["postgres"]
    return Service(
        name="postgres",
        command=postgres.command_for(data, postgres.programs_for(data), port),
        port=port,
        log=paths.log("postgres"),
        mark=mark,
        answers=lambda: postgres.answers(port, choices.database_admin_password),
        settings={},
        inherited=_inherited(),
        user=postgres.user_for(data),
    )


def minio_service(paths: StackPaths, choices: Choices, mark: str) -> Service:
    """MinIO."""
    if not MINIO.is_file():
        raise MachineError(f"there is no MinIO server at {MINIO}", remedy="Run `make minio`, which builds it with Go")
    folder, port = private_folder(paths.data / "minio"), choices.ports["minio"]
    return Service(
        name="minio",
        command=(str(MINIO), "server", str(folder), "--address", f"127.0.0.1:{port}", "--quiet"),
        port=port,
        log=paths.log("minio"),
        mark=mark,
        answers=lambda: is_well(f"http://127.0.0.1:{port}/minio/health/ready"),
        settings={
            "MINIO_ROOT_USER": choices.minio_root_user,
            "MINIO_ROOT_PASSWORD": choices.minio_root_password,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "HOME": str(paths.data),
        },
        inherited=_inherited(),
    )


def prefect_service(paths: StackPaths, choices: Choices, mark: str) -> Service:
    """The Prefect server with its UI."""
    port, database_port = choices.ports["prefect-server"], choices.ports["postgres"]
    url = f"http://127.0.0.1:{port}"
    has_trigrams = postgres.programs_for(paths.data / "postgres").has_trigrams
    module = "flows.server.farm_api" if has_trigrams else "infra.stack.trigramless"
    password = choices.prefect_database_password
    return Service(
        name="prefect-server",
        command=(sys.executable, "-m", module, "--host", "127.0.0.1", "--port", str(port)),
        port=port,
        log=paths.log("prefect-server"),
        mark=mark,
        answers=lambda: is_well(f"{url}/api/ready"),
        settings={
            **_python(paths),
            "PREFECT_API_URL": f"{url}/api",
            "PREFECT_SERVER_API_AUTH_STRING": f"songline:{choices.prefect_password}",
            "SONGLINE_WORKER_AUTH_STRING": _worker_auth(choices),
            "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": url,
            "PREFECT_SERVER_UI_API_URL": f"{url}/api",
            # In memory, the concurrency slots of runs would be lost with the server, which would end those runs.
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
            # The UI's second version sends requests to a statistics service, whatever is set here.
            "PREFECT_SERVER_UI_V2_ENABLED": "false",
            "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": (
                f"postgresql+asyncpg://prefect:{password}@127.0.0.1:{database_port}/prefect"
            ),
        },
        inherited=_inherited(*OWN_PREFECT),
        start_s=180.0,
    )


def worker_service(paths: StackPaths, choices: Choices, name: str, mark: str) -> Service:
    """A worker, which answers on its own port as long as it polls its pool."""
    port = choices.ports[name]
    pool = "cpu" if name == "worker-cpu" else "gpu"
    devices = [name.removeprefix("worker-gpu-")] if choices.gpus and pool == "gpu" else []
    limit = ("--limit", "1") if pool == "gpu" else ()
    return Service(
        name=name,
        command=(
            *(sys.executable, "-m", "flows.cli", "worker", "--pool", pool, "--name", name),
            *("--with-healthcheck", *limit),
        ),
        port=port,
        log=paths.log(name),
        mark=mark,
        answers=lambda: is_well(f"http://127.0.0.1:{port}/health") and _is_known(choices, pool, name),
        settings={
            **client_settings(paths, choices),
            **(_on_cores(choices) if pool == "cpu" else {}),
            "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
            "PREFECT_WORKER_WEBSERVER_PORT": str(port),
            "CUDA_VISIBLE_DEVICES": ",".join(devices),
        },
        inherited=client_environment(),
        start_s=120.0,
    )


def _on_cores(choices: Choices) -> dict[str, str]:
    """Settings of the worker of the CPU pool.

    It judges and separates on its CPU cores, since on a device shared with a GPU worker it would sometimes run out of
    memory, and plans albums for the devices that render them.
    """
    return {"SONGLINE_DEVICE": "cpu", "SONGLINE_RENDER_DEVICE": connection_settings(choices)["SONGLINE_DEVICE"]}


def client_settings(paths: StackPaths, choices: Choices) -> dict[str, str]:
    """The settings of workers."""
    defaults = {"SONGLINE_RELEASES": str(paths.folder / "releases")}
    overrides = {name: os.environ[name] for name in (*WORKING, *defaults) if os.environ.get(name)}
    # A worker gets no credential with which it could change what other workers run.
    connection = connection_settings(choices) | {"PREFECT_API_AUTH_STRING": _worker_auth(choices)}
    return {**_python(paths), **WORKING, **defaults, **overrides, **connection}


def _worker_auth(choices: Choices) -> str:
    return f"worker:{choices.prefect_worker_password}"


def deploying_environment(paths: StackPaths, choices: Choices) -> dict[str, str]:
    """The environment of the deploying command: access to the Prefect server, but not to catalog and store."""
    connection = {name: value for name, value in connection_settings(choices).items() if name.startswith("PREFECT_")}
    return {**_inherited(*OWN_PREFECT, *DEPLOYED), **_python(paths), **connection}


def client_environment() -> dict[str, str]:
    """The variables that workers inherit: Songline's own settings too, such as the models' folder."""
    return _inherited(*OWN_PREFECT, "SONGLINE_")


def is_well(url: str) -> bool:
    """Whether a URL answers 200, requested without a proxy."""
    try:
        with _DIRECT.open(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _is_known(choices: Choices, pool: str, worker: str) -> bool:
    """Whether the Prefect server gets heartbeats of a worker; the worker's own port answers long before it works."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{choices.ports['prefect-server']}/api/work_pools/{pool}/workers/filter",
        data=b"{}",
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Basic {b64encode(f'songline:{choices.prefect_password}'.encode()).decode()}",
        },
    )
    try:
        with _DIRECT.open(request, timeout=5) as response:
            workers = json.load(response)
    except (urllib.error.URLError, OSError, ValueError):
        return False
    return any(entry["name"] == worker and entry["status"] == "ONLINE" for entry in workers)


def _python(paths: StackPaths) -> Mapping[str, str]:
    # Logs are files: their lines must not be buffered, nor be cut to the width of a terminal.
    return {
        **past_proxies(os.environ),
        **QUIET,
        "PREFECT_HOME": str(private_folder(paths.data / "prefect")),
        "PYTHONUNBUFFERED": "1",
        "COLUMNS": "160",
    }


def _inherited(*prefixes: str) -> dict[str, str]:
    variables = os.environ.items()
    return {name: value for name, value in variables if not name.startswith(SECRET) or name.startswith(prefixes)}
