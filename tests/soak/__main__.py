"""``python -m tests.soak``: many small albums in a row, killed at every stage; nothing may be lost, twice, or growing.

Ends with 1 where anything was found. The seed that is printed repeats the choice of kills; their moments within the
machine's own timing differ from run to run.
"""

from __future__ import annotations

import argparse
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.families import living
from tests.soak.figures import HEADING, judge, line
from tests.soak.soak import Soak

CHILDREN_S = 10.0
"""How long a child may live after its command, on a machine that is busy with other work."""
EXTRA = 3
"""Albums beyond those asked for, by this factor, for kills whose moment was missed."""


def main() -> None:
    """Run the soak."""
    given = _arguments()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    folder = Path(tempfile.mkdtemp(prefix="songline-soak-"))
    print(f"seed {seed}: {given.albums} albums, {given.kills} kills, in {folder}", flush=True)
    print(HEADING, flush=True)
    soak = Soak(folder, seed)
    until = time.monotonic() + 60.0 * given.minutes if given.minutes else float("inf")
    every = max(1, min(10, given.albums // 5))
    number = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while _goes_on(soak, number, given, until):
            number += 1
            left = given.kills - soak.kills.total()
            share = -(-left // max(1, given.albums - number + 1))
            soak.album(number, min(left, share))
            if number % every == 0:
                print(line(soak.rows[-1]), flush=True)
        soak.end()
    finally:
        for place in (soak.place, soak.calm):
            for process in living(place):  # where the soak itself was stopped
                process.kill()
    sys.exit(1 if _tell(soak, given) else _remove(folder))


def _goes_on(soak: Soak, number: int, given: argparse.Namespace, until: float) -> bool:
    if time.monotonic() > until:
        return False
    return number < given.albums or (soak.kills.total() < given.kills and number < EXTRA * given.albums)


def _tell(soak: Soak, given: argparse.Namespace) -> bool:
    """Print the verdicts; gives whether anything is wrong."""
    print(line(soak.rows[-1]))
    print("\nkills: " + ", ".join(f"{stage} {victim} {count}" for (stage, victim), count in sorted(soak.kills.items())))
    print(f"{soak.kills.total()} of {given.kills} kills, {len(soak.rows)} of {given.albums} albums", end="; ")
    print(f"{soak.missed} moments were missed, {soak.again} renders that were in flight were begun again")
    late = soak.longest.seconds > CHILDREN_S
    print(f"longest life of a child after its command: {soak.longest.seconds:.2f} s: {soak.longest.command_line}")
    verdicts = judge(soak.rows)
    for verdict in verdicts:
        print(verdict.sentence)
    unfinished = soak.kills.total() < given.kills or len(soak.rows) < given.albums
    if unfinished:
        print("NOT FINISHED: fewer albums or kills than asked for")
    print(f"lost, twice, left or otherwise wrong: {len(soak.findings)}")
    for sentence in soak.findings:
        print(f"  {sentence}")
    return bool(soak.findings) or late or unfinished or any(verdict.is_bad for verdict in verdicts)


def _remove(folder: Path) -> int:
    """Nothing was found, so nothing needs to be looked at."""
    shutil.rmtree(folder)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--albums", type=int, default=100, help="albums to make [100]")
    parser.add_argument("--kills", type=int, default=500, help="kills, spread over all stages [500]")
    parser.add_argument("--seed", type=int, help="repeats a run's choice of kills; left out: a new one")
    parser.add_argument("--minutes", type=float, help="begin no album after this time; left out: no bound")
    given = parser.parse_args()
    if given.albums < 1 or given.kills < 0:
        parser.error("--albums must be 1 or more, --kills 0 or more")
    return given


if __name__ == "__main__":
    main()
