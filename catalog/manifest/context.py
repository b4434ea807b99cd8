"""The context in which the parts of a manifest are read: its valid names, its folder and its diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from catalog.album.album import NATIVE_STEMS, NONE, Song
from catalog.album.cover.cover import Cover
from catalog.album.notices import Notice
from catalog.album.waivers import MASTER, waiver
from catalog.manifest.schema import MAX_CANDIDATES, ManifestFile
from catalog.manifest.validation import Diagnostics
from catalog.selection.decide import DEFAULT_FAMILIES
from catalog.selection.metrics import MetricSpec


def _no_remarks(song: Song, manifest: ManifestFile) -> Sequence[Notice]:
    return ()


def is_plain_sound(_path: Path) -> bool:
    """Default for an installation without this check: ffmpeg is never needed."""
    return False


def accept_reference(path: Path, digest: str) -> None:
    """Default: accepts every mastering reference."""


def no_cover_remarks(cover: Cover) -> Sequence[str]:
    """Default: no remarks about a cover."""
    return ()


@dataclass(frozen=True)
class Vocabulary:
    """The names that plug-ins define: the valid values of a manifest on this installation."""

    engines: Mapping[str, type[BaseModel]]
    metrics: Mapping[str, MetricSpec]
    deliverables: frozenset[str]
    stem_models: frozenset[str]
    default_engine: str
    max_candidates: int = MAX_CANDIDATES
    """Maximum number of candidates per album."""
    enhancers: frozenset[str] = frozenset()
    voiced: frozenset[str] = frozenset()
    """Deliverables that need a vocal stem."""
    stemless: frozenset[str] = frozenset()
    """Engines without native stems."""
    untimed: frozenset[str] = frozenset()
    """Engines that sing the words at times of their own choice."""
    checks: frozenset[str] = frozenset()
    """Checks of a finished file, which can be waived."""
    cover_remarks: Callable[[Cover], Sequence[str]] = no_cover_remarks
    hear_reference: Callable[[Path, str], None] = accept_reference
    """Raises a SonglineError where a track, given with its digest, cannot be a mastering reference."""
    needs_ffmpeg: Callable[[Path], bool] = is_plain_sound
    """Whether only ffmpeg can decode an audio file, by its first bytes."""
    notices: Callable[[Song, ManifestFile], Sequence[Notice]] = _no_remarks
    """Remarks of plug-ins about a song without faults."""

    @property
    def weighable(self) -> list[str]:
        """Metrics that have a better direction."""
        return sorted(name for name, spec in self.metrics.items() if spec.direction != "none")

    @property
    def waivable(self) -> list[str]:
        """Valid values of ``mastering.waive``: a check of the master, or one of a deliverable."""
        return sorted({waiver(file, check) for file in (MASTER, *self.deliverables) for check in self.checks})

    @property
    def ranking(self) -> list[str]:
        """Metrics that a family can contain."""
        return [name for name in self.weighable if self.metrics[name].family in DEFAULT_FAMILIES]

    @property
    def stems(self) -> list[str]:
        """Valid values of ``stems``."""
        return [NONE, NATIVE_STEMS, *sorted(self.stem_models - {NONE, NATIVE_STEMS})]


@dataclass(frozen=True, slots=True)
class ManifestContext:
    """The manifest's fields, the names that are valid in it, its folder, and its diagnostics."""

    manifest: ManifestFile
    vocabulary: Vocabulary
    folder: Path
    diagnostics: Diagnostics
