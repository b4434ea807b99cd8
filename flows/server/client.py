"""Clients for the Prefect server of Prefect's own settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import PrefectException
from prefect.settings import get_current_settings, temporary_settings

from catalog.common.errors import MachineError, ServerAway


def is_set() -> bool:
    """Whether a Prefect server is configured, and work pools with it."""
    return bool(get_current_settings().api.url)


def open_client() -> SyncPrefectClient:
    """A client of the server, without a request made yet. Raises MachineError where none is configured."""
    if not is_set():
        raise MachineError(
            "no Prefect server is set, and work pools need one",
            remedy="Set PREFECT_API_URL, or run `make stack` and load .songline/stack.env",
        )
    return get_client(sync_client=True)


@contextmanager
def server_client() -> Iterator[SyncPrefectClient]:
    """A client for the duration of a block. Raises MachineError where no server is configured, where it cannot be
    reached, and where it denies access."""
    with translate_server_errors(), open_client() as client:
        yield client


@contextmanager
def client_with_timeout(timeout_s: float) -> Iterator[SyncPrefectClient]:
    """The same for a single request with a timeout and without retries."""
    with temporary_settings({"client.max_retries": 0, "api.request_timeout": timeout_s}), server_client() as client:
        yield client


@contextmanager
def translate_server_errors() -> Iterator[None]:
    """Turn errors of Prefect's server into one error with its remedy, without any address that contains a password."""
    try:
        yield
    except httpx.HTTPStatusError as error:
        code = error.response.status_code
        kind = ServerAway if code >= 500 else MachineError
        remedy = "Set PREFECT_API_AUTH_STRING as the server has it" if code == 401 else "Read the Prefect server's log"
        raise kind(f"the Prefect server answered {code}", remedy=remedy) from error
    except (httpx.HTTPError, PrefectException) as error:
        raise ServerAway(
            f"the Prefect server cannot be reached: {type(error).__name__}",
            remedy="See that it runs at PREFECT_API_URL; `songline doctor` looks at each service",
        ) from error
