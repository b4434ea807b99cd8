"""What the parts of a manifest are read against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.manifest.schema import ManifestFile, Vocabulary
from catalog.manifest.validation import Diagnostics


@dataclass(frozen=True, slots=True)
class ManifestContext:
    """The manifest's fields, the names that may be used in it, its folder, and where faults are noted."""

    manifest: ManifestFile
    vocabulary: Vocabulary
    folder: Path
    diagnostics: Diagnostics
