"""The forecast of an album: new renders, missing steps, and the time and disk space of each stage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from catalog.catalog import Catalog
from catalog.monitoring.render_speed import StepCost, measured_factors, measured_steps, usual_length_s
from catalog.plan.plan import PlannedAlbum, PlannedSong
from flows.pipeline.executor import CatalogLookup, NotRunYet
from flows.pipeline.pipeline import AlbumPipeline, PipelineResult
from flows.pipeline.progress import Progress
from tasks.engines.registry import get_engine
from tasks.steps.step_kinds import STEP_KINDS

if TYPE_CHECKING:
    from flows.pipeline.estimate import MissingStep

STAGES: Mapping[str, tuple[str, ...]] = {
    "score": ("score",),
    "judge": ("judge",),
    "select": ("select", "choose"),
    "master": ("enhance", "level", "master", "accept", "version", "album_level"),
    "stems": ("separate", "demix", "resample"),
    "encode": ("encode", "draw"),
    "pack": ("pack",),
}
"""The stages after rendering, with the kinds of steps in each."""

UNMEASURED: Mapping[str, tuple[float, float]] = {
    "score": (0.04, 0.0),
    "judge": (0.3, 0.0),
    "select": (0.0005, 0.0),
    "choose": (0.0005, 0.0),
    "enhance": (0.02, 360_000.0),
    "level": (0.02, 0.0),
    "master": (0.07, 270_000.0),
    "accept": (0.03, 0.0),
    "version": (0.07, 270_000.0),
    "album_level": (0.01, 0.0),
    "separate": (0.03, 1_420_000.0),
    "demix": (1.5, 1_420_000.0),
    "resample": (0.02, 1_900_000.0),
    "draw": (0.004, 100.0),
    "encode": (0.025, 150_000.0),
    "pack": (0.005, 300.0),
}
"""Seconds on one core, and bytes, per second of a song, until this catalog has measured its own."""

SETTLED = frozenset({"rendered", "failed"})
"""Final states of a render."""

DELIVERED = frozenset({"encode", "separate", "demix", "resample"})
"""Kinds whose bytes are stored twice: in the store and in the release."""


@dataclass(frozen=True, slots=True)
class EngineForecast:
    """The candidates of one engine of a song, counted as those of a song are."""

    engine: str
    exists: int
    new: int
    failed: int


@dataclass(frozen=True, slots=True)
class SongForecast:
    """One song: the number of its candidates that exist, are new, or failed permanently; ``engines`` has those of each
    engine where there are several."""

    id: str
    title: str
    exists: int
    new: int
    failed: int
    engines: tuple[EngineForecast, ...] = ()


@dataclass(frozen=True, slots=True)
class StageForecast:
    """One stage: the number of missing steps or renders, and their cost on this machine."""

    stage: str
    count: int
    seconds: float
    stored_bytes: int


@dataclass(frozen=True, slots=True)
class AlbumForecast:
    """The cost of making the album on this machine, in seconds and bytes; ``complete`` where nothing is missing. Songs
    that need the user's intervention are not counted."""

    songs: tuple[SongForecast, ...]
    stages: tuple[StageForecast, ...]
    seconds: float
    stored_bytes: int
    complete: bool

    def document(self) -> dict[str, Any]:
        """The forecast as JSON; a song with one engine states no engines."""
        document = asdict(self)
        for song in document["songs"]:
            if not song["engines"]:
                del song["engines"]
        return document


async def finished_result(
    catalog: Catalog, planned: PlannedAlbum, progress: Progress, until: str, *, persist: bool = True
) -> PipelineResult | None:
    """The result of a finished album, or None while anything is missing. Runs nothing."""
    try:
        return await AlbumPipeline(catalog, planned, CatalogLookup(catalog), progress, persist=persist).run(until)
    except NotRunYet:
        return None


def forecast(catalog: Catalog, planned: PlannedAlbum, *, complete: bool) -> AlbumForecast:
    """Time on this machine's workers and bytes for the missing work, by recently measured costs."""
    statuses = catalog.ledger.statuses(
        "render", [candidate.render_key for song in planned.songs for candidate in song.candidates]
    )
    states = {key: status.state for key, status in statuses.items()}
    songs = tuple(_song(song, states) for song in planned.songs)
    if complete:
        return AlbumForecast(songs, (), 0.0, 0, complete)
    from flows.pipeline.estimate import missing_steps  # a finished album needs no estimate

    settled_keys = {key for key, state in states.items() if state in SETTLED}
    missing_work = missing_steps(catalog, planned, settled_keys)
    stages = [_renders(catalog, planned, settled_keys), *_steps(catalog, missing_work.steps)]
    seconds, stored_bytes = sum(stage.seconds for stage in stages), sum(stage.stored_bytes for stage in stages)
    return AlbumForecast(songs, tuple(stage for stage in stages if stage.count), seconds, stored_bytes, complete)


def _song(planned: PlannedSong, states: Mapping[str, str]) -> SongForecast:
    song, several = planned.song, bool(planned.song.other_engines)
    engines = (EngineForecast(choice.engine, *_counts(planned, states, choice.engine)) for choice in song.engines)
    return SongForecast(song.id, song.title, *_counts(planned, states), tuple(engines) if several else ())


def _counts(planned: PlannedSong, states: Mapping[str, str], engine: str | None = None) -> tuple[int, int, int]:
    """How many candidates, or those of one engine, exist, are new, and failed."""
    candidates = [each for each in planned.candidates if engine in (None, each.recipe.engine)]
    counted = Counter(states.get(candidate.render_key, "planned") for candidate in candidates)
    exists, failed = counted["rendered"], counted["failed"]
    return exists, len(candidates) - exists - failed, failed


def _renders(catalog: Catalog, planned: PlannedAlbum, settled_keys: Collection[str]) -> StageForecast:
    """The forecast of the renders: those on a device run one after the other, the others in parallel."""
    recipes = [candidate.recipe for song in planned.songs for candidate in song.candidates]
    new_recipes = [recipe for recipe in recipes if recipe.digest not in settled_keys]
    engines = {name: get_engine(name, catalog.settings) for name in {recipe.engine for recipe in new_recipes}}
    factors = measured_factors(catalog.database, lambda r: get_engine(r.engine, catalog.settings).forecast(r).seconds)
    seconds, stored_bytes = 0.0, 0
    for recipe in new_recipes:
        render_forecast, engine = engines[recipe.engine].forecast(recipe), engines[recipe.engine]
        workers = 1 if engine.batches else catalog.settings.worker_count
        seconds += render_forecast.seconds * factors.get(recipe.engine, 1.0) / workers
        stored_bytes += render_forecast.stored_bytes
    return StageForecast("render", len(new_recipes), seconds, stored_bytes)


def _steps(catalog: Catalog, missing: Iterable[MissingStep]) -> list[StageForecast]:
    costs, usual_s = measured_steps(catalog.database, STEP_KINDS), usual_length_s(catalog.database)
    stage_by_kind = {kind: stage for stage, kinds in STAGES.items() for kind in kinds}
    totals_by_stage = {stage: [0, 0.0, 0.0] for stage in STAGES}
    for step in missing:
        cost = _cost(step, costs, usual_s)
        workers = 1 if STEP_KINDS[step.kind].on_device else catalog.settings.worker_count
        totals = totals_by_stage[stage_by_kind[step.kind]]
        totals[0] += 1
        totals[1] += cost.seconds / workers
        totals[2] += cost.made_bytes * (2 if step.kind in DELIVERED else 1)
    return [
        StageForecast(name, int(count), seconds, int(size)) for name, (count, seconds, size) in totals_by_stage.items()
    ]


def _cost(step: MissingStep, costs: Mapping[str, StepCost], usual_s: float | None) -> StepCost:
    """The measured cost scaled to the length of the song, or else the default one."""
    if usual_s and (cost := costs.get(step.name)):
        share = 1.0 if step.kind == "pack" else step.length_s / usual_s
        return StepCost(cost.seconds * share, cost.made_bytes * share)
    seconds_per_s, bytes_per_s = UNMEASURED[step.kind]
    return StepCost(seconds_per_s * step.length_s, bytes_per_s * step.length_s)
