"""Fixtures of all tests: an open catalog of the test's own, and the real services."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from tests.support.diffrhythm.exported import exported
from tests.support.longest_files import LONGEST
from tests.support.places import ROOT
from tests.support.prefect_database import begin_home, empty_prefect
from tests.support.services.fixtures import minio, moto, postgres, prefect_server
from tests.support.services.postgres_server import PostgresServer

__all__ = ["begin_home", "empty_prefect", "exported", "minio", "moto", "postgres", "prefect_server"]

# What a test plans does not depend on the processor it runs on; a test of that sets the variable itself.
os.environ["SONGLINE_CPU_DTYPE"] = "float32"
# Under load an example takes longer, which is no fault; CI's own profile has no such limits either.
hypothesis.settings.register_profile(
    "unhurried", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
if hypothesis.settings.get_current_profile_name() == "default":
    hypothesis.settings.load_profile("unhurried")
os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test marked ``both_databases`` runs with its catalog on SQLite and on PostgreSQL."""
    if "database_url" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_databases"):
        metafunc.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


SERVERS = frozenset({"exported", "minio", "moto", "postgres", "prefect_server"})
"""The fixtures that start a real server, or take half a minute."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test that starts a server or needs an export is ``slow``; so is the form of a test that runs on PostgreSQL."""
    places = {ROOT / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    for item in items:
        if isinstance(item, pytest.Function):
            parameters = item.callspec.params if hasattr(item, "callspec") else {}
            named = {value for value in parameters.values() if isinstance(value, str)}
            if SERVERS & {*item.fixturenames, *named} or parameters.get("database_url") == "postgresql":
                item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Variables that a test's own code set, such as a command run in this process, do not reach the tests after it."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The setting of where the test's catalog lies: empty for SQLite in its home, or an empty catalog on PostgreSQL."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.catalog() as url:
        yield url


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings with a home for one test."""
    return Settings(home=tmp_path / "home", database_url=database_url, workers=2, retry_base_s=0.01)


@pytest.fixture
def catalog(settings: Settings) -> Iterator[Catalog]:
    """An open house of the test's own."""
    with open_catalog(settings) as opened:
        yield opened
