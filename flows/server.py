"""The way to the Prefect server that Prefect's own settings name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.settings import get_current_settings, temporary_settings

from catalog.errors import MachineError
from flows.dispatch import reached


def is_set() -> bool:
    """Whether there is a server to ask, and work pools with it."""
    return bool(get_current_settings().api.url)


@contextmanager
def server_client() -> Iterator[SyncPrefectClient]:
    """A client of the server. Raises MachineError where none is set, where it cannot be reached, and where it refuses
    us."""
    if not is_set():
        raise MachineError(
            "no Prefect server is set, and work pools need one",
            remedy="Set PREFECT_API_URL, or run `make stack` and load .songline/stack.env",
        )
    with reached(), get_client(sync_client=True) as client:
        yield client


@contextmanager
def hurried_client(timeout_s: float) -> Iterator[SyncPrefectClient]:
    """The same for a question that is asked once and must be answered in time."""
    with temporary_settings({"client.max_retries": 0, "api.request_timeout": timeout_s}), server_client() as client:
        yield client
