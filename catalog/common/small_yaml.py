"""Reads small YAML files of the local installation, which other tools write and read too; anchors are allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from db.files.regular_file import open_regular

MAX_BYTES = 256 * 1024


def read_small_yaml(path: Path) -> Any:
    """The data of a YAML file. Raises OSError, and ValueError for invalid YAML and for files too large or nested too
    deeply."""
    with open_regular(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it has more than {MAX_BYTES} bytes")
    try:
        return yaml.safe_load(content.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from error
