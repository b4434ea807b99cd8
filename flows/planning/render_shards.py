"""Which renders go to a work pool together: as many as keep a GPU busy for some minutes, by measured speed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from catalog.plan.plan import Candidate, PlannedAlbum

LEAST_S = 1e-3
"""No render takes no time, whatever its engine forecasts."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Renders to be handed out as one shard, and the seconds they should take."""

    render_keys: tuple[str, ...]
    titles: tuple[str, ...]
    forecast_s: float

    def sentence(self) -> str:
        """A name for the run that makes it."""
        count = len(self.render_keys)
        return f"render · {some(self.titles)} · {count} candidate{'s' if count > 1 else ''}"

    def up_to(self, seconds: float) -> Parcel | None:
        """As much of it as takes no longer than ``seconds``, None where that is nothing."""
        each_s = self.forecast_s / len(self.render_keys)
        fitting = max(0, int(seconds / each_s)) if each_s else 0
        count = len(self.render_keys) if self.forecast_s <= seconds else fitting
        return Parcel(self.render_keys[:count], self.titles, each_s * count) if count else None

    def halves(self) -> tuple[Parcel, Parcel]:
        """Its two halves."""
        middle = len(self.render_keys) // 2
        parts = (self.render_keys[:middle], self.render_keys[middle:])
        share = self.forecast_s / len(self.render_keys)
        first, second = (Parcel(part, self.titles, share * len(part)) for part in parts)
        return first, second


def parcels(
    planned: PlannedAlbum, missing: Collection[str], *, shard_s: float, expected_s: Mapping[str, float]
) -> Iterator[Parcel]:
    """The missing renders, song after song, in parcels of about ``shard_s``; one engine and length to a parcel, so that
    one loaded model makes it in full batches. A render that two songs share is in one parcel only."""
    alike: dict[tuple[str, float], dict[str, tuple[str, Candidate]]] = {}
    for song in planned.songs:
        for candidate in song.candidates:
            if candidate.render_key in missing:
                kind = (candidate.recipe.engine, candidate.recipe.length_s)
                alike.setdefault(kind, {}).setdefault(candidate.render_key, (song.song.title, candidate))
    for offered in alike.values():
        yield from _cut(list(offered.values()), shard_s, expected_s)


def _cut(offered: Sequence[tuple[str, Candidate]], shard_s: float, expected_s: Mapping[str, float]) -> Iterator[Parcel]:
    """Even parcels: a last one of two candidates would pay for a model load of its own."""
    seconds = [max(LEAST_S, expected_s[candidate.render_key]) for _, candidate in offered]
    share = sum(seconds) / max(1, min(len(offered), round(sum(seconds) / shard_s)))
    start, done, given = 0, 0.0, 1
    for end, each in enumerate(seconds, start=1):
        done += each
        if done >= given * share * (1 - 1e-9) or end == len(offered):
            part = offered[start:end]
            titles = tuple(dict.fromkeys(title for title, _ in part))
            yield Parcel(tuple(c.render_key for _, c in part), titles, sum(seconds[start:end]))
            start, given = end, max(given + 1, int(done / share) + 1)


def some(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
