"""Certificates of the environment that cannot be loaded end a command in a sentence, and no work at home at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.common.errors import MachineError
from catalog.network.certificates import drop_unusable, require_certificates
from catalog.network.web import Web


@pytest.fixture(params=["missing", "no certificate", "a folder"])
def wrong(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "certificates.pem"
    if request.param == "no certificate":
        path.write_text("hello\n")
    if request.param == "a folder":
        path.mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def test_a_download_names_the_variable(wrong: Path) -> None:
    with pytest.raises(MachineError, match="Correct SSL_CERT_FILE, or unset it"):
        Web(silent_s=1.0, answer_s=1.0)


def test_work_on_this_machine_goes_on_without_it(wrong: Path) -> None:
    drop_unusable()
    assert "SSL_CERT_FILE" not in os.environ
    require_certificates()


def test_prefect_is_not_even_begun_with_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import flows, prefect"],
        env=os.environ | {"SSL_CERT_FILE": "/nonexistent", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1  # of this process, which catches nothing
    assert "MachineError" in done.stderr.splitlines()[-1]
    assert "Failed to initialize plugins" not in done.stderr
