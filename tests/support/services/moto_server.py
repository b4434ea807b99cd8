"""moto's S3 server for tests: a second implementation, which checks neither signatures nor expiry."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.services.processes import free_port, running
from tests.support.services.s3_service import S3Service


@contextmanager
def moto_server(folder: Path) -> Iterator[S3Service]:
    """A server with its data in memory."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    health_url = f"http://127.0.0.1:{port}/moto-api/"
    with running(command, health_url=health_url, log=folder / "moto.log"):
        yield S3Service(f"http://127.0.0.1:{port}", secrets.token_hex(10), secrets.token_hex(20), is_strict=False)
