"""Write an adapter as PEFT's two files: the same adapter is the same bytes, in every process."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors.torch import save

from catalog.files.permissions import file_mode_in
from catalog.files.whole_file import write_whole
from tasks.weights.adapters.config import AdapterConfig, config_document
from tasks.weights.adapters.detect import CONFIG_FILE, WEIGHTS_FILE
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.names import PEFT_PREFIX
from tasks.weights.adapters.statement import METADATA_KEY, statement_of


def write_adapter(adapter: Adapter, folder: Path) -> None:
    """Write both files into ``folder``, each at once; PEFT reads them too."""
    mode = file_mode_in(folder)
    write_whole(folder / WEIGHTS_FILE, adapter_bytes(adapter), mode=mode)
    write_whole(folder / CONFIG_FILE, config_bytes(adapter), mode=mode)


def adapter_bytes(adapter: Adapter) -> bytes:
    """The ``.safetensors`` file, with everything that Songline knows of the adapter in its header."""
    tensors = {
        f"{PEFT_PREFIX}{layer}.lora_{part}.weight": tensor.detach().cpu().contiguous()
        for layer, pair in sorted(adapter.pairs.items())
        for part, tensor in zip("AB", pair, strict=True)
    }
    data: bytes = save(tensors, metadata={METADATA_KEY: statement_of(adapter)})
    return data


def config_bytes(adapter: Adapter) -> bytes:
    """PEFT's configuration file."""
    config = AdapterConfig(adapter.rank, adapter.alpha, adapter.rank_pattern, adapter.alpha_pattern, adapter.use_rslora)
    document = config_document(config, adapter.pairs)
    return (json.dumps(document, indent=2, sort_keys=True) + "\n").encode()
