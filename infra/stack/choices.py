"""Values that the first start generates and later ones reuse: ports, secrets, devices."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from catalog.common.errors import InputError, MachineError
from infra.stack.files import write_private

PORTS = range(21_000, 29_000)
"""Below the range of ephemeral ports, one of which could occupy a port of the stack while it is down."""
DEVICE = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Choices:
    """All values, stored in a file that only its owner can read."""

    ports: dict[str, int]
    gpus: tuple[str, ...]
    database_admin_password: str
    database_password: str
    prefect_database_password: str
    minio_root_user: str
    minio_root_password: str
    s3_access_key: str
    s3_secret_key: str
    prefect_password: str
    prefect_worker_password: str


LATER = ("minio_root_user", "minio_root_password", "prefect_worker_password")
"""Values that the first stacks lacked, as their workers used the administrators' accounts; added to old files."""


def choose(path: Path, gpus: str | None) -> Choices:
    """The stored choices, or new ones; ``gpus`` are comma-separated devices, and None stands for the stored ones."""
    stored_choices = _read(path)
    devices = _devices(gpus) if gpus is not None else stored_choices.gpus if stored_choices else _devices_here()
    choices = replace(stored_choices, gpus=devices) if stored_choices else _new(devices)
    if choices != stored_choices:
        keep(path, choices)
    return choices


def keep(path: Path, choices: Choices) -> None:
    """Write the choices to the file."""
    write_private(path, json.dumps(asdict(choices), indent=1) + "\n")


def with_port(choices: Choices, service: str) -> Choices:
    """The same choices with a new port for a service."""
    return replace(choices, ports=choices.ports | {service: _free_port(tuple(choices.ports.values()))})


def is_free(port: int) -> bool:
    """Whether no process listens on a loopback port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _read(path: Path) -> Choices | None:
    if not path.exists():
        return None
    try:
        values = json.loads(path.read_text())
        new_values = {name: value for name, value in asdict(_new(())).items() if name in LATER and name not in values}
        return Choices(**(new_values | values | {"gpus": tuple(values["gpus"])}))
    except (ValueError, TypeError, KeyError) as error:
        names = ", ".join(field.name for field in fields(Choices))
        raise MachineError(
            f"{path} is damaged ({type(error).__name__})",
            remedy=f"Put it back from a backup (it holds {names}), or move {path.parent} away to start anew",
        ) from error


def _new(gpus: tuple[str, ...]) -> Choices:
    # Hexadecimal throughout: it needs no quoting in a shell, a URL or an environment file.
    return Choices(
        ports={},
        gpus=gpus,
        database_admin_password=secrets.token_hex(20),
        database_password=secrets.token_hex(20),
        prefect_database_password=secrets.token_hex(20),
        minio_root_user=secrets.token_hex(10),
        minio_root_password=secrets.token_hex(20),
        s3_access_key=secrets.token_hex(10),
        s3_secret_key=secrets.token_hex(20),
        prefect_password=secrets.token_hex(20),
        prefect_worker_password=secrets.token_hex(20),
    )


def _free_port(used_ports: Sequence[int]) -> int:
    for _ in range(200):
        port = PORTS.start + secrets.randbelow(len(PORTS))
        if port not in used_ports and is_free(port):
            return port
    raise MachineError(
        f"no free loopback port between {PORTS.start} and {PORTS.stop}", remedy="End what listens on them"
    )


def _devices(text: str) -> tuple[str, ...]:
    devices = tuple(part.strip() for part in text.split(",") if part.strip())
    if len(set(devices)) != len(devices) or not all(DEVICE.fullmatch(device) for device in devices):
        raise InputError(f"GPUS={text} is no list of devices", remedy="Write it as GPUS=0,1 or leave it empty")
    return devices


def _devices_here() -> tuple[str, ...]:
    """The devices visible to this shell, or else all devices of the driver."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        device_list = os.environ["CUDA_VISIBLE_DEVICES"]
        return () if device_list.strip() == "-1" else _devices(device_list)
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    command = [program, "--query-gpu=index", "--format=csv,noheader"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return _devices(process.stdout.replace("\n", ","))
