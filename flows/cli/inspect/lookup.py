"""``status`` and ``scores``: show the state of albums and the scores of takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from catalog.catalog import open_catalog
from catalog.catalog_errors import errors_translated
from catalog.common.digests import Json
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.common.understood import understood
from catalog.ledger.results import score_windows
from catalog.lineage.history import lines_of, song_history
from catalog.plan.queries import require_album
from catalog.plan.status import CandidateRow, SongRow, songs_of
from catalog.selection.explanation import label, stored_figure
from catalog.selection.stored_reviews import reviews_of_album
from flows.cli.console.lookup import album_id
from flows.cli.console.reviews import review_line
from flows.console import SafeTable, print_json, stdout
from tasks.scoring.registry import metric_specs


def _songs(album_name: str, *, documents: bool = True) -> tuple[str, list[SongRow]]:
    settings = load_settings()
    id_of_album = album_id(album_name, settings)
    with open_catalog(settings) as catalog, understood():
        return id_of_album, songs_of(catalog.database, id_of_album, documents=documents)


def scores(album_name: str, *, as_json: bool) -> None:
    """Print every candidate's scores, gates and rank."""
    id_of_album, songs = _songs(album_name)
    with open_catalog(load_settings()) as catalog, understood():
        reviews = reviews_of_album(catalog.database, id_of_album)
    said = {song: [review.line() for review in listed] for song, listed in reviews.items()}
    if as_json:
        audio_digests = [
            candidate.audio_digest for song in songs for candidate in song.candidates if candidate.audio_digest
        ]
        with open_catalog(load_settings()) as catalog, understood():
            windows = score_windows(catalog.database, audio_digests)
        documents = [
            {
                "id": scored_song.id,
                "title": scored_song.title,
                "candidates": _with_windows(scored_song, windows),
                **({"reviews": said[scored_song.id]} if scored_song.id in said else {}),
            }
            for scored_song in songs
        ]
        print_json({"album": id_of_album, "songs": documents})
        return
    with errors_translated(load_settings()), understood():
        _print_scores(songs, said)


def history(album_name: str, song: str, *, as_json: bool) -> None:
    """Print a song's takes as a tree, and what happened to it as a time line."""
    settings = load_settings()
    with open_catalog(settings) as catalog, understood():
        id_of_album = album_id(album_name, settings)
        require_album(catalog.database, id_of_album)
        told = song_history(catalog.database, id_of_album, song)
    if as_json:
        print_json(told.model_dump(mode="json"))
        return
    stdout().print(Text(told.title, style="bold"), soft_wrap=True)
    for line in lines_of(told):
        stdout().print(Text(f"  {line}".rstrip()), soft_wrap=True)


def _print_scores(songs: Sequence[SongRow], said: Mapping[str, Sequence[Mapping[str, Json]]]) -> None:
    for song in songs:
        stdout().print(Text(song.title, style="bold"))
        if song.decision is None:
            stdout().print("  not decided yet")
            continue
        stdout().print(Text(f"  {song.decision['sentence']}"), soft_wrap=True)
        stdout().print(_score_table(song.decision))
        for review in said.get(song.id, ()):
            stdout().print(Text(f"  {review_line(review)}"), soft_wrap=True)
        if song.waiting:
            stdout().print(
                f"  {counted(len(song.waiting), 'newer candidate')} not scored yet: `songline render` decides again"
            )


def _candidate_documents(song: SongRow) -> list[dict[str, Any]]:
    if song.decision is None:
        return [_undecided_document(candidate) for candidate in song.candidates]
    undecided_candidates = [row for row in song.candidates if row.state == "failed" or row.id in song.waiting]
    return [dict(candidate) for candidate in song.decision["candidates"]] + [
        _undecided_document(row) for row in undecided_candidates
    ]


def _with_windows(song: SongRow, windows: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The song's scores with the ``windows`` in which metrics were measured, by audio: they show weak passages."""
    audio = {candidate.id: candidate.audio_digest or "" for candidate in song.candidates}
    documents = _candidate_documents(song)
    for document in documents:
        windows_by_metric = windows.get(audio.get(document["id"], ""), {})
        metrics = {name: dict(metric) for name, metric in document["metrics"].items()}
        for name in metrics.keys() & windows_by_metric.keys():
            metrics[name]["windows"] = windows_by_metric[name]
        document["metrics"] = metrics
    return documents


def _undecided_document(candidate: CandidateRow) -> dict[str, Any]:
    reason = f": {candidate.error['error']}" if candidate.error else ""
    sentence = f"Not decided: {candidate.state}{reason}."
    return {
        "id": candidate.id,
        "seed": candidate.seed,
        "metrics": {},
        "gates": [],
        "rank": None,
        "sentence": sentence,
    }


def _gates_cell(candidate: Mapping[str, Any]) -> Text:
    if candidate.get("rejected_by"):
        return Text("rejected", style="red")
    failed_gates = [gate["name"] for gate in candidate["gates"] if not gate["passed"]]
    return Text(f"failed {', '.join(failed_gates)}", style="red") if failed_gates else Text("passed", style="green")


def _score_table(decision: Any) -> SafeTable:
    metric_names, specs = list(decision["weights"]), metric_specs()
    table = SafeTable("rank")
    table.add_column("candidate", no_wrap=True, overflow="fold")
    has_engines = any(candidate.get("engine") for candidate in decision["candidates"])
    if has_engines:
        table.add_column("engine")
    for name in ("gates", *(label(specs[name]) if name in specs else name for name in metric_names), "score"):
        table.add_column(name)
    for candidate in decision["candidates"]:
        table.add_row(
            str(candidate["rank"] or "-"),
            candidate["id"],
            *([candidate["engine"]] if has_engines else []),
            _gates_cell(candidate),
            *(stored_figure(candidate["metrics"].get(name)) for name in metric_names),
            "-" if candidate["score"] is None else f"{candidate['score']:.2f}",
        )
    return table
