"""The markdown of an album's pages in the Prefect UI.

Tables are written in markdown, as a table artifact would truncate sentences, and its cells are markdown in one version
of the UI and plain text in the other.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from catalog.common.errors import SonglineError
from catalog.common.text import counted
from catalog.plan.status import CandidateRow, SongRow
from catalog.selection.explanation import label, stored_figure
from tasks.scoring.registry import metric_specs

SONGS_SHOWN = 100
"""Songs on the page and with scores pages; of a larger album, failed songs and songs in progress come first."""
NONE = "–"
UNSAFE = re.compile(r"([\\`*_{}\[\]<>|#~&])")
ADDRESS = re.compile(r"(?i)((?:https?|ftp):(?=//)|www(?=\.)|(?=@))")
"""Addresses that the two versions of the UI turn into links, even in a title."""
ZERO_WIDTH_SPACE = "\u200b"
"""A zero-width space: entities and backslashes are resolved before links are detected."""
URGENCY = ("failed", "rendering", "rendered", "planned", "decided")

Failures = Mapping[str, SonglineError]


def safe(text: str) -> str:
    """Text on one line, escaped for markdown, with addresses kept from becoming links."""
    return literal(" ".join(text.split()))


def literal(text: str) -> str:
    """Text escaped for markdown, with addresses kept from becoming links; a page's own links are written separately."""
    return ADDRESS.sub(rf"\1{ZERO_WIDTH_SPACE}", UNSAFE.sub(r"\\\1", text))


def songs_page(title: str, songs: Sequence[SongRow], failures: Failures, *, album_id: str, note: str = "") -> str:
    """The state of each song, with the explanation of its selection or its error and remedy; ``note`` comes first."""
    states = Counter(_state(song, failures) for song in songs)
    takes = [candidate for song in songs for candidate in song.candidates]
    parts = [f"{states[state]} {state}" for state in URGENCY if states[state]]
    parts.append(f"{sum(take.state == 'rendered' for take in takes)} of {counted(len(takes), 'take')} rendered")
    shown_songs = _shown(songs, failures)
    rows = (_song_row(song, _state(song, failures)) for song in shown_songs)
    lines = [f"# {safe(title)}", "", *([f"**{safe(note)}**", ""] if note else ())]
    lines += [" · ".join(parts), "", *table(("song", "state", "takes", "winner"), rows)]
    # The first version of Prefect's pages truncates long cells: sentences come below the table, errors first.
    explanations = [
        (song, explanation) for song in shown_songs if (explanation := _reason(song, failures.get(song.id)))
    ]
    explanations.sort(key=lambda pair: _state(pair[0], failures) != "failed")
    lines += ["", *(f"- **{safe(song.title)}**: {safe(explanation)}" for song, explanation in explanations)]
    if hidden_count := len(songs) - len(shown_songs):
        lines += ["", f"And {hidden_count} more: `songline status {album_id}` shows all."]
    return "\n".join(lines)


def scores_page(song: SongRow) -> str:
    """Every take of a song with its metrics, best first."""
    lines = [f"# {safe(song.title)}", "", safe(_sentence(song)), ""]
    if song.decision:
        metric_names, specs = list(song.decision["weights"]), metric_specs()
        headings = [label(specs[name]) if name in specs else name for name in metric_names]
        takes = song.decision["candidates"]
        lines += table(
            ("rank", "take", "gates", *headings, "score"), (_score_row(take, metric_names) for take in takes)
        )
        lines += ["", *(f"- **{safe(take['id'])}**: {safe(take['sentence'])}" for take in takes)]
    decided_ids = {take["id"] for take in song.decision["candidates"]} if song.decision else set()
    undecided_takes = [take for take in song.candidates if take.id not in decided_ids]
    if undecided_takes:
        lines += ["", *table(("take", "state", "what helps"), map(_undecided_row, undecided_takes))]
    return "\n".join(lines)


def report(title: str, songs: Sequence[SongRow], failures: Failures, *, fetch: str | None) -> str:
    """The whole album as text; ``fetch`` is the command that exports its release."""
    lines = [f"# {safe(title)}", ""]
    lines += [f"Its release is written to any machine by `{fetch}`.", ""] if fetch else []
    for song in _shown(songs, failures):
        failure = failures.get(song.id)
        sentence = f"**Failed:** {safe(_failure_text(song, failure))}" if failure else safe(_sentence(song))
        lines += [f"## {safe(song.title)}", "", sentence, ""]
    return "\n".join(lines)


def _state(song: SongRow, failures: Failures) -> str:
    return "failed" if song.id in failures else song.state


def _song_row(song: SongRow, state: str) -> tuple[str, ...]:
    states = Counter(take.state for take in song.candidates)
    takes = f"{states['rendered']} of {len(song.candidates)}"
    takes += f", {states['failed']} failed" if states["failed"] else ""
    return safe(song.title), f"**{state}**" if state == "failed" else state, takes, safe(song.winner or NONE)


def _reason(song: SongRow, failure: SonglineError | None) -> str:
    if failure:
        return _failure_text(song, failure)
    errors = dict.fromkeys(_error(take) for take in song.candidates if take.state == "failed")
    return " ".join(part for part in (_sentence(song) if song.winner or song.decision else "", *errors) if part)


def _failure_text(song: SongRow, failure: SonglineError) -> str:
    return str(failure).removeprefix(f"{song.title}: ")


def _sentence(song: SongRow) -> str:
    if song.decision:
        return str(song.decision["sentence"])
    return f"Winner: {song.winner}." if song.winner else "Not decided yet."


def _error(take: CandidateRow) -> str:
    return f"{take.error.get('error')}. {take.error.get('remedy')}." if take.error else ""


def _shown(songs: Sequence[SongRow], failures: Failures) -> Sequence[SongRow]:
    if len(songs) <= SONGS_SHOWN:
        return songs
    return sorted(songs, key=lambda song: URGENCY.index(_state(song, failures)))[:SONGS_SHOWN]


def _score_row(take: Mapping[str, Any], metric_names: Sequence[str]) -> tuple[str, ...]:
    failed_gates = [gate["name"] for gate in take["gates"] if not gate["passed"]]
    return (
        str(take["rank"] or NONE),
        safe(take["id"]),
        safe(f"failed: {', '.join(failed_gates)}" if failed_gates else "passed"),
        *(stored_figure(take["metrics"].get(name)) for name in metric_names),
        NONE if take["score"] is None else f"{take['score']:.2f}",
    )


def _undecided_row(take: CandidateRow) -> tuple[str, ...]:
    return safe(take.id), take.state, safe(_error(take)) or NONE


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a markdown table."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
