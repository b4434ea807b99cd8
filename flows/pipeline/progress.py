"""Progress of each song: counted in the flow, shown as one live line per song in the terminal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from catalog.common import figures
from catalog.common.text import visible
from catalog.plan.plan import PlannedSong

STAGES = ("score", "select", "master", "release")
STEP_NAMES = ("rendering", "scoring", "choosing", "mastering", "delivering", "packing the release")


@dataclass(frozen=True, slots=True)
class SongProgress:
    """The finished work of one song; ``selected_name`` is the winner's seed in words, with its engine where several
    compete."""

    title: str
    candidates: int
    rendered: int = 0
    scored: int = 0
    selected_seed: int | None = None
    selected_name: str = ""
    mastered: bool = False
    delivered: bool = False
    failed: str | None = None

    def sentence(self) -> str:
        """The song's line: its finished steps, in order."""
        parts = [f"rendered {self.rendered}/{self.candidates}"] if self.rendered else []
        parts += [f"scored {self.scored}/{self.candidates}"] if self.scored else []
        parts += (
            [f"picked {self.selected_name or f'seed {self.selected_seed}'}"] if self.selected_seed is not None else []
        )
        parts += ["mastered"] if self.mastered else []
        parts += ["delivered"] if self.delivered else []
        parts += [f"failed: {self.failed.removeprefix(f'{self.title}: ')}"] if self.failed else []
        return " · ".join(parts) or "waiting"

    @property
    def share(self) -> float:
        """Approximate share of the work done, 0 to 1."""
        done_count = (
            self.rendered + self.scored + 2 * (self.selected_seed is not None) + 2 * self.mastered + 2 * self.delivered
        )
        return done_count / (2 * self.candidates + 6)

    def time_share(self, until: str) -> float:
        """Approximate share, 0 to 1, of the time until the stage ``until``: rendering takes the most."""
        done_weights = (0, 5 * self.mastered, 7 * self.delivered)[: STAGES.index(until)]
        all_weights = (0, 5, 7)[: STAGES.index(until)]
        return (5 * self.rendered + self.scored + sum(done_weights)) / max(1, 6 * self.candidates + sum(all_weights))

    @property
    def next_step(self) -> int:
        """The index of the next step in the sequence of steps."""
        flags = (
            self.rendered >= self.candidates,
            self.scored >= self.candidates,
            self.selected_seed is not None,
            self.mastered,
            self.delivered,
        )
        return flags.index(False) if False in flags else len(flags)


class Progress:
    """The progress of all songs; notifies its listeners after each change."""

    def __init__(self, songs: Sequence[PlannedSong]) -> None:
        self.songs = {song.song.id: SongProgress(song.song.title, len(song.candidates)) for song in songs}
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
        selected_seed: int | None = None,
        selected_name: str = "",
        mastered: bool = False,
        delivered: bool = False,
        failed: str | None = None,
    ) -> None:
        """Record finished work."""
        song = self.songs[song_id]
        self.songs[song_id] = replace(
            song,
            rendered=song.rendered + rendered,
            scored=song.scored + scored,
            selected_seed=song.selected_seed if selected_seed is None else selected_seed,
            selected_name=selected_name or song.selected_name,
            mastered=song.mastered or mastered,
            delivered=song.delivered or delivered,
            failed=failed or song.failed,
        )
        for listener in self._listeners:
            listener(song_id)

    def replace_song(self, song_id: str, progress: SongProgress) -> None:
        """Replace a song's progress with one counted elsewhere."""
        self.songs[song_id] = progress
        for listener in self._listeners:
            listener(song_id)

    @property
    def share(self) -> float:
        """Share of the album's work done, 0 to 1."""
        return sum(song.share for song in self.songs.values()) / max(1, len(self.songs))

    @property
    def is_packing(self) -> bool:
        """Whether only packing the delivered songs remains."""
        songs = self.songs.values()
        return all(song.delivered or song.failed for song in songs) and any(song.delivered for song in songs)

    def stage(self, until: str = "release") -> str:
        """The current stage of the songs that are furthest behind, in one word."""
        step_indices = [song.next_step for song in self.songs.values() if not song.failed]
        last_index = {"score": 1, "select": 2, "master": 3, "release": 5}[until]
        return STEP_NAMES[min(min(step_indices, default=5), last_index)]


class LiveLines:
    """One live line per song, and one for the album; where the output is no terminal, one printed line for each
    change.

    ``until`` is the last stage; ``clock`` counts seconds.
    """

    def __init__(
        self,
        progress: Progress,
        console: Console,
        *,
        until: str = "release",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._progress = progress
        self._console = console
        self._until = until
        self._clock = clock
        self._start_s = clock()
        self._printed_packing = False
        self._shares = {song_id: song.time_share(until) for song_id, song in progress.songs.items()}
        self._share_sum = sum(self._shares.values())
        self._live = Live(console=console, get_renderable=self._table, refresh_per_second=4, transient=False)
        progress.listen(self._changed)

    def __enter__(self) -> LiveLines:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the display and leave the lines in place."""
        if self._console.is_terminal:
            self._live.stop()

    def _changed(self, song_id: str) -> None:
        share = self._progress.songs[song_id].time_share(self._until)
        self._share_sum += share - self._shares[song_id]
        self._shares[song_id] = share
        if not self._console.is_terminal:
            song = self._progress.songs[song_id]
            self._console.print(f"{song.title}: {song.sentence()} ({self._time()})", soft_wrap=True)
            if not self._printed_packing and self._until == "release" and self._progress.is_packing:
                self._printed_packing = True
                self._console.print(f"Packing the release ({self._time()})", soft_wrap=True)

    def _time(self) -> str:
        share = round(self._share_sum / max(1, len(self._shares)), 9)  # a running sum has rounding errors
        return time_sentence(self._clock() - self._start_s, share)

    def _table(self) -> Group:
        table = Table.grid(padding=(0, 2))
        for song in self._progress.songs.values():
            style, mark = ("red", "✗") if song.failed else ("green", "✓") if song.delivered else ("cyan", "…")
            table.add_row(Text(mark, style=style), Text(visible(song.title)), Text(visible(song.sentence())))
        return Group(table, Text(f"{self._progress.stage(self._until)} · {self._time()}", style="bold"))


def time_sentence(elapsed_s: float, share: float) -> str:
    """The elapsed time, and the remaining time at the same pace once it can be estimated: after 5 % and 3 seconds."""
    sentence = f"{figures.clock(elapsed_s, with_hours=True)} elapsed"
    if share < 0.05 or share >= 1 or elapsed_s < 3:
        return sentence
    left_s = elapsed_s * (1 - share) / share
    return f"{sentence}, about {figures.clock(left_s, with_hours=True)} left"
