"""Whether a file or folder holds a LoRA adapter, told by its content and without torch."""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path

from db.files.regular_file import open_regular

WEIGHTS_FILE, CONFIG_FILE = "adapter_model.safetensors", "adapter_config.json"
MAX_HEADER_BYTES = 16 << 20

_MARK = re.compile(r"\.?(?:lora_(?:A|B|down|up|magnitude)|lora\.(?:down|up)|hada_|lokr_|oft_|dora_scale)\b|^lora_")


def is_adapter(path: Path) -> bool:
    """Whether ``path`` is meant as an adapter, of whatever kind: a folder with PEFT's files, or a file of such tensors.

    False for everything that cannot be read: what it is then is said by whoever reads it.
    """
    if path.is_dir():
        return any((path / name).exists() for name in (WEIGHTS_FILE, CONFIG_FILE, "adapter_model.bin"))
    try:
        return path.suffix == ".safetensors" and any(_MARK.search(name) for name in _names(path))
    except (OSError, ValueError, RecursionError, struct.error):
        return False


def _names(path: Path) -> list[str]:
    """The names of the tensors in a ``.safetensors`` file. Raises ValueError, OSError or struct.error."""
    with open_regular(path) as file:
        (size,) = struct.unpack("<Q", file.read(8))
        if size > MAX_HEADER_BYTES:
            raise ValueError("the header is too long")
        header = json.loads(file.read(size))
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    return [name for name in header if name != "__metadata__"]
