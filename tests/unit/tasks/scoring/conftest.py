"""No test of this folder may reach the network."""

from __future__ import annotations

import pytest

from tests.support.fixtures import no_network

__all__ = ["no_network"]


@pytest.fixture(scope="module", autouse=True)
def offline(no_network: None) -> None:
    """Asks for it on behalf of every module."""
