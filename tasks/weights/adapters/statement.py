"""What Songline states of an adapter in the header of its tensors' file: its numbers, its base, and its maker's record.

It is one text, so that the same adapter is the same bytes: the file format keeps several in no fixed order.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.common.digests import Json, canonical_json
from catalog.common.errors import InputError
from tasks.weights.adapters.config import MAX_ALPHA, MAX_PATTERNS, MAX_RANK, AdapterConfig
from tasks.weights.adapters.file import Adapter, Rope

METADATA_KEY = "songline"
MAX_STATEMENT_BYTES = 4 << 20

Rank = Annotated[int, Field(ge=1, le=MAX_RANK)]
Alpha = Annotated[float, Field(gt=0, le=MAX_ALPHA)]
Ranks = Annotated[dict[str, Rank], Field(max_length=MAX_PATTERNS)]
Alphas = Annotated[dict[str, Alpha], Field(max_length=MAX_PATTERNS)]


class Numbers(BaseModel):
    """Rank and alpha as :class:`AdapterConfig` has them."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    rank: Rank
    alpha: Alpha
    rank_pattern: Ranks = {}
    alpha_pattern: Alphas = {}
    use_rslora: bool = False


class Statement(BaseModel):
    """The statement in a file; empty for a file that Songline did not write."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    numbers: Numbers | None = None
    base: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    rope: Rope | None = None
    record: dict[str, Json] = {}

    @property
    def config(self) -> AdapterConfig | None:
        """The numbers as a configuration."""
        return AdapterConfig(**self.numbers.model_dump()) if self.numbers else None


def statement_from(text: str, *, file: str) -> Statement:
    """The statement in a header's text. Raises InputError where it is none."""
    try:
        if len(text) > MAX_STATEMENT_BYTES:
            raise ValueError("it is too long")
        statement = Statement.model_validate_json(text)
        canonical_json(statement.record)  # refuses numbers that JSON cannot keep
        return statement
    except (ValueError, RecursionError) as error:
        detail = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        problem = f"{file}: what it states of itself cannot be read: {detail}"
        raise InputError(problem, remedy="Get the adapter's files again") from error


def statement_of(adapter: Adapter) -> str:
    """The statement of an adapter, as canonical JSON."""
    numbers = {
        "rank": adapter.rank,
        "alpha": adapter.alpha,
        "rank_pattern": dict(adapter.rank_pattern),
        "alpha_pattern": dict(adapter.alpha_pattern),
        "use_rslora": adapter.use_rslora,
    }
    document = {"numbers": numbers, "base": adapter.base, "rope": adapter.rope, "record": dict(adapter.record)}
    return canonical_json(document).decode()
