"""The soak's own eyes: what grows is told from what does not, every kill's turn comes, leftovers are seen."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.soak.families import Family, Peak, Victim, await_children
from tests.soak.figures import LEAST_ALBUMS, Row, judge, slope
from tests.soak.place import Place
from tests.soak.stages import STAGES, Deck


def row(number: int, *, prefect: float, catalog: float, seconds: float = 20.0) -> Row:
    peak = Peak(800_000_000, 80, 5)
    sizes = (int(catalog * 1e6), int(prefect * 1e6), 50_000_000 * number)
    return Row(number, 0, seconds, 40.0, peak, peak, 0, 2, *sizes)


def growing(rows: list[Row]) -> list[str]:
    return [verdict.sentence.partition(":")[0] for verdict in judge(rows) if verdict.is_bad]


def test_what_every_album_adds_to_is_growing_but_what_it_leaves_for_good_is_not() -> None:
    noise = random.Random(1)
    rows = [row(n, prefect=5 + 0.22 * n, catalog=0.3 * n, seconds=20 + noise.random()) for n in range(1, 21)]
    assert growing(rows) == ["prefect.db"]


def test_a_catalog_that_takes_more_for_each_further_album_is_growing() -> None:
    rows = [row(n, prefect=5, catalog=0.3 * n + 0.02 * n * n) for n in range(1, 21)]
    assert growing(rows) == ["catalog, what each album adds"]


def test_noise_and_a_saw_tooth_are_not_growing_and_few_albums_tell_nothing() -> None:
    noise = random.Random(2)
    rows = [row(n, prefect=2 + n % 5, catalog=0.3 * n, seconds=20 + 9 * noise.random()) for n in range(1, 41)]
    assert growing(rows) == []
    assert slope([1.0] * (LEAST_ALBUMS - 1)) is None
    assert all("too few" in verdict.sentence for verdict in judge(rows[:4]))


def test_every_stage_and_victim_has_its_turn_and_a_seed_repeats_them() -> None:
    count = sum(len(stage.victims) for stage in STAGES)
    decks = [Deck(random.Random(7)) for _ in range(2)]
    dealt, again = ([card for _ in range(2 * count) for card in deck.deal(1)] for deck in decks)
    assert dealt == again
    assert set(Counter(dealt).values()) == {2}
    deck = Deck(random.Random(7))
    missed = deck.deal(1)[0]
    deck.put_back(missed)
    assert missed in deck.deal(1)


@pytest.fixture
def place(tmp_path: Path):
    found = Place(tmp_path / "disturbed")
    found.environment()
    return found


@pytest.mark.parametrize(
    "path",
    [
        "out/.album.staging-0/x",
        "out-exported/.album.old-0/x",
        "home/.hidden",
        "home/scratch/vm:1:2+abc/x",
        "home/store/unfinished/tmp1",
        "home/models/some/cfm_model.pt.part",
        "tmp/tmpabc",
        "masters/.master-x.wav",
        "backup/catalog.part",
        "backup/store/unfinished/tmp1",
    ],
)
def test_a_leftover_is_seen_wherever_it_lies(place, path) -> None:
    assert place.leftovers() == []
    file = place.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    assert len(place.leftovers()) == 1


def test_a_child_that_outlives_its_command_is_seen_and_timed(place) -> None:
    child = "import time; time.sleep(1.5)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True)"
    process = subprocess.Popen([sys.executable, "-c", code], env=place.environment())
    family = Family(process, place, Peak())
    assert family.wait() == 0
    survival = await_children(place)
    assert 0.5 < survival.seconds < 20
    assert "time.sleep(1.5)" in survival.command_line
    assert not survival.endless
    assert family.hit(Victim.COMMAND, random.Random(1)) is None
