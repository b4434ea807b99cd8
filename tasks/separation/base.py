"""The seam that every separator plugs into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from catalog.recipe import Recipe

if TYPE_CHECKING:
    from tasks.audio.audio import Audio


class Separator(Protocol):
    """Gives the parts of a mix by name, all of the mix's rate and length."""

    def separate(self, mix: Audio, recipe: Recipe | None) -> Mapping[str, Audio]:
        """Stems of ``mix``; ``recipe`` is what the mix was rendered from, where it was."""
