"""Several processes at one catalog in the same moment: each has a house, and so connections, of its own."""

from __future__ import annotations

import threading
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from catalog.album.album import Album, Song
from catalog.album.lyrics import parse_lrc
from catalog.album.mastering import MasteringSpec
from catalog.catalog import open_house
from catalog.common.errors import LeaseLost
from catalog.ledger.recording import add_decision, ensure_current
from catalog.ledger.results import failed_work, render_products
from catalog.ledger.work import Circumstances, DecisionRecord, Lease, Outcome, Product
from catalog.plan.plan import expand, store_plan
from catalog.plan.retakes import offer_retakes, parent_take
from catalog.plan.status import songs_of
from catalog.recipe import Recipe
from catalog.selection.decide import Policy
from db.tables.album import Candidate, Render
from db.tables.provenance import Activity, Artifact
from db.tables.selection import Decision, Score
from tasks.scoring.registry import metric_specs

pytestmark = pytest.mark.both_databases
HERE = Circumstances("test", {}, "cpu")
RECIPES = [Recipe("faulty", 1, seed, 10.0, {"prompt": "x"}) for seed in (1, 2)]


@pytest.fixture
def houses(settings):
    with ExitStack() as stack:
        yield [stack.enter_context(open_house(settings)) for _ in range(3)]


def at_once(work, houses):
    """Let every house do the work, all started together; gives what each returned or raised."""
    found, barrier = {}, threading.Barrier(len(houses))

    def run(number, house):
        barrier.wait()
        try:
            found[number] = work(house)
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number, house)) for number, house in enumerate(houses)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(houses))]


def outcome(folder, *contents):
    folder.mkdir(exist_ok=True)
    products = []
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
        role = f"stem{number}" if number else "audio"
        products.append(Product(role, folder / str(number), "audio/wav", "e" * 64))
    return Outcome(products=tuple(products))


def count(house, table):
    with house.database.read() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table))


def small_album():
    facts = {"reference": None, "reference_digest": None, "bpm": None, "key": None, "language": "en"}
    song = Song(
        id="one",
        position=1,
        title="One",
        artist="Ada",
        lyrics=parse_lrc("[00:02.00]First\n"),
        prompt="x",
        length_s=10.0,
        engine="faulty",
        settings={},
        seeds=(1, 2),
        **facts,
    )
    return Album(
        id="small",
        title="Small",
        artist="Ada",
        year=None,
        genre=None,
        cover=None,
        commercial=False,
        release="all",
        songs=(song,),
        selection=Policy(),
        mastering=MasteringSpec(),
        stems="none",
        deliverables=(),
    )


def plan(house):
    album = small_album()
    house.ledger.declare_renders(RECIPES)
    offered = {"one": expand(album, album.songs[0], RECIPES)}
    manifest = {
        "songs": [{"id": "one", "language": "en", "lyrics": {"lrc": album.songs[0].lyrics.to_lrc(with_tags=True)}}]
    }
    return store_plan(house.database, album, document=manifest, candidates=offered, cover_digest=None)


def test_one_of_those_who_claim_at_once_gets_the_lease(houses):
    houses[0].ledger.declare_renders(RECIPES)
    for recipe in RECIPES:
        found = at_once(lambda house, key=recipe.digest: house.ledger.claim("render", key), houses)
        assert sorted(isinstance(each, Lease) for each in found) == [False, False, True]


@pytest.mark.parametrize("turn", range(4))
def test_of_two_leases_on_one_render_the_newer_commits(houses, tmp_path, turn):
    key = RECIPES[0].digest
    houses[0].ledger.declare_renders(RECIPES[:1])
    stale = houses[0].ledger.claim("render", key)

    def work(house):
        if house is houses[0]:
            return house.ledger.commit(stale, outcome(tmp_path / "a", b"late"), seconds=1, circumstances=HERE)
        with house.database.write() as session:
            running = sa.update(Render).where(Render.fence == stale.fence, Render.state == "leased")
            session.execute(running.values(lease_until=0.0))
        fresh = house.ledger.claim("render", key)
        if isinstance(fresh, Lease):
            house.ledger.commit(fresh, outcome(tmp_path / "b", b"fresh"), seconds=1, circumstances=HERE)
        return fresh

    late, first, second = at_once(work, houses)
    assert late is None or isinstance(late, LeaseLost)
    assert isinstance(late, LeaseLost) == any(isinstance(each, Lease) for each in (first, second))
    assert count(houses[0], Activity) == 1
    assert list(render_products(houses[1].database, key)) == ["audio"]


def test_the_same_bytes_committed_at_once_are_one_artifact(houses, tmp_path):
    pair, contents = houses[:2], [b"one", b"two", b"three"]
    pair[0].ledger.declare_renders(RECIPES)
    leases = {id(h): h.ledger.claim("render", r.digest) for h, r in zip(pair, RECIPES, strict=True)}

    def commit(house):
        mine = contents if house is pair[0] else contents[::-1]
        made = outcome(tmp_path / str(id(house)), *mine)
        house.ledger.commit(leases[id(house)], made, seconds=1, circumstances=HERE)

    assert at_once(commit, pair) == [None, None]
    assert count(pair[0], Artifact) == 3
    assert failed_work(pair[0].database) == []


def test_one_album_planned_at_once_is_there_once(houses):
    planned = at_once(plan, houses)
    assert planned[0] == planned[1] == planned[2]
    assert count(houses[0], Candidate) == 2


def test_a_retake_offered_at_once_is_there_once(houses):
    planned = plan(houses[0])
    parent = parent_take(houses[0].database, planned.songs[0].candidates[0].id)
    taken = [Recipe("faulty", 1, seed, 10.0, {"prompt": "x", "again": True}) for seed in (7, 8)]
    houses[0].ledger.declare_renders(taken)
    at_once(lambda house: offer_retakes(house.database, parent, taken, lyrics=None), houses)
    assert [candidate.seed for candidate in songs_of(houses[0].database, "small")[0].candidates] == [1, 2, 7, 8]


def test_decisions_made_at_once_supersede_each_other_in_a_line(houses):
    song = plan(houses[0]).songs[0].row_id
    houses[0].ledger.fail(
        houses[0].ledger.claim("render", RECIPES[0].digest), LeaseLost("x"), seconds=1, circumstances=HERE
    )
    with houses[0].database.read() as session:
        activity = session.scalar(sa.select(Activity.id))
    record = DecisionRecord(song, {}, {"sentence": "It won."}, None)

    def decide(house):
        for number in range(5):
            key = f"{houses.index(house)}{number}" * 32
            house.database.transact(
                lambda session, key=key: add_decision(session, record, step_key=key, activity_id=activity)
            )

    assert at_once(decide, houses) == [None] * 3
    with houses[0].database.read() as session:
        rows = session.execute(sa.select(Decision.id, Decision.supersedes_id).order_by(Decision.id)).all()
    assert [row.supersedes_id for row in rows] == [None, *(row.id for row in rows[:-1])]

    first = "00" * 32
    at_once(lambda house: ensure_current(house.database, song, first), houses)
    with houses[0].database.read() as session:
        keys = session.scalars(sa.select(Decision.step_key).order_by(Decision.id)).all()
    assert keys[-1] == first
    assert keys.count(first) <= 2


def test_a_holder_with_another_home_is_not_taken_for_dead(settings, tmp_path):
    if not settings.database_url:
        settings = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'shared.sqlite3'}"})
    away = settings.model_copy(update={"home": tmp_path / "another"})
    with open_house(settings) as house, open_house(away) as other:
        house.ledger.declare_renders(RECIPES)
        assert isinstance(other.ledger.claim("render", RECIPES[0].digest), Lease)
        assert not isinstance(house.ledger.claim("render", RECIPES[0].digest), Lease)


def test_every_metric_has_a_name_and_a_unit_that_its_columns_hold():
    for name, spec in metric_specs().items():
        assert len(name) <= Score.metric.type.length
        assert len(spec.unit) <= Score.unit.type.length
