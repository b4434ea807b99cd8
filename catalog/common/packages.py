"""Packages of Songline's extras: which are not installed, and the error that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec

from catalog.common.errors import MachineError


def missing_packages(packages: Iterable[str]) -> list[str]:
    """The packages that are not installed. None of them is imported."""
    return [name for name in packages if find_spec(name) is None]


def require_installed(packages: Iterable[str], *, component: str, extras: Sequence[str]) -> None:
    """Raise MachineError with the install command where packages are missing; ``component`` names what needs them and
    ``extras`` the extras that contain them."""
    if missing_names := missing_packages(packages):
        extra_names = " and ".join(f"`{extra}`" for extra in extras)
        raise MachineError(
            f"{component} needs packages that are not installed: {', '.join(missing_names)}",
            remedy=f"Run `make engine`, or install Songline with its extra{'s'[: len(extras) > 1]} {extra_names}",
        )
