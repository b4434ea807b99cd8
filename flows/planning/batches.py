"""Which renders go together: a few seeds of one song, or those of all songs for an engine that renders many at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.common.settings import Settings
from catalog.plan.plan import Candidate, PlannedAlbum, PlannedSong
from tasks.engines.registry import get_engine

SHARDS_PER_WORKER = 2
BATCH_S = 600.0
"""A shard of an engine that batches is about this much work, so that songs come in one after the other."""


@dataclass(frozen=True, slots=True)
class Shard:
    """Renders that are made in one go, by song. ``on_device`` where one process a device loads the model."""

    candidates: Mapping[str, tuple[Candidate, ...]]
    titles: Mapping[str, str]
    on_device: bool

    def keys(self, missing: Sequence[str]) -> list[str]:
        """The render keys that are ``missing``, in order."""
        return [c.render_key for offered in self.candidates.values() for c in offered if c.render_key in missing]

    def sentence(self, missing: Sequence[str]) -> str:
        """A name for the run that makes what is missing."""
        left = {
            song: [str(c.seed) for c in offered if c.render_key in missing] for song, offered in self.candidates.items()
        }
        parts = [
            f"{self.titles[song]} · seed{'s'[: len(seeds) > 1]} {', '.join(seeds)}"
            for song, seeds in left.items()
            if seeds
        ]
        return f"render · {'; '.join(parts)}"


def largest_bytes(planned: PlannedAlbum, settings: Settings) -> int:
    """Memory that one render takes at most, of engines that render in several workers at once; 0 without such."""
    recipes = [candidate.recipe for song in planned.songs for candidate in song.candidates]
    engines = {recipe.engine: get_engine(recipe.engine, settings) for recipe in recipes}
    # An engine that batches gets one process of its own, whatever it takes.
    several = (recipe for recipe in recipes if not engines[recipe.engine].batches)
    return max((engines[recipe.engine].forecast(recipe).memory_bytes for recipe in several), default=0)


def shards_of(planned: PlannedAlbum, settings: Settings) -> tuple[Shard, ...]:
    """Every candidate of the album in exactly one shard; those of one song stand in the order of its seeds."""
    batching = [song for song in planned.songs if get_engine(song.song.engine, settings).batches]
    others = [song for song in planned.songs if song not in batching]
    per_worker = settings.worker_count * SHARDS_PER_WORKER * max(1, len(planned.songs))
    size = max(1, sum(len(song.candidates) for song in others) // per_worker)
    small = (Shard({s.song.id: part}, {s.song.id: s.song.title}, False) for s in others for part in _parts(s, size))
    return (*small, *_batches(batching, settings))


def _parts(song: PlannedSong, size: int) -> Iterator[tuple[Candidate, ...]]:
    for start in range(0, len(song.candidates), size):
        yield song.candidates[start : start + size]


def _batches(songs: Sequence[PlannedSong], settings: Settings) -> Iterator[Shard]:
    """Songs of one engine and length side by side, cut where a shard has enough to do."""
    titles = {song.song.id: song.song.title for song in songs}
    alike: dict[tuple[str, float], list[tuple[str, Candidate]]] = {}
    for song in songs:
        kind = (song.song.engine, song.song.length_s)
        alike.setdefault(kind, []).extend((song.song.id, candidate) for candidate in song.candidates)
    for (engine, _), offered in alike.items():
        light = get_engine(engine, settings)
        shard: dict[str, tuple[Candidate, ...]] = {}
        seconds = 0.0
        for song_id, candidate in offered:
            shard[song_id] = (*shard.get(song_id, ()), candidate)
            seconds += light.forecast(candidate.recipe).seconds
            if seconds >= BATCH_S:
                yield Shard(shard, titles, on_device=True)
                shard, seconds = {}, 0.0
        if shard:
            yield Shard(shard, titles, on_device=True)
