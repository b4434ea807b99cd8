"""Ten simulated albums: how well they fit song by song and chosen together (``python -m tests.bench.album_choice``)."""

from __future__ import annotations

import time

from catalog.selection.album.choose import choose
from catalog.selection.album.settings import AlbumChoice
from tests.unit.catalog.selection.album.simulated import simulated

MAX_LOSS = 0.1


def main() -> None:
    """Print the table."""
    print("songs takes  by song  together  changed  largest loss  exact  CPU s")
    for number in range(10):
        count, takes = 4 + number, 4
        begun = time.process_time()
        found = choose(simulated(number, count, takes, MAX_LOSS), AlbumChoice(max_loss=MAX_LOSS))
        seconds = time.process_time() - begun
        loss = max((change.loss for change in found.changes), default=0.0)
        figures = f"{found.before.objective:7.3f}  {found.after.objective:8.3f}  {len(found.changes):7d}"
        print(f"{count:5d} {takes:5d}  {figures}  {loss:12.3f}  {found.exact!s:5}  {seconds:5.2f}")


if __name__ == "__main__":
    main()
