"""Log messages about the stages of an album, for the coordinating run: each is logged once, when it becomes true."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from catalog.common.text import counted
from flows.pipeline.progress import Progress


class Stages:
    """Reports the progress of the songs, and only what has changed since the last report."""

    def __init__(self, progress: Progress, log: Callable[[str], None]) -> None:
        self._progress = progress
        self._logged: frozenset[str] = frozenset()
        self.log = log
        """Receives each message."""

    def begin(self, until: str, attempt: int) -> None:
        """Log the songs and takes to be made."""
        songs = self._progress.songs.values()
        takes = sum(song.candidates for song in songs)
        attempt_text = f", attempt {attempt}" if attempt > 1 else ""
        work = f"{counted(len(songs), 'song')} with {counted(takes, 'take')}"
        self.log(f"Coordinating {work}, until the stage {until}{attempt_text}.")

    def log_changes(self) -> None:
        """Log the sentences that are true now and were not at the last call."""
        sentences = list(self._sentences())
        for sentence in sentences:
            if sentence not in self._logged:
                self.log(sentence)
        self._logged = frozenset(sentences)

    def _sentences(self) -> Iterator[str]:
        songs = list(self._progress.songs.values())
        takes = sum(song.candidates for song in songs)
        if rendered_count := sum(song.rendered for song in songs):
            yield f"Rendered {rendered_count} of {counted(takes, 'take')}."
        for stage, count in (
            ("Decided", sum(song.selected_seed is not None for song in songs)),
            ("Mastered", sum(song.mastered for song in songs)),
            ("Finished", sum(song.delivered for song in songs)),
        ):
            if count:
                yield f"{stage} {count} of {counted(len(songs), 'song')}."
        for song in songs:
            if song.failed:
                yield f"Failed: {song.failed if song.failed.startswith(song.title) else f'{song.title}: {song.failed}'}"
