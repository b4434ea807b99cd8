"""The error of an address that leads nowhere."""

from __future__ import annotations

from catalog.common.errors import InputError


class NotThere(InputError):
    """The address names something that is not in the catalog."""
