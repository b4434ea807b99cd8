"""The context in which the parts of a manifest are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.manifest.schema import ManifestFile, Vocabulary
from catalog.manifest.validation import Diagnostics


@dataclass(frozen=True, slots=True)
class ManifestContext:
    """The manifest's fields, the names that are valid in it, its folder, and its diagnostics."""

    manifest: ManifestFile
    vocabulary: Vocabulary
    folder: Path
    diagnostics: Diagnostics
