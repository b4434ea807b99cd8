"""A false API, and a hostile working folder, try what Prefect would do with their word in a process of ours."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.commands import environment


@pytest.mark.parametrize("serializer", ["pickle", "json", "compressed/pickle"])
def test_a_stored_result_is_not_loaded_whoever_answers(tmp_path: Path, serializer) -> None:
    """What a false API would answer, given to Prefect as it is in a process of ours."""
    from prefect.client.schemas.objects import State, StateType

    from flows.runtime.prefect_restrictions import StoredResultRefused

    marker, stored = tmp_path / "code-ran", tmp_path / "result"
    metadata = {"storage_key": str(stored), "serializer": {"type": serializer}}
    bomb = base64.encodebytes(pickle.dumps(_Bomb(marker))).decode()
    stored.write_text(json.dumps({"metadata": metadata, "result": bomb}))
    state = State.model_validate({"type": StateType.COMPLETED, "data": metadata})
    with pytest.raises(StoredResultRefused):
        asyncio.run(state.aresult(retry_result_failure=False))
    assert not marker.exists()


@pytest.mark.parametrize(
    "serializer", [{"type": "pickle", "picklelib": "evil"}, {"type": "compressed", "compressionlib": "evil"}]
)
def test_no_module_is_imported_that_a_state_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serializer) -> None:
    from prefect.client.schemas.objects import State, StateType

    import flows

    assert flows.__name__
    (tmp_path / "evil.py").write_text("raise SystemExit('the module ran')\n")
    monkeypatch.syspath_prepend(tmp_path)
    if serializer["type"] == "compressed":
        serializer = {**serializer, "serializer": {"type": "pickle"}}
    with pytest.raises(ValueError, match="no library that Songline lets Prefect serialize by"):
        State.model_validate({"type": StateType.COMPLETED, "data": {"storage_key": "x", "serializer": serializer}})


class _Bomb:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize("name", [".env", "prefect.toml", "pyproject.toml"])
def test_settings_of_the_working_folder_do_not_reach_prefect(tmp_path: Path, name) -> None:
    """Any project that a user stands in, or an attacker's archive that was unpacked there."""
    foreign = {
        ".env": b"PREFECT_API_URL=http://attacker.test/api\nPREFECT_RESULTS_PERSIST_BY_DEFAULT=true\nNAME=caf\xe9\n",
        "prefect.toml": b'[api]\nurl = "http://attacker.test/api"\n',
        "pyproject.toml": b'[tool.prefect.api]\nurl = "http://attacker.test/api"\n',
    }
    (tmp_path / name).write_bytes(foreign[name])
    source = "import flows; from prefect.settings import get_current_settings as s; print(s().api.url)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", source],
        cwd=tmp_path,
        env=environment(tmp_path / "home") | {"PREFECT_HOME": str(tmp_path / "prefect"), "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("None\n", "")
