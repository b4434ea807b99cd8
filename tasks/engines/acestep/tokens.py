"""Tokens of the text encoder, counted as it reads them: by the package ``tokenizers`` alone, so that planning may."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from catalog.common.errors import MachineError
from catalog.common.packages import require_installed
from catalog.models.store import ModelStore
from tasks.engines.acestep.names import TEXT_MODEL, TOKENIZER_FILE

Count = Callable[[str], int]


def token_counter(models: ModelStore) -> Count:
    """A function that counts the tokens of a text. Raises ModelMissing, and MachineError without the package or where
    the file is damaged."""
    require_installed(("tokenizers",), component="counting the tokens of a text", extras=("acestep",))
    model = models.need(TEXT_MODEL)
    return _counter(model.path(TOKENIZER_FILE), model.digests[TOKENIZER_FILE])


@lru_cache(maxsize=2)
def _counter(path: Path, _digest: str) -> Count:
    """One tokenizer for the life of the process: the published one takes half a second to read."""
    from tokenizers import Tokenizer  # type: ignore[import-untyped]

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises plain exceptions
        remedy = f"Run `songline models verify {TEXT_MODEL}`, and pull it again where a file is wrong"
        raise MachineError(f"{path.name} cannot be read as a tokenizer: {error}", remedy=remedy) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()

    @lru_cache(maxsize=256)
    def count(text: str) -> int:
        return len(tokenizer.encode(text).ids)

    return count
