"""Shows how a training goes: a live view in a terminal, one line for each event elsewhere."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from catalog.common import figures
from flows.training.progress import Curves, ProgressReporter, TrainingProgress, preview_sentence


class TrainingView:
    """Follows a reporter for as long as the block runs. Nothing is shown where ``is_silent``."""

    def __init__(self, reporter: ProgressReporter, console: Console, *, is_silent: bool) -> None:
        self._reporter = reporter
        self._console = console
        self._is_silent = is_silent
        self._is_live = console.is_terminal and not is_silent
        self._began_s = time.monotonic()
        self._shown = reporter.progress
        self._live = Live(console=console, get_renderable=self._view, refresh_per_second=2, transient=False)
        reporter.listen(self._changed)

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

    def _changed(self, progress: TrainingProgress) -> None:
        before, self._shown = self._shown, progress
        if self._is_silent or self._is_live:
            return
        is_evaluated = _evaluations(progress) > _evaluations(before)
        is_another_stage = progress.status is None and progress.sentence() != before.sentence()
        if is_evaluated or is_another_stage or progress.is_trained > before.is_trained:
            self._console.print(f"{progress.sentence()} ({self._elapsed()})", soft_wrap=True)
        for preview in progress.previews[len(before.previews) :]:
            self._console.print(Text(preview_sentence(preview)), soft_wrap=True)

    def _elapsed(self) -> str:
        return f"{figures.clock(time.monotonic() - self._began_s, with_hours=True)} elapsed"

    def _view(self) -> Group:
        progress = self._reporter.progress
        rows = [
            Text(line, style="cyan") for line in Curves.of(progress.status.curve if progress.status else ()).lines()
        ]
        rows += [Text(preview_sentence(made)) for made in progress.previews]
        figures_rows = folded(f"{progress.sentence()} · {self._elapsed()}", self._console.width)
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


def _evaluations(progress: TrainingProgress) -> int:
    return sum(point.held_out is not None for point in progress.status.curve) if progress.status else 0
