"""The licence of something that a user brings along, by its id."""

from __future__ import annotations

import re
from dataclasses import replace

from catalog.common.errors import InputError
from catalog.models.spec import Licence
from catalog.models.store import ModelStore


def stated_licence(store: ModelStore, licence_id: str, *, commercial: bool | None, what: str) -> Licence:
    """A known licence, or one by its id as the user describes it; ``what`` is the thing that it is of, for its summary.

    Raises InputError for what cannot be an id, and for commercial use that a known licence does not allow.
    """
    known_licence = store.table.licence(licence_id)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 .+_-]{0,79}", licence_id):
        raise InputError(f"{licence_id[:80]!r} cannot be a licence's id", remedy="Give one such as Apache-2.0")
    if known_licence is None:
        terms = "Commercial use is allowed" if commercial else "No commercial use"
        return Licence(licence_id, licence_id, bool(commercial), f"{terms}, as stated when {what} was added")
    if commercial and not known_licence.commercial:
        fault = f"{known_licence.name} does not allow commercial use as it stands"
        raise InputError(fault, remedy="Leave out --commercial, and record your agreement in the manifest's licences")
    return known_licence if commercial is not False else replace(known_licence, commercial=False)
