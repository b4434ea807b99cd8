"""``select``: replaying the selection of an album under another policy."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.text import Text

from catalog.album import Album
from catalog.albums import PlannedAlbum, PlannedSong, apply_policy
from catalog.digests import Json
from catalog.errors import InputError, SonglineError
from catalog.house import House, open_house
from catalog.policy import CandidateReadings, Policy, decide
from catalog.policy_file import read_policy
from catalog.queries import StepResult, readings, render_products, step_result
from catalog.settings import load_settings
from catalog.songs import songs_of
from catalog.work import StepRequest
from flows.cli.output import print_error, print_json, stdout
from flows.execution import Peek
from flows.forecast import peek
from flows.line import Line
from flows.needs import identities_of, models_of_judges
from flows.planning import declare_album, plan_album
from flows.progress import Progress
from flows.reading import read_album
from tasks import requests
from tasks.circumstances import circumstances
from tasks.scoring.registry import metric_specs
from tasks.scoring.step import near_duplicates
from tasks.steps import run_step


def select(path: Path, policy_path: Path, *, apply: bool, as_json: bool) -> None:
    """Decide every song again from the scores there are; store nothing unless ``apply``."""
    settings = load_settings()
    album = read_album(path, settings)
    policy = read_policy(policy_path, metric_specs())
    failures: Mapping[str, SonglineError] = {}
    with open_house(settings) as house:
        planned = plan_album(house, album)
        identities = identities_of(models_of_judges(policy, album.songs), house.models, planned=planned.identities)
        decisions = {song.song.id: _replay(house, song, policy, identities) for song in planned.songs}
        if apply:
            failures = _apply(house, album, policy, identities)
            decisions = {song.id: dict(song.decision or {}) for song in songs_of(house.database, album.id)}
    _show(album, decisions, applied=apply, as_json=as_json)
    titles = {song.id: song.title for song in album.songs}
    for song_id, error in failures.items():
        print_error(error, as_json=as_json, about=titles.get(song_id, song_id))
    if failures:
        sys.exit(1)
    if not as_json:
        after = f"Kept until the manifest's own policy changes. `songline render {path}` finishes the new winners."
        stdout().print(after if apply else "Nothing was stored; add --apply to keep these decisions.")


class _Decide(Peek):
    """Finds what is finished, and decides; does no other work."""

    async def step(self, request: StepRequest, sentence: str) -> StepResult:
        if request.kind == "select" and step_result(self.house.database, request.key) is None:
            self.house.ledger.declare_steps([request])
            run_step(self.house, request.key, circumstances())
        return await super().step(request, sentence)


def _apply(house: House, album: Album, policy: Policy, identities: Mapping[str, Json]) -> Mapping[str, SonglineError]:
    planned: PlannedAlbum = replace(declare_album(house, album), policy=policy, identities=identities)
    if asyncio.run(peek(house, planned, Progress(planned.songs), "score")) is None:
        raise InputError("some candidates are not scored yet", remedy="Run `songline render` first")
    apply_policy(house.database, album.id, policy=policy, over=album.selection, identities=identities)
    return asyncio.run(Line(house, planned, _Decide(house), Progress(planned.songs)).run("select")).failures


def _replay(house: House, planned: PlannedSong, policy: Policy, identities: Mapping[str, Json]) -> Mapping[str, Json]:
    scored: list[CandidateReadings] = []
    heard: dict[str, list[str]] = {}
    unheard = False
    for candidate in planned.candidates:
        audio = render_products(house.database, candidate.render_key).get("audio")
        song = candidate.of(planned.song)
        asked = requests.listen(song, audio, policy=policy, identities=identities) if audio else ()
        if asked and all(step_result(house.database, request.key) for request in asked):
            heard[candidate.id] = [request.key for request in asked]
            found = readings(house.database, heard[candidate.id])
            is_retake = candidate.parent is not None
            scored.append(CandidateReadings(candidate.id, candidate.seed, candidate.order, found, is_retake))
        unheard |= len(asked) > 1 and step_result(house.database, asked[0].key) is not None
    if not scored and unheard:
        raise InputError(
            f"no judge that the policy asks has listened to {planned.song.title} yet",
            remedy="Write its metric into the manifest's `selection`, and render: the takes are not made again",
        )
    if not scored:
        raise InputError(f"{planned.song.title} has no scored candidates", remedy="Run `songline render` first")
    return decide(policy, scored, metric_specs(), alike=near_duplicates(house.database, heard)).document()


def _show(album: Album, decisions: Mapping[str, Mapping[str, Json]], *, applied: bool, as_json: bool) -> None:
    if as_json:
        songs = [{"id": song.id, "title": song.title, **decisions[song.id]} for song in album.songs]
        print_json({"album": album.id, "applied": applied, "songs": songs})
        return
    for song in album.songs:
        stdout().print(Text(song.title, style="bold"))
        stdout().print(Text(f"  {decisions[song.id]['sentence']}"), soft_wrap=True)
