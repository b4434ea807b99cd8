"""How far each song is: counted in the flow, shown as one live line a song in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.live import Live
from rich.table import Table

from catalog.albums import PlannedSong


@dataclass(frozen=True, slots=True)
class SongProgress:
    """What has been done for one song so far."""

    title: str
    candidates: int
    rendered: int = 0
    scored: int = 0
    picked: int | None = None
    mastered: bool = False
    delivered: bool = False
    failed: str | None = None

    def sentence(self) -> str:
        """The song's line: what is done, in order."""
        parts = [f"rendered {self.rendered}/{self.candidates}", f"scored {self.scored}/{self.candidates}"]
        parts += [f"picked seed {self.picked}"] if self.picked is not None else []
        parts += ["mastered"] if self.mastered else []
        parts += ["delivered"] if self.delivered else []
        parts += [f"failed: {self.failed}"] if self.failed else []
        return " · ".join(parts)

    @property
    def share(self) -> float:
        """Rough share of the work done, 0 to 1."""
        done = self.rendered + self.scored + 2 * (self.picked is not None) + 2 * self.mastered + 2 * self.delivered
        return done / (2 * self.candidates + 6)


class Progress:
    """The songs' progress; tells its listeners after each change."""

    def __init__(self, songs: Sequence[PlannedSong]) -> None:
        self.songs = {s.song.id: SongProgress(s.song.title, len(s.candidates)) for s in songs}
        self._listeners: list[Callable[[str], None]] = []

    def listen(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with the song's id after each change."""
        self._listeners.append(listener)

    def note(
        self,
        song_id: str,
        *,
        rendered: int = 0,
        scored: int = 0,
        picked: int | None = None,
        mastered: bool = False,
        delivered: bool = False,
        failed: str | None = None,
    ) -> None:
        """Count what just happened."""
        now = self.songs[song_id]
        self.songs[song_id] = replace(
            now,
            rendered=now.rendered + rendered,
            scored=now.scored + scored,
            picked=now.picked if picked is None else picked,
            mastered=now.mastered or mastered,
            delivered=now.delivered or delivered,
            failed=failed or now.failed,
        )
        for listener in self._listeners:
            listener(song_id)

    def take(self, song_id: str, now: SongProgress) -> None:
        """Put in what was counted elsewhere."""
        self.songs[song_id] = now
        for listener in self._listeners:
            listener(song_id)

    @property
    def share(self) -> float:
        """Share of the album's work done, 0 to 1."""
        return sum(song.share for song in self.songs.values()) / max(1, len(self.songs))


class LiveLines:
    """One live line a song; on a terminal that is none, one printed line for each change."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4, transient=False)
        progress.listen(self._changed)

    def __enter__(self) -> LiveLines:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the terminal as it was, the lines in place."""
        if self._console.is_terminal:
            self._live.stop()

    def _changed(self, song_id: str) -> None:
        if not self._console.is_terminal:
            song = self._progress.songs[song_id]
            self._console.print(f"{song.title}: {song.sentence()}", markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for song in self._progress.songs.values():
            mark = "[red]✗[/]" if song.failed else "[green]✓[/]" if song.delivered else "[cyan]…[/]"
            table.add_row(mark, song.title.replace("[", "\\["), song.sentence().replace("[", "\\["))
        return table
