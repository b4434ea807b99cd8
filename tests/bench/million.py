"""What people and machines ask of a catalog on PostgreSQL that holds a million candidates: milliseconds a question.

``python -m tests.bench.million --albums 1000``; ``--explain QUESTION`` shows the server's plan of its statements.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from unittest.mock import patch

from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.ledger.results import (
    artifact_facts,
    artifact_sizes,
    failed_work,
    render_products,
    score_windows,
    step_results,
)
from catalog.ledger.submissions import live_leases, release_expired_leases, spent_s
from catalog.lineage.lineage import trace
from catalog.monitoring.render_costs import render_costs
from catalog.monitoring.render_speed import measured_factors
from catalog.plan.queries import candidate_by_prefix
from catalog.plan.status import songs_of
from catalog.release.queries import current_release
from tests.bench.million_rows import SEEDS, SONGS, fill
from tests.support.services import postgres_server
from tests.support.statements import counted

RUNS = 50
BOUND_MS = 50.0
ROOM = (
    *("fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0"),
    *("shared_buffers=512MB", "max_wal_size=8GB", "autovacuum=off"),
)

Question = Callable[[int], object]
"""Asks about the album of this number, or about one song or candidate of it."""


def digest(kind: str, number: int) -> str:
    """As ``digest`` in :mod:`tests.bench.million_rows`."""
    texts = (f"{kind}{number}", f"{kind}{number}+")
    return "".join(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest() for text in texts)


@cache
def of_album(kind: str, album: int) -> list[str]:
    """The digests of this kind of all the candidates of an album."""
    first = album * SONGS * SEEDS
    return [digest(kind, number) for number in range(first, first + SONGS * SEEDS)]


def questions(catalog: Catalog, albums: int) -> Mapping[str, Question]:
    """Every question by what it is."""
    database, ledger = catalog.database, catalog.ledger
    last = (albums - 1) * SONGS * SEEDS  # the renders of the last album are planned

    def song(album: int) -> int:
        return album * SONGS + 37

    def candidate(album: int) -> int:
        return song(album) * SEEDS

    return {
        "status of an album of 100 songs": lambda a: songs_of(database, f"album-{a}", documents=False),
        "scores of an album of 100 songs": lambda a: songs_of(database, f"album-{a}"),
        "lineage of a delivered file": lambda a: trace(database, digest("file", song(a)), models_of=lambda *_: ()),
        "missing renders of an album": lambda a: ledger.statuses("render", of_album("render", a)),
        "missing scores of an album": lambda a: step_results(database, of_album("score", a)),
        "candidate by the start of its id": lambda a: candidate_by_prefix(database, f"song-{song(a)}-3-"),
        "products of a render": lambda a: render_products(database, digest("render", candidate(a))),
        "score windows of a candidate": lambda a: score_windows(database, [digest("audio", candidate(a))]),
        "an artifact": lambda a: artifact_facts(database, digest("audio", candidate(a))),
        "current release of an album": lambda a: current_release(database, f"album-{a}"),
        "all failed work": lambda a: failed_work(database),
        "garbage among 1000 stored objects": lambda a: artifact_sizes(database, of_album("audio", a)),
        "claim of a render": lambda a: ledger.claim("render", digest("render", last + a)),
        "live leases of an album": lambda a: live_leases(database, of_album("render", a)),
        "leases that ran out": lambda a: release_expired_leases(database),
        "seconds spent on an album": lambda a: spent_s(database, of_album("render", a), since=1.7e9),
        "what an album's renders cost": lambda a: render_costs(database, f"album-{a}"),
        "measured speed of engines": lambda a: measured_factors(database, lambda recipe: 5.0),
    }


def measure(catalog: Catalog, asked: Mapping[str, Question], albums: int) -> None:
    """Ask each question of different rows and print the times."""
    print(f"{os.getloadavg()[0]:.1f} processes want the {os.cpu_count()} cores of this machine")
    print(f"{'question':38} {'p50':>8} {'p95':>8} {'max':>8}   statements")
    for name, question in asked.items():
        some = random.Random(name).choices(range(albums - 1), k=RUNS)
        with counted(catalog.database) as sent:
            question(some[0])
        for number in some:  # the digests that are asked for are made once
            of_album("render", number), of_album("score", number), of_album("audio", number)
        times_ms = sorted(milliseconds(question, number) for number in some)
        p50, p95, slowest = statistics.median(times_ms), times_ms[-3], times_ms[-1]
        late = "  over 50 ms" if slowest > BOUND_MS else ""
        print(f"{name:38} {p50:5.1f} ms {p95:5.1f} ms {slowest:5.1f} ms {len(sent):8}{late}", flush=True)


def milliseconds(question: Question, number: int) -> float:
    """How long one answer takes, from the call to its finished values."""
    started = time.perf_counter()
    question(number)
    return 1000 * (time.perf_counter() - started)


def explain(catalog: Catalog, question: Question) -> None:
    """Print the plan of each statement of a question."""
    told: list[tuple[str, object]] = []
    with counted(catalog.database, parameters=told):
        question(3)
    for statement, parameters in told:
        with catalog.database.engine.connect() as connection:  # leaving it takes back what was changed
            plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, BUFFERS) {statement}", parameters)
            lines: Sequence[str] = [line[:200] for (line,) in plan]
        print(statement[:300], *lines, sep="\n  ", end="\n\n")


def main() -> None:
    """Fill a catalog, ask it, and remove it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--albums", type=int, default=1000, help="of 100 songs with 10 candidates each")
    parser.add_argument("--explain", metavar="QUESTION", action="append", default=[])
    given = parser.parse_args()
    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="songline-million-") as home,
        patch.object(postgres_server, "FAST", ROOM),
        postgres_server.postgres_server() as server,
        open_catalog(Settings(home=Path(home), database_url=server.new_catalog())) as catalog,
    ):
        for filled in fill(catalog.database, given.albums):
            print(f"{filled:20} after {time.perf_counter() - started:6.1f} s", flush=True)
        with catalog.database.read() as session:
            size = session.connection().exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one()
        print(f"{given.albums * SONGS * SEEDS} candidates in {size / 1e9:.1f} GB")
        asked = questions(catalog, given.albums)
        measure(catalog, asked, given.albums)
        for name in given.explain:
            explain(catalog, asked[name])


if __name__ == "__main__":
    main()
