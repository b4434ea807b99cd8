"""The environment of an activity: code version, libraries, machine. Read once per process."""

from __future__ import annotations

import os
import platform
import pwd
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from catalog.ledger.work import ExecutionEnvironment

LIBRARIES = (
    *("numpy", "scipy", "soundfile", "soxr", "pedalboard", "pyloudnorm", "mutagen"),
    *("torch", "peft", "torchaudio", "transformers", "tokenizers", "muq", "phonemizer", "espeakng-loader"),
    *("demucs", "faster-whisper", "ctranslate2", "audiobox-aesthetics"),
)


@cache
def _status() -> ExecutionEnvironment:
    libraries = {name: installed_version for name in LIBRARIES if (installed_version := _version(name))}
    return ExecutionEnvironment(
        code_version=code_version(),
        environment={"python": platform.python_version(), "system": platform.platform(), **libraries},
        device=f"cpu {platform.machine()}",
    )


def execution_environment(flow_run_id: str | None = None, task_run_id: str | None = None) -> ExecutionEnvironment:
    """The execution environment of this process, under the given Prefect runs."""
    status = _status()
    return ExecutionEnvironment(status.code_version, status.environment, status.device, flow_run_id, task_run_id)


def user_name() -> str:
    """The name of the user who runs this process, from the system's user table."""
    number = os.getuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def songline_version() -> str:
    """The installed version."""
    return _version("songline") or "0"


@cache
def code_version() -> str:
    """Songline's version; in a checkout with its commit ("0.1.0+3f2a91c", "…-dirty" with local changes)."""
    release = songline_version()
    root = Path(__file__).parents[2]
    if not (root / ".git").exists():
        return release
    try:
        git_output = subprocess.run(
            ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return release
    return f"{release}+{git_output.stdout.strip()}"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
