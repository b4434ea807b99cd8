"""Groups renders into shards: as many of one engine and length as keep a device busy for some minutes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.album.album import Song
from catalog.common.settings import Settings
from catalog.common.text import counted, first_of
from catalog.plan.plan import Candidate, PlannedAlbum
from tasks.engines.registry import get_engine

LOCAL_SHARD_S = 600.0
"""Approximate seconds of work in a shard on this machine: short, so that songs are completed one after the other."""
SHARDS_PER_WORKER = 2
LEAST_S = 1e-3
"""Minimum seconds of a render, whatever its engine forecasts."""

SongsByRender = Mapping[str, Sequence[tuple[Song, Candidate]]]
"""By render key: the songs that use the render, each with its candidate."""


@dataclass(frozen=True, slots=True)
class RenderShard:
    """Renders that are made in one run, by key and in order, and their expected total seconds. ``on_device`` where one
    process per device loads the model."""

    songs_by_render: SongsByRender
    forecast_s: float
    on_device: bool = True

    @property
    def render_keys(self) -> tuple[str, ...]:
        """The keys of its renders, in order."""
        return tuple(self.songs_by_render)

    @property
    def titles(self) -> tuple[str, ...]:
        """The titles of its songs."""
        return tuple(dict.fromkeys(song.title for pairs in self.songs_by_render.values() for song, _ in pairs))

    def of_songs(self) -> dict[str, list[str]]:
        """The render keys that each song needs, by the song's id."""
        keys_by_song: dict[str, list[str]] = defaultdict(list)
        for key, pairs in self.songs_by_render.items():
            for song, _ in pairs:
                keys_by_song[song.id].append(key)
        return keys_by_song

    def sentence(self) -> str:
        """A name for the run that makes the whole shard."""
        return f"render · {first_of(self.titles)} · {counted(len(self.songs_by_render), 'candidate')}"

    def sentence_of(self, missing: Collection[str]) -> str:
        """A name for the run that makes the ``missing`` renders of the shard, with every seed."""
        seeds: dict[tuple[str, str | None], list[str]] = defaultdict(list)
        for key in self.songs_by_render:
            for song, candidate in self.songs_by_render[key] if key in missing else ():
                seeds[song.title, candidate.competing_engine(song)].append(str(candidate.seed))
        parts = [
            f"{title} · seed{'s'[: len(song_seeds) > 1]} {', '.join(song_seeds)}{f' of {engine}' if engine else ''}"
            for (title, engine), song_seeds in seeds.items()
        ]
        return f"render · {'; '.join(parts)}"

    def up_to(self, seconds: float) -> RenderShard | None:
        """As many of its renders as take no longer than ``seconds`` in total; None where none fits."""
        if self.forecast_s <= seconds:
            return self
        count = max(0, int(seconds * len(self.songs_by_render) / self.forecast_s))
        return self._part(0, count) if count else None

    def halves(self) -> tuple[RenderShard, RenderShard]:
        """The shard split into two halves."""
        middle = len(self.songs_by_render) // 2
        return self._part(0, middle), self._part(middle, len(self.songs_by_render))

    def _part(self, start: int, end: int) -> RenderShard:
        """The renders from ``start`` to ``end``, with equal expected durations assumed."""
        part = dict(list(self.songs_by_render.items())[start:end])
        return RenderShard(part, self.forecast_s / len(self.songs_by_render) * len(part), self.on_device)


def render_shards(
    planned: PlannedAlbum,
    render_keys: Collection[str],
    *,
    shard_s: float,
    expected_s: Mapping[str, float],
    renders_each: Mapping[str, int] | None = None,
) -> Iterator[RenderShard]:
    """Split these renders, song by song, into shards of about ``shard_s`` by ``expected_s``, both in seconds.

    A shard has one engine and length, so that one loaded model makes it in full batches; a render that several songs
    share is in one shard only. ``renders_each`` names engines that make one render at a time: each song has shards of
    its own there, with that many renders.
    """
    shard_sizes = renders_each or {}
    for engine, group in _grouped(planned, render_keys, shard_sizes):
        seconds = [max(LEAST_S, expected_s[key]) for key in group]
        size = shard_sizes.get(engine)
        cuts = _even_cuts(seconds, shard_s) if size is None else range(size, len(group) + size, size)
        start = 0
        for end in cuts:
            part = dict(list(group.items())[start:end])
            yield RenderShard(part, sum(seconds[start:end]), on_device=size is None)
            start = end


def _grouped(
    planned: PlannedAlbum, render_keys: Collection[str], single_engines: Collection[str]
) -> Iterator[tuple[str, dict[str, list[tuple[Song, Candidate]]]]]:
    """Renders grouped by engine and length, and for the ``single_engines`` by song too, with the engine's name."""
    groups: dict[tuple[str, float, str | None], dict[str, list[tuple[Song, Candidate]]]] = {}
    for song in planned.songs:
        for candidate in song.candidates:
            recipe = candidate.recipe
            if candidate.render_key in render_keys:
                group_key = (recipe.engine, recipe.length_s, song.song.id if recipe.engine in single_engines else None)
                groups.setdefault(group_key, {}).setdefault(candidate.render_key, []).append((song.song, candidate))
    yield from ((engine, group) for (engine, _, _), group in groups.items())


def local_shards(planned: PlannedAlbum, settings: Settings) -> tuple[RenderShard, ...]:
    """All candidates of the album in shards for this machine's workers, by the forecasts of their engines."""
    recipes = {candidate.render_key: candidate.recipe for song in planned.songs for candidate in song.candidates}
    engines = {recipe.engine: get_engine(recipe.engine, settings) for recipe in recipes.values()}
    single_engines = {name for name, engine in engines.items() if not engine.batches}
    count = sum(candidate.recipe.engine in single_engines for song in planned.songs for candidate in song.candidates)
    size = max(1, count // (settings.worker_count * SHARDS_PER_WORKER * max(1, len(planned.songs))))
    expected_s = {key: engines[recipe.engine].forecast(recipe).seconds for key, recipe in recipes.items()}
    shard_sizes = dict.fromkeys(single_engines, size)
    return tuple(
        render_shards(planned, recipes, shard_s=LOCAL_SHARD_S, expected_s=expected_s, renders_each=shard_sizes)
    )


def largest_bytes(planned: PlannedAlbum, settings: Settings) -> int:
    """Peak memory of one render in bytes, for engines that render in several workers; 0 without such engines."""
    recipes = [candidate.recipe for song in planned.songs for candidate in song.candidates]
    engines = {recipe.engine: get_engine(recipe.engine, settings) for recipe in recipes}
    # An engine that batches gets a single process, whatever its memory.
    parallel_recipes = (recipe for recipe in recipes if not engines[recipe.engine].batches)
    return max((engines[recipe.engine].forecast(recipe).memory_bytes for recipe in parallel_recipes), default=0)


def _even_cuts(seconds: Sequence[float], shard_s: float) -> Iterator[int]:
    """The end index of each shard. Shards are even: a short last one would need a model load for a few candidates."""
    share = sum(seconds) / max(1, min(len(seconds), round(sum(seconds) / shard_s)))
    sum_s, cut_count = 0.0, 1
    for end, duration_s in enumerate(seconds, start=1):
        sum_s += duration_s
        # The tolerance covers rounding in the sums: without it the last shard but one might take one render too many.
        if sum_s >= cut_count * share * (1 - 1e-9) or end == len(seconds):
            yield end
            cut_count = max(cut_count + 1, int(sum_s / share) + 1)
