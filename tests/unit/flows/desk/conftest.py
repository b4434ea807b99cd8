"""A browser that the app admits, and one that it does not know, on a catalog of the test's own."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from flows.desk.access.access import Access
from flows.desk.app import create_app
from tests.support.app_client import TestClient

PORT = 8300
OWN = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def access() -> Access:
    return Access(PORT)


@pytest.fixture
def stranger(catalog: Catalog, access: Access) -> TestClient:
    """A client without a cookie."""
    return TestClient(create_app(catalog, access), base_url=OWN, follow_redirects=False)


@pytest.fixture
def browser(catalog: Catalog, access: Access) -> TestClient:
    """A client that has opened the link; it sends the Origin of the app's own pages."""
    client = TestClient(create_app(catalog, access), base_url=OWN, headers={"origin": OWN}, follow_redirects=False)
    assert client.get("/", params={"token": access.token}).status_code == 303
    return client
