"""A real MinIO server for tests, from the binary that ``make minio`` builds."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.places import ROOT
from tests.support.services.processes import free_port, not_tested, running
from tests.support.services.s3_service import S3Service

BUILT = ROOT / ".songline" / "bin" / "minio"


def minio_binary() -> Path:
    """The server's binary. Where it does not exist, skips the test, or fails it under CI."""
    found = BUILT if BUILT.is_file() else shutil.which("minio")
    if found is None:
        not_tested(f"there is no MinIO server at {BUILT}; run `make minio`")
    return Path(str(found))


@contextmanager
def minio_server(folder: Path, *, port: int = 0, keys: tuple[str, str] = ("", "")) -> Iterator[S3Service]:
    """A server with its data in ``folder/data``; ``port`` and ``keys`` are random by default."""
    binary = minio_binary()
    access_key, secret_key = (given or secrets.token_hex(10) for given in keys)
    address = f"127.0.0.1:{port or free_port()}"
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    environment = {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
        "HOME": str(folder),
    }
    command = [binary, "server", data, "--address", address, "--quiet"]
    health_url = f"http://{address}/minio/health/ready"
    with running(command, health_url=health_url, log=folder / "minio.log", environment=environment):
        yield S3Service(f"http://{address}", access_key, secret_key, is_strict=True, data=data)
