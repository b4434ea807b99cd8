"""``select``: replaying the selection of an album under another policy."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from catalog.albums import PlannedSong, apply_policy
from catalog.decision import Decision
from catalog.errors import InputError
from catalog.house import House, open_house
from catalog.policy import CandidateReadings, Policy, decide
from catalog.policy_file import read_policy
from catalog.queries import readings, render_products, step_result
from catalog.settings import load_settings
from flows.cli.output import print_json, stdout
from flows.planning import declare_album
from flows.reading import read_album
from tasks import requests
from tasks.scoring.registry import metric_specs


def select(path: Path, policy_path: Path, *, apply: bool, as_json: bool) -> None:
    """Decide every song again from the scores there are; store nothing unless ``apply``."""
    settings = load_settings()
    album = read_album(path, settings)
    policy = read_policy(policy_path, metric_specs())
    with open_house(settings) as house:
        planned = declare_album(house, album)
        decisions = {song.song.id: _replay(house, song, policy) for song in planned.songs}
        if apply:
            apply_policy(house.database, album.id, policy=policy, over=album.selection)
    titles = {song.id: song.title for song in album.songs}
    if as_json:
        songs = [{"id": song_id, "title": titles[song_id], **d.document()} for song_id, d in decisions.items()]
        print_json({"album": album.id, "applied": apply, "songs": songs})
        return
    for song_id, decision in decisions.items():
        stdout().print(Text(titles[song_id], style="bold"))
        stdout().print(Text(f"  {decision.sentence}"), soft_wrap=True)
    if apply:
        stdout().print(f"Applied. `songline render {path}` finishes the new winners.", markup=False)
    else:
        stdout().print("Nothing was stored; add --apply to keep these decisions.")


def _replay(house: House, planned: PlannedSong, policy: Policy) -> Decision:
    scored: list[CandidateReadings] = []
    for candidate in planned.candidates:
        audio = render_products(house.database, candidate.render_key).get("audio")
        request = requests.score(planned.song, audio) if audio else None
        if request and step_result(house.database, request.key):
            found = readings(house.database, request.key)
            scored.append(CandidateReadings(candidate.id, candidate.seed, candidate.order, found))
    if not scored:
        raise InputError(f"{planned.song.title} has no scored candidates", remedy="Run `songline render` first")
    return decide(policy, scored, metric_specs())
