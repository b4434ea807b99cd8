"""The protocol that every separator implements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from catalog.recipe import Recipe

if TYPE_CHECKING:
    from tasks.audio.audio import Audio


class Separator(Protocol):
    """Gives the stems of a mix by name, all of the mix's rate and length."""

    def separate(self, mix: Audio, recipe: Recipe | None) -> Mapping[str, Audio]:
        """Stems of ``mix``; ``recipe`` is the one it was rendered from, where there is one."""
