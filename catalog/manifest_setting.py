"""What the parts of a manifest are read against."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from catalog.manifest_desk import Desk
from catalog.manifest_schema import ManifestFile, Vocabulary


@dataclass(frozen=True, slots=True)
class Setting:
    """The manifest's fields, the names that may be used in it, its folder, and where faults are noted."""

    manifest: ManifestFile
    vocabulary: Vocabulary
    folder: Path
    desk: Desk
