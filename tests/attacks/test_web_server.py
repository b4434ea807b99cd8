"""Variables that are meant for other web servers change nothing of Prefect's APIs that Songline serves."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import uvicorn

from flows.embedded import process as local_api_server
from flows.server import farm_api as farm_api_server


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[uvicorn.Config]:
    configs: list[uvicorn.Config] = []

    def run(app: Any, **options: Any) -> None:
        configs.append(uvicorn.Config(app, **options))

    monkeypatch.setattr(uvicorn, "run", run)
    monkeypatch.setattr("os.umask", lambda mask: mask)
    for name, value in {"WEB_CONCURRENCY": "3", "FORWARDED_ALLOW_IPS": "*", "UVICORN_PORT": "1"}.items():
        monkeypatch.setenv(name, value)
    return configs


def test_the_local_api_has_one_process_and_trusts_no_proxy(
    served: list[uvicorn.Config], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_api_server, "end_with_parent", lambda *_, **__: None)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        local_api_server.main(listening.fileno(), 0, 0, 0)
    (config,) = served
    assert (config.workers, config.proxy_headers, config.forwarded_allow_ips) == (1, False, "")


def test_the_farms_api_has_one_process(served: list[uvicorn.Config], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(farm_api_server.OPERATOR, "operator:secret")
    monkeypatch.setenv(farm_api_server.WORKER, "worker:secret")
    monkeypatch.setenv("PREFECT__SERVER_FINAL", "")
    monkeypatch.setattr("sys.argv", ["server"])
    farm_api_server.main()
    assert served[0].workers == 1
