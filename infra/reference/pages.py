"""The generated parts of each page, and their replacement in its text.

A part is enclosed in two comments, ``<!-- NAME: … -->`` and ``<!-- end -->``. A test compares the pages with the
generated parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.reference import checks, commands, manifest, models, selection, settings

DOCS = Path(__file__).parents[2] / "docs"

BLOCKS: Mapping[str, Mapping[str, Callable[[], str]]] = {
    "selection.md": {
        "metrics": selection.metrics,
        "gates": selection.gates,
        "ranking": selection.ranking,
        "languages": selection.languages,
    },
    "manifest.md": manifest.BLOCKS,
    "cli.md": {"commands": commands.commands},
    "operations.md": {"settings": settings.settings},
    "engines.md": {"models": models.models, "judges": models.judges},
    "finishing.md": {"checks": checks.checks, "deliverables": models.deliverables},
}


def written(text: str, blocks: Mapping[str, Callable[[], str]]) -> str:
    """``text`` with every block replaced. Raises ValueError where one is not in it."""
    for name, generate in blocks.items():
        head, *parts = re.split(rf"(<!-- {name}: [^>]*-->\n)", text)
        if len(parts) != 2 or "<!-- end -->" not in parts[1]:
            raise ValueError(f"there are {len(parts) // 2} places for {name!r}")
        text = f"{head}{parts[0]}{generate()}\n<!-- end -->{parts[1].partition('<!-- end -->')[2]}"
    return text
