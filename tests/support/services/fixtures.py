"""The services as fixtures: started once for all tests of a run that use them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.services.minio_server import minio_server
from tests.support.services.moto_server import moto_server
from tests.support.services.postgres_server import PostgresServer, postgres_server
from tests.support.services.prefect_server import PrefectServer, begin_database
from tests.support.services.prefect_server import prefect_server as running_prefect_server
from tests.support.services.s3_service import S3Service


@pytest.fixture(scope="session")
def minio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Service]:
    """A real MinIO server."""
    with minio_server(tmp_path_factory.mktemp("minio")) as service:
        yield service


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Service]:
    """moto's S3 server."""
    with moto_server(tmp_path_factory.mktemp("moto")) as service:
        yield service


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL server."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory, empty_prefect: Path) -> Iterator[PrefectServer]:
    """A real Prefect server with a password; objects that one test creates there are visible to the next."""
    folder = tmp_path_factory.mktemp("prefect")
    begin_database(folder, empty_prefect)
    with running_prefect_server(folder) as server:
        yield server
