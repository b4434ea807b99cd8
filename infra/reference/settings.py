"""The table of settings in ``docs/operations.md``, from the settings class."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from catalog.common.settings import Settings
from infra.reference.tables import table


def settings() -> str:
    """Every variable ``SONGLINE_…``."""
    rows = (
        (f"`SONGLINE_{name.upper()}`", _default(field), (field.description or "").rstrip("."))
        for name, field in Settings.model_fields.items()
    )
    return table(("variable", "left out", "what it is"), rows)


def _default(field: FieldInfo) -> str:
    default: Any = field.default
    if field.default_factory is not None:
        return "the platform's data folder"
    if isinstance(default, SecretStr):
        default = default.get_secret_value()
    if default is None or default == "":
        return "–"
    if isinstance(default, bool):
        return "`0`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"
