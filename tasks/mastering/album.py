"""One album, one gain: the loudest song meets the target and the others keep their distance from it.

Two phases, so that songs can be worked on apart from each other: read the loudness of each and
master the loudest to the target; then master the others with the gain that it reports.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from catalog.mastering import MasteringSpec
from tasks.audio.audio import Audio
from tasks.mastering.chain import master_file
from tasks.mastering.report import MasterReport
from tasks.mastering.treatment import treat


def treated_loudness(source: Audio, *, spec: MasteringSpec) -> float:
    """Loudness in LUFS that an album's gain counts from: what treatment changes is taken out again.

    Raises AudioRefused as mastering would.
    """
    return treat(source, spec=spec).source_lufs


def loudest(loudness_lufs: Sequence[float]) -> int:
    """Index of the song that sets the album's gain: the loudest, the first of equals."""
    return max(range(len(loudness_lufs)), key=loudness_lufs.__getitem__)


def master_album(
    sources: Sequence[Callable[[], Audio]], destinations: Sequence[Path], *, spec: MasteringSpec
) -> tuple[MasterReport, ...]:
    """Master all songs of an album in this process, each loaded only while it is worked on.

    Raises AudioRefused for the first song that cannot be mastered.
    """
    first = loudest([treated_loudness(load(), spec=spec) for load in sources])
    leader = master_file(sources[first](), destinations[first], spec=spec)
    return tuple(
        leader if index == first else master_file(load(), destination, spec=spec, fixed_gain_db=leader.gain_db)
        for index, (load, destination) in enumerate(zip(sources, destinations, strict=True))
    )
