"""The report of a run over an inbox, as JSON for scripts and as text for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from catalog.common.digests import Json
from catalog.common.redaction import redacted
from catalog.common.text import counted, visible
from flows.artifacts.pages import literal

ManifestOutcome = Literal["taken", "left", "faulty", "unchanged"]
OUTCOMES: Mapping[ManifestOutcome, str] = {
    "taken": "Taken",
    "left": "Left for later",
    "faulty": "Faults to correct",
    "unchanged": "Nothing to do",
}
MAX_LINE = 2000


@dataclass(frozen=True, slots=True)
class Entry:
    """The outcome of one manifest, with its reason in one sentence. ``gpu_minutes`` is the forecast of its missing
    renders, ``granted_minutes`` the limit it was submitted with; ``faults`` are complete lines."""

    manifest: str
    outcome: ManifestOutcome
    why: str
    album: str | None = None
    title: str | None = None
    gpu_minutes: float | None = None
    granted_minutes: float | None = None
    faults: tuple[str, ...] = ()

    def document(self) -> dict[str, Json]:
        """The entry as JSON."""
        return {
            "manifest": shown(self.manifest),
            "album": self.album,
            "title": self.title,
            "why": shown(self.why),
            "gpu_minutes": _rounded(self.gpu_minutes),
            "granted_gpu_minutes": _rounded(self.granted_minutes),
            "faults": [shown(fault) for fault in self.faults],
        }


@dataclass(frozen=True, slots=True)
class InboxReport:
    """The report of one run over an inbox. ``trouble`` is the error that stopped it, ``left_as`` the report's path."""

    place: str
    started: datetime
    ended: datetime
    hours: str | None
    budget_minutes: float | None
    spent_before_minutes: float
    entries: Sequence[Entry]
    dry_run: bool = False
    trouble: str | None = None
    left_as: str | None = None

    def of(self, outcome: ManifestOutcome) -> list[Entry]:
        """The entries with this outcome, in the order of the inbox."""
        return [entry for entry in self.entries if entry.outcome == outcome]

    @property
    def taken_minutes(self) -> float:
        """GPU minutes of the submitted albums, by forecast and at most what was granted."""
        entries = self.of("taken")
        return sum(min(entry.gpu_minutes or 0.0, entry.granted_minutes or float("inf")) for entry in entries)

    @property
    def stem(self) -> str:
        """The report's file name without suffix: the start of the run, in UTC."""
        return self.started.astimezone(UTC).strftime("%Y-%m-%dT%H%M%SZ")

    def document(self) -> dict[str, Json]:
        """The report as JSON."""
        return {
            "report_version": 1,
            "place": self.place,
            "started_at": _moment(self.started),
            "ended_at": _moment(self.ended),
            "window": self.hours,
            "dry_run": self.dry_run,
            "gpu_minutes": {
                "budget": _rounded(self.budget_minutes),
                "spent_before": _rounded(self.spent_before_minutes),
                "taken": _rounded(self.taken_minutes),
            },
            "counts": {outcome: len(self.of(outcome)) for outcome in OUTCOMES},
            "trouble": shown(self.trouble) if self.trouble else None,
            **{outcome: [entry.document() for entry in self.of(outcome)] for outcome in OUTCOMES},
        }

    def files(self) -> dict[str, bytes]:
        """The report files that are written to the inbox, by suffix."""
        text = json.dumps(self.document(), ensure_ascii=False, indent=2, allow_nan=False)
        return {".json": f"{text}\n".encode(), ".md": self.markdown().encode()}

    def summary(self) -> str:
        """The run in one sentence."""
        words = {**_COUNTED, "taken": "would be taken"} if self.dry_run else _COUNTED
        counts = ", ".join(f"{len(self.of(outcome))} {word}" for outcome, word in words.items())
        problem = f"; stopped early: {shown(self.trouble)}" if self.trouble else ""
        return f"{counts} of {counted(len(self.entries), 'manifest')}{problem}"

    def markdown(self) -> str:
        """The report as markdown; all text of manifests is escaped."""
        return "\n".join(self._lines(_safe)) + "\n"

    def text(self) -> str:
        """The report for a terminal."""
        return "\n".join(self._lines(shown)) + "\n"

    def _lines(self, safe: Callable[[str], str]) -> Iterator[str]:
        yield f"# Inbox {safe(self.place)}"
        yield ""
        yield f"{_moment(self.started)} to {_moment(self.ended)}: {safe(self.summary())}."
        yield ""
        if self.hours:
            yield f"- Hours: {safe(self.hours)}"
        if self.budget_minutes is not None:
            yield (
                f"- GPU minutes: {self.budget_minutes:.1f} for the night, {self.spent_before_minutes:.1f} of them in "
                f"use before, {self.taken_minutes:.1f} {'would be ' if self.dry_run else ''}taken now"
            )
        for outcome, heading in OUTCOMES.items():
            if entries := self.of(outcome):
                heading = "Would be taken" if self.dry_run and outcome == "taken" else heading
                yield from ("", f"## {heading}", "")
                for entry in entries:
                    yield from _entry_lines(entry, safe)


_COUNTED: Mapping[ManifestOutcome, str] = {
    "taken": "taken",
    "left": "left for later",
    "faulty": "with faults",
    "unchanged": "with nothing to do",
}


def shown(text: str) -> str:
    """An untrusted text on one line of limited length, with unprintable characters escaped."""
    line = " ".join(redacted(text).split())
    safe_text = visible(line, line_breaks=False)
    return safe_text if len(safe_text) <= MAX_LINE else safe_text[: MAX_LINE - 1] + "…"


def _entry_lines(entry: Entry, safe: Callable[[str], str]) -> Iterator[str]:
    title = f" · {safe(entry.title)}" if entry.title else ""
    minutes = f" ({entry.gpu_minutes:.1f} GPU minutes)" if entry.gpu_minutes else ""
    yield f"- **{safe(entry.manifest)}**{title}{minutes}: {safe(entry.why)}"
    yield from (f"  - {safe(fault)}" for fault in entry.faults)


def _safe(text: str) -> str:
    return literal(shown(text))


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _rounded(minutes: float | None) -> float | None:
    return None if minutes is None else round(minutes, 2)
