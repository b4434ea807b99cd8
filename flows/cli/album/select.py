"""``select``: repeats the selection of an album with another policy."""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from catalog.album.album import Album
from catalog.catalog import Catalog, open_catalog
from catalog.common.digests import Json
from catalog.common.errors import InputError, SonglineError
from catalog.common.settings import load_settings
from catalog.ledger.results import render_products, scored_candidates, step_results
from catalog.manifest.policy_file import read_policy
from catalog.plan.applied_policy import Applicant, origin_document, origin_sentence
from catalog.plan.plan import PlannedAlbum, PlannedSong, apply_policy
from catalog.plan.status import songs_of
from catalog.selection.album.choose import fitted
from catalog.selection.decide import NOTHING_SAID, CandidateReadings, Decision, Policy, decide
from catalog.selection.stored_reviews import standing_reviews
from flows.console import SafeTable, print_error, print_json, stdout, warn
from flows.pipeline.decide_now import decide_now
from flows.pipeline.forecast import finished_result
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_plan, plan_album
from flows.planning.read_manifest import read_album
from flows.planning.required_models import identities_of, models_of_judges
from tasks.scoring.album_requests import ScoreKeys
from tasks.scoring.album_step import chosen_now
from tasks.scoring.registry import metric_specs
from tasks.scoring.requests import request_scores
from tasks.scoring.step import near_duplicates
from tasks.steps.environment import execution_environment, user_name


def select(path: Path, policy_path: Path | None, *, apply: bool, undo: bool, as_json: bool) -> None:
    """Decide every song again from the existing scores; store nothing unless ``apply`` is set, or ``undo``, which goes
    back to the manifest's own policy."""
    if (policy_path is None) != undo or (undo and apply):
        remedy = "Give `--policy FILE`, with `--apply` to keep it; or `--undo` alone to go back to the manifest's"
        fault = "takes no `--apply` beside `--undo`" if undo and apply else "takes either a policy or `--undo`"
        raise InputError(f"`select` {fault}", remedy=remedy)
    settings = load_settings()
    album = read_album(path, settings)
    policy = read_policy(policy_path, metric_specs()) if policy_path else album.selection
    failures: Mapping[str, SonglineError] = {}
    with open_catalog(settings) as catalog:
        planned = plan_album(catalog, album)
        identities = identities_of(models_of_judges(policy, album.songs), catalog.models, planned=planned.identities)
        replayed = {song.song.id: _replay(catalog, song, policy, identities) for song in planned.songs}
        decisions = _documents(catalog, policy, replayed)
        previous_winners = _winners(catalog, album)
        if is_stored := apply or undo:
            failures = _apply(catalog, planned, policy, identities, file=policy_path.name if policy_path else None)
            decisions = {song.id: dict(song.decision or {}) for song in songs_of(catalog.database, album.id)}
    _print_decisions(album, decisions, previous_winners, is_applied=is_stored, as_json=as_json)
    titles = {song.id: song.title for song in album.songs}
    for song_id, error in failures.items():
        print_error(error, as_json=as_json, subject=titles.get(song_id, song_id))
    if failures:
        if apply:
            remedy_text = f"`songline select {shlex.quote(str(path))} --undo` goes back to the manifest's."
            warn(f"The policy of {policy_path} applies now, though it leaves songs without a winner; {remedy_text}")
        sys.exit(1)
    if not as_json:
        stdout().print(_applied_sentence(path, planned, apply=apply, undo=undo), soft_wrap=True)


def _winners(catalog: Catalog, album: Album) -> dict[str, str | None]:
    """The current winner of each song, by the song's id."""
    return {song.id: song.winner for song in songs_of(catalog.database, album.id, documents=False)}


def _applied_sentence(path: Path, planned: PlannedAlbum, *, apply: bool, undo: bool) -> str:
    origin = origin_sentence(origin_document(planned.policy, planned.applied))
    if apply:
        sentence = f"Kept until the manifest's own policy changes, or `songline select {path} --undo`."
        return f"{sentence} `songline render {path}` finishes the new winners."
    if undo and planned.applied is None:
        return "There was nothing to undo: the manifest's own policy applies already."
    if undo:
        return f"Taken back: {origin}. The manifest's own applies again; `songline render {path}` finishes its winners."
    return f"Nothing was stored; add --apply to keep these decisions. What applies is {origin}."


def _apply(
    catalog: Catalog, planned: PlannedAlbum, policy: Policy, identities: Mapping[str, Json], *, file: str | None
) -> Mapping[str, SonglineError]:
    album = planned.album
    planned = replace(declare_plan(catalog, planned), policy=policy, identities=identities)
    if asyncio.run(finished_result(catalog, planned, Progress(planned.songs), "score")) is None:
        raise InputError("some candidates are not scored yet", remedy="Run `songline render` first")
    applicant = Applicant(file, user_name(), execution_environment())
    apply_policy(
        catalog.database, album.id, policy=policy, over=album.selection, identities=identities, applicant=applicant
    )
    return decide_now(catalog, planned)


def _replay(
    catalog: Catalog, planned: PlannedSong, policy: Policy, identities: Mapping[str, Json]
) -> tuple[Decision, ScoreKeys]:
    keys_by_candidate: dict[str, list[str]] = {}
    is_unjudged = False
    for candidate in planned.candidates:
        audio = render_products(catalog.database, candidate.render_key).get("audio")
        song = candidate.of(planned.song)
        requests = request_scores(song, audio, policy=policy, identities=identities) if audio else ()
        results = step_results(catalog.database, [request.key for request in requests])
        if requests and len(results) == len(requests):
            keys_by_candidate[candidate.id] = [request.key for request in requests]
        is_unjudged |= len(requests) > 1 and requests[0].key in results
    scored = scored_candidates(catalog.database, keys_by_candidate)
    candidate_readings = [
        CandidateReadings(
            candidate.id,
            candidate.seed,
            candidate.order,
            scored[candidate.id].readings,
            retake=candidate.parent is not None,
            engine=candidate.competing_engine(planned.song),
        )
        for candidate in planned.candidates
        if candidate.id in scored
    ]
    if not scored and is_unjudged:
        raise InputError(
            f"no judge of the policy has scored {planned.song.title} yet",
            remedy="Write its metric into the manifest's `selection`, and render: the takes are not made again",
        )
    if not scored:
        raise InputError(f"{planned.song.title} has no scored candidates", remedy="Run `songline render` first")
    decision = decide(
        policy,
        candidate_readings,
        metric_specs(),
        alike=near_duplicates(catalog.database, scored, [each.id for each in candidate_readings if each.retake]),
        reviews=standing_reviews(catalog.database, [planned.row_id]).get(str(planned.row_id), NOTHING_SAID),
        failed=[candidate.id for candidate in planned.candidates if candidate.id not in scored],
    )
    return decision, keys_by_candidate


def _documents(
    catalog: Catalog, policy: Policy, replayed: Mapping[str, tuple[Decision, ScoreKeys]]
) -> dict[str, Mapping[str, Json]]:
    """The documents of decisions by song, with the takes that fit together where the policy chooses them."""
    decisions = {song: decision for song, (decision, _) in replayed.items()}
    if policy.album:
        chosen = chosen_now(catalog, policy.album, replayed)
        for change in chosen.changes:
            own = decisions[change.song]
            decisions[change.song] = fitted(
                own, change.after, sentence=change.sentence, album_sentence=chosen.sentence, step_key=None
            )
    return {song: decision.document() for song, decision in decisions.items()}


def _print_decisions(
    album: Album,
    decisions: Mapping[str, Mapping[str, Json]],
    old_winners: Mapping[str, str | None],
    *,
    is_applied: bool,
    as_json: bool,
) -> None:
    """Print each song's decision, with its previous winner."""
    if as_json:
        songs = [
            {
                "id": song.id,
                "title": song.title,
                **decisions[song.id],
                "before": {"winner": old_winners.get(song.id)},
            }
            for song in album.songs
        ]
        print_json({"album": album.id, "applied": is_applied, "songs": songs})
        return
    table = SafeTable("song", "winner before", "winner now", "")
    for song in album.songs:
        old_winner, new_winner = old_winners.get(song.id), decisions[song.id].get("winner")
        table.add_row(
            Text(song.title), old_winner or "-", new_winner or "-", "same" if old_winner == new_winner else "changed"
        )
    stdout().print(table)
    for song in album.songs:
        stdout().print(Text(song.title, style="bold"))
        stdout().print(Text(f"  {decisions[song.id]['sentence']}"), soft_wrap=True)
