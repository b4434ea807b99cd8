"""``init``, ``validate``, ``schema`` and ``plan``: starter album, manifest check, JSON Schema and forecast."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from catalog.common.settings import load_settings
from catalog.common.text import counted
from flows.console import SafeTable, print_json, stdout, warn, with_song_title

STARTER_ENGINE = "guide"
"""The default engine of a starter album: it renders on every machine, without models."""

if TYPE_CHECKING:
    from catalog.album.album import Song
    from catalog.common.settings import Settings
    from catalog.plan.plan import PlannedSong
    from catalog.recipe import Recipe
    from flows.cli.console.failures import Failure
    from flows.pipeline.forecast import AlbumForecast
    from tasks.engines.base import Engine


def init(folder: Path, title: str, engine: str | None) -> None:
    """Write a starter album for an engine and print the next steps."""
    from catalog.files.permissions import users_umask
    from catalog.manifest.starter import write_starter
    from tasks.engines.registry import get_engine

    settings = load_settings()
    chosen_engine = get_engine(engine or STARTER_ENGINE, settings)
    with users_umask():
        paths = write_starter(
            folder,
            title,
            engine=chosen_engine.name,
            native_stems=chosen_engine.native_stems,
            keeps_times=chosen_engine.keeps_times,
        )
    for path in paths:
        stdout().print(f"wrote {path}")
    manifest = shlex.quote(str(paths[0]))
    first_step = "" if chosen_engine.name == STARTER_ENGINE else "`songline doctor` tells which models it needs; then "
    stdout().print(f"Next: {first_step}songline render {manifest} --out releases", soft_wrap=True)


def validate(path: Path, *, as_json: bool) -> None:
    """Check a manifest; its faults are raised, its warnings printed."""
    from flows.planning.read_manifest import read_album

    album = read_album(path, load_settings())
    if as_json:
        messages = {"warnings": list(album.warnings), "hints": list(album.hints)}
        print_json({"album": album.id, "songs": len(album.songs), **messages})
        return
    for line in album.warnings:
        warn(with_song_title(album, line))
    for line in album.hints:
        stdout().print(Text(f"hint: {with_song_title(album, line)}", style="dim"), soft_wrap=True)
    candidates = sum(len(choice.seeds) for song in album.songs for choice in song.engines)
    stdout().print(f"{path}: {counted(len(album.songs), 'song')}, {counted(candidates, 'candidate')}, no faults")


def schema() -> None:
    """Print the JSON Schema."""
    from catalog.manifest.loader import manifest_json_schema
    from flows.planning.read_manifest import vocabulary

    print_json(manifest_json_schema(vocabulary(load_settings())))


def plan(path: Path, *, explain: bool, as_json: bool) -> None:
    """Print what is new and its forecast."""
    from catalog.catalog import open_catalog
    from catalog.plan.applied_policy import origin_document, origin_sentence
    from flows.cli.console.failures import failures_of
    from flows.pipeline.forecast import finished_result, forecast
    from flows.pipeline.progress import Progress
    from flows.pipeline.survey import survey
    from flows.planning.plan_album import plan_album, reused_id_warning
    from flows.planning.read_manifest import read_album

    settings = load_settings()
    album = read_album(path, settings)
    with open_catalog(settings) as catalog:
        planned = plan_album(catalog, album)
        result = asyncio.run(finished_result(catalog, planned, Progress(planned.songs), "release", persist=False))
        album_forecast = forecast(catalog, planned, complete=result is not None and result.release_key is not None)
        failures = [] if album_forecast.complete else failures_of(survey(catalog, planned))
        warnings = [*album.warnings, *filter(None, [reused_id_warning(catalog, album)])]
    policy = origin_document(planned.policy, planned.applied)
    explanations = [each for song in planned.songs for each in _explanations(song, settings)] if explain else []
    if as_json:
        document = {"album": album.id, **album_forecast.document(), "policy": policy, "warnings": warnings}
        document["failures"] = [failure.document() for failure in failures]
        print_json({**document, "explained": explanations} if explain else document)
        return
    for line in warnings:
        warn(with_song_title(album, line))
    _print_candidates(album_forecast)
    for explanation in explanations:
        stdout().print(Text(explanation.pop("title"), style="bold"))
        unused_inputs = explanation.pop("not_used")
        for name, value in (*explanation.items(), *(("not used", reason) for reason in unused_inputs)):
            lines = str(value).replace("\n", f"\n{' ' * 18}")
            stdout().print(Text(f"  {name:<15} {lines}"), soft_wrap=True)
    stdout().print(Text(f"Policy: {origin_sentence(policy)}."), soft_wrap=True)
    _print_forecast(album_forecast, failures)


def _print_candidates(album_forecast: AlbumForecast) -> None:
    """The candidates of each song, and of each of its engines where there are several."""
    table = SafeTable("song", "exists", "new", "failed")
    for song in album_forecast.songs:
        table.add_row(Text(song.title), str(song.exists), str(song.new), str(song.failed))
        for part in song.engines:
            table.add_row(f"  {part.engine}", str(part.exists), str(part.new), str(part.failed), style="dim")
    stdout().print(table)


def _print_forecast(album_forecast: AlbumForecast, failures: Sequence[Failure]) -> None:
    from flows.cli.console.failures import what_next

    if album_forecast.complete:
        stdout().print("Nothing is missing: `songline render` only writes the release.")
        return
    for failure in failures:
        stdout().print(Text(failure.sentence(), style="red"), soft_wrap=True)
    if failures and not album_forecast.stages:
        stdout().print(f"Nothing else is to be done. {what_next(failures)}", soft_wrap=True)
        return
    stages = SafeTable("stage", "to do", "minutes", "MB")
    for stage in album_forecast.stages:
        stages.add_row(stage.stage, str(stage.count), f"{stage.seconds / 60:.2f}", f"{stage.stored_bytes / 1e6:.1f}")
    stdout().print(stages)
    minutes, megabytes = album_forecast.seconds / 60, album_forecast.stored_bytes / 1e6
    stdout().print(f"About {minutes:.1f} min and {megabytes:.0f} MB of disk on this machine.")
    if failures:
        stdout().print(what_next(failures), soft_wrap=True)


def _explanations(planned: PlannedSong, settings: Settings) -> Iterator[dict[str, Any]]:
    """The inputs of each of a song's engines, in words."""
    from tasks.engines.registry import get_engine

    for song in planned.song.for_engines():
        recipes = (candidate.recipe for candidate in planned.candidates if candidate.recipe.engine == song.engine)
        if recipe := next(recipes, None):
            yield _explanation(song, recipe, get_engine(song.engine, settings))


def _explanation(song: Song, recipe: Recipe, engine: Engine) -> dict[str, Any]:
    """The inputs of a song's engine, in words."""
    return {
        "song": song.id,
        "title": song.title,
        "engine": song.engine,
        **engine.explain(song, recipe),
        "not_used": list(engine.unused(song).values()),
    }
