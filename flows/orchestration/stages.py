"""The stages of an album as sentences for the log of the run in charge: each is said once, when it is reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from catalog.common.text import counted
from flows.pipeline.progress import Progress


class Stages:
    """Says how far the songs are, and only what has changed since it was last asked."""

    def __init__(self, progress: Progress, say: Callable[[str], None]) -> None:
        self._progress = progress
        self._said: frozenset[str] = frozenset()
        self.say = say
        """Where sentences go."""

    def begin(self, until: str, attempt: int) -> None:
        """Say what is to be made."""
        songs = self._progress.songs.values()
        takes = sum(song.candidates for song in songs)
        again = f", attempt {attempt}" if attempt > 1 else ""
        what = f"{counted(len(songs), 'song')} with {counted(takes, 'take')}"
        self.say(f"In charge of {what}, until the stage {until}{again}.")

    def tell(self) -> None:
        """Say what is true now and was not at the last call."""
        now = list(self._sentences())
        for sentence in now:
            if sentence not in self._said:
                self.say(sentence)
        self._said = frozenset(now)

    def _sentences(self) -> Iterator[str]:
        songs = list(self._progress.songs.values())
        takes = sum(song.candidates for song in songs)
        if rendered := sum(song.rendered for song in songs):
            yield f"Rendered {rendered} of {counted(takes, 'take')}."
        for done, count in (
            ("Decided", sum(song.picked is not None for song in songs)),
            ("Mastered", sum(song.mastered for song in songs)),
            ("Finished", sum(song.delivered for song in songs)),
        ):
            if count:
                yield f"{done} {count} of {counted(len(songs), 'song')}."
        for song in songs:
            if song.failed:
                yield f"Failed: {song.failed if song.failed.startswith(song.title) else f'{song.title}: {song.failed}'}"
