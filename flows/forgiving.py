"""What may be tried again without being asked, when a person wants an album made once more."""

from __future__ import annotations

from catalog.errors import CatalogError, MachineError, ModelMissing, StoreError, TransientError
from catalog.house import House
from catalog.queries import failed_work


def forgive(house: House) -> None:
    """Trouble of the machine may be over: work that failed of it is planned again. Faults of the work itself stay."""
    passing = {error.kind for error in (TransientError, MachineError, ModelMissing, StoreError, CatalogError)}
    for kind, key, error in failed_work(house.database):
        if error.get("kind") in passing:
            house.ledger.retry("render" if kind == "render" else "step", [key])
