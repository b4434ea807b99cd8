"""The files of the stack, and atomic writes of private files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from catalog.common.errors import MachineError
from catalog.files.whole_file import write_whole
from db.files.lock import file_lock

ROOT = Path(__file__).parents[2]
PLAIN = re.compile(r"[A-Za-z0-9_@%:/.,+=-]*")
"""Values that a shell and a line-based parser read alike."""


@dataclass(frozen=True, slots=True)
class StackPaths:
    """The folder of a stack and its files."""

    folder: Path

    @property
    def records(self) -> Path:
        """The list of running processes."""
        return self.folder / "stack.json"

    @property
    def environment(self) -> Path:
        """The environment file for reaching the stack."""
        return self.folder / "stack.env"

    @property
    def data(self) -> Path:
        """The folder of data, logs and choices."""
        return self.folder / "stack"

    @property
    def choices(self) -> Path:
        """Ports, secrets and devices."""
        return self.data / "choices.json"

    def log(self, service: str) -> Path:
        """The log of a service."""
        return self.data / "logs" / f"{service}.log"


@contextmanager
def locked(paths: StackPaths) -> Iterator[None]:
    """Hold the lock of the stack: one command changes it at a time, others wait. The lock ends with its process."""
    paths.data.mkdir(parents=True, exist_ok=True)
    paths.data.chmod(0o711)  # PostgreSQL's user must reach its data, whatever the umask; secrets are private
    with file_lock(paths.data / "lock"):
        yield


def private_folder(path: Path) -> Path:
    """Create a folder with access for its owner only, if it does not exist."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically, with mode 600 from the start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.encode(), mode=0o600)


def write_environment(path: Path, variables: Mapping[str, str]) -> None:
    """Write ``NAME=value`` lines that ``set -a; . FILE`` and line-based parsers read."""
    for name, value in variables.items():
        if not PLAIN.fullmatch(value):
            raise MachineError(f"{name} holds a character that shells change", remedy="Report this as a fault")
    write_private(path, "".join(f"{name}={value}\n" for name, value in variables.items()))
