"""The manifests whose albums may be rendered by a button: those that were named when the app was started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from catalog.common.errors import InputError
from catalog.common.settings import Settings
from flows.planning.read_manifest import album_id


@dataclass(frozen=True, slots=True)
class Manifests:
    """Manifests by the id of their album, and the folder that gets the releases. The catalog keeps what a manifest
    said, not where it lies."""

    by_album: Mapping[str, Path] = field(default_factory=dict)
    out: Path = Path("releases")

    @classmethod
    def named(cls, paths: Sequence[Path], out: Path, settings: Settings) -> Self:
        """The manifests that a user names. Raises ManifestError, and InputError where two are of one album."""
        found: dict[str, Path] = {}
        for path in paths:
            album = album_id(path, settings)
            if album in found:
                raise InputError(f"{found[album]} and {path} are both of {album!r}", remedy="Name one of them")
            found[album] = path.absolute()
        return cls(found, out.absolute())
