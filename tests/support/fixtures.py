"""Fixtures that several folders import into their conftest."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from catalog.common.settings import Settings
from tasks.separation.demucs.models import PACKAGES, STEM_MODELS
from tests.support.services.processes import not_tested
from tests.support.tiny_demucs import tiny_demucs


@pytest.fixture(scope="module")
def no_network() -> Iterator[None]:
    """Fails the module if anything in it tries to reach the network, from its first import on.

    An attempt counts even where the error is swallowed.
    """
    attempts: list[object] = []

    def refuse(*wanted: object, **_: object) -> None:
        attempts.append(wanted)
        raise OSError("there is no network in this test")

    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, refuse)
        patch.setattr(socket, "getaddrinfo", refuse)
        yield
    assert attempts == []


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a registry that contains a tiny version of every separation model."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        not_tested(f"separation by a model: {', '.join(missing)} not installed (the extra `stems`)")
    return tiny_demucs(tmp_path_factory.mktemp("stems"), *STEM_MODELS)
