"""The failures that stop songs of an album, as shown by ``plan`` and ``retry``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.common.digests import Json
from catalog.common.errors import SonglineError, error_document
from flows.pipeline.retry_failed import is_temporary
from flows.pipeline.survey import NEXT, AlbumStatus


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed song, or its album where ``song`` is None, with the stage and the error."""

    album: str
    song: str | None
    title: str
    stage: str
    error: SonglineError

    def sentence(self) -> str:
        """The failure in one line."""
        error_text = str(self.error)
        return (
            f"Failed in {self.stage}: {error_text}"
            if error_text.startswith(self.title)
            else f"{self.title} failed: {error_text}"
        )

    def document(self) -> dict[str, Json]:
        """As JSON."""
        place = {"album": self.album, "song": self.song, "title": self.title, "stage": self.stage}
        return {**place, **error_document(self.error)}


def failures_of(status: AlbumStatus) -> list[Failure]:
    """The failures of the songs, and of the album where packing failed."""
    failures = [
        Failure(status.album_id, song.id, song.title, NEXT[song.stage], song.error)
        for song in status.songs
        if song.error
    ]
    if status.error:
        failures.append(Failure(status.album_id, None, status.title, "packing", status.error))
    return failures


def what_next(failures: Sequence[Failure]) -> str:
    """A sentence about what happens to the failures when the album is rendered again."""
    if all(is_temporary(failure.error.kind) for failure in failures):
        return "`songline render` tries what failed again."
    subject = "It" if len(failures) == 1 else "They"
    return f"{subject} would fail again in the same way: change the take or the settings as said above."
