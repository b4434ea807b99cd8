"""Shows how a training goes: a live view in a terminal, one line for each event elsewhere."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from catalog.common import figures
from flows.training.course import Course, Curves, Stand, preview_sentence


class TrainingView:
    """Follows a course for as long as the block runs. Nothing is shown where ``is_silent``."""

    def __init__(self, course: Course, console: Console, *, is_silent: bool) -> None:
        self._course = course
        self._console = console
        self._is_silent = is_silent
        self._is_live = console.is_terminal and not is_silent
        self._began_s = time.monotonic()
        self._shown = course.stand
        self._live = Live(console=console, get_renderable=self._view, refresh_per_second=2, transient=False)
        course.listen(self._changed)

    def __enter__(self) -> TrainingView:
        if self._is_live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop the display and leave its last state in place."""
        if self._is_live:
            self._live.stop()

    def _changed(self, stand: Stand) -> None:
        before, self._shown = self._shown, stand
        if self._is_silent or self._is_live:
            return
        is_evaluated = _evaluations(stand) > _evaluations(before)
        is_another_stage = stand.status is None and stand.sentence() != before.sentence()
        if is_evaluated or is_another_stage or stand.is_trained > before.is_trained:
            self._console.print(f"{stand.sentence()} ({self._elapsed()})", soft_wrap=True)
        for preview in stand.previews[len(before.previews) :]:
            self._console.print(Text(preview_sentence(preview)), soft_wrap=True)

    def _elapsed(self) -> str:
        return f"{figures.clock(time.monotonic() - self._began_s, with_hours=True)} elapsed"

    def _view(self) -> Group:
        stand = self._course.stand
        rows = [Text(line, style="cyan") for line in Curves.of(stand.status.curve if stand.status else ()).lines()]
        rows += [Text(preview_sentence(made)) for made in stand.previews]
        figures_rows = folded(f"{stand.sentence()} · {self._elapsed()}", self._console.width)
        return Group(*rows, *(Text(row, style="bold") for row in figures_rows))


def folded(sentence: str, width: int) -> list[str]:
    """The parts of a sentence in rows of at most ``width`` characters, as far as no part is longer."""
    rows: list[str] = []
    for part in sentence.split(" · "):
        if rows and len(rows[-1]) + len(f" · {part}") <= width:
            rows[-1] += f" · {part}"
        else:
            rows.append(part)
    return rows


def _evaluations(stand: Stand) -> int:
    return sum(point.held_out is not None for point in stand.status.curve) if stand.status else 0
