"""Which page holds which generated part, and how a part is put into its page.

A part stands between two comments, ``<!-- NAME: … -->`` and ``<!-- end -->``. A test compares the pages with what is
made here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.reference import checks, commands, manifest, models, selection, settings

DOCS = Path(__file__).parents[2] / "docs"

BLOCKS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "selection.md": {"metrics": selection.metrics, "gates": selection.gates, "ranking": selection.ranking},
    "manifest.md": manifest.BLOCKS,
    "cli.md": {"commands": commands.commands},
    "operations.md": {"settings": settings.settings},
    "engines.md": {"models": models.models, "judges": models.judges},
    "finishing.md": {"checks": checks.checks, "deliverables": models.deliverables},
}


def written(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """``text`` with every block made anew. Raises ValueError where one has no place."""
    for name, make in blocks.items():
        before, *found = re.split(rf"(<!-- {name}: [^>]*-->\n)", text)
        if len(found) != 2 or "<!-- end -->" not in found[1]:
            raise ValueError(f"there are {len(found) // 2} places for {name!r}")
        text = f"{before}{found[0]}{make()}\n<!-- end -->{found[1].partition('<!-- end -->')[2]}"
    return text
