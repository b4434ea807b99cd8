"""``songline worker`` where it cannot work: it says so, and starts no server of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.common.errors import InputError
from flows.runtime.worker import serve
from tests.support.commands import songline


@pytest.mark.slow
def test_without_a_server_it_ends_as_other_farm_commands_do(tmp_path: Path) -> None:
    done = songline("worker", "--pool", "gpu", home=tmp_path / "home")
    assert done.returncode == 4
    assert done.stderr.startswith("error: no Prefect server is set, and work pools need one. Set PREFECT_API_URL")
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1


def test_an_unknown_pool_is_told(prefect_server) -> None:
    with prefect_server.here(), pytest.raises(InputError, match="has no work pool 'gpus'"):
        serve("gpus", name=None, limit=None, with_healthcheck=False)
