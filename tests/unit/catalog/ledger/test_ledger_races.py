"""Several processes at one catalog in the same moment: each has a house, and so connections, of its own."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.album.album import Album, Song
from catalog.album.mastering import MasteringSpec
from catalog.catalog import open_catalog
from catalog.common.errors import LeaseLost
from catalog.ledger.recording import add_decision, ensure_current
from catalog.ledger.results import failed_work, render_products
from catalog.ledger.work import DecisionRecord, ExecutionEnvironment, Lease, Product, StepOutcome
from catalog.lyrics.lrc import parse_lrc
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
HERE = ExecutionEnvironment("test", {}, "cpu")
RECIPES = [Recipe("faulty", 1, seed, 10.0, {"prompt": "x"}) for seed in (1, 2)]


@pytest.fixture
def catalogs(settings):
    with ExitStack() as stack:
        yield [stack.enter_context(open_catalog(settings)) for _ in range(3)]


def at_once(work, catalogs):
    """Let every house do the work, all started together; gives what each returned or raised."""
    found, barrier = {}, threading.Barrier(len(catalogs))

    def run(number, catalog):
        barrier.wait()
        try:
            found[number] = work(catalog)
        except Exception as error:
            found[number] = error

    threads = [threading.Thread(target=run, args=(number, catalog)) for number, catalog in enumerate(catalogs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(catalogs))]


def outcome(folder, *contents):
    folder.mkdir(exist_ok=True)
    products = []
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
        role = f"stem{number}" if number else "audio"
        products.append(Product(role, folder / str(number), "audio/wav", "e" * 64))
    return StepOutcome(products=tuple(products))


def count(catalog, table):
    with catalog.database.read() as session:
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


def plan(catalog):
    album = small_album()
    catalog.ledger.declare_renders(RECIPES)
    offered = {"one": expand(album, album.songs[0], RECIPES)}
    manifest = {
        "songs": [{"id": "one", "language": "en", "lyrics": {"lrc": album.songs[0].lyrics.to_lrc(with_tags=True)}}]
    }
    return store_plan(catalog.database, album, document=manifest, candidates=offered, cover_digest=None)


def test_one_of_those_who_claim_at_once_gets_the_lease(catalogs) -> None:
    catalogs[0].ledger.declare_renders(RECIPES)
    for recipe in RECIPES:
        found = at_once(lambda catalog, key=recipe.digest: catalog.ledger.claim("render", key), catalogs)
        assert sorted(isinstance(each, Lease) for each in found) == [False, False, True]


@pytest.mark.slow
@pytest.mark.parametrize("turn", range(4))
def test_of_two_leases_on_one_render_the_newer_commits(catalogs, tmp_path: Path, turn) -> None:
    key = RECIPES[0].digest
    catalogs[0].ledger.declare_renders(RECIPES[:1])
    stale = catalogs[0].ledger.claim("render", key)

    def work(catalog):
        if catalog is catalogs[0]:
            return catalog.ledger.commit(stale, outcome(tmp_path / "a", b"late"), seconds=1, execution=HERE)
        with catalog.database.write() as session:
            running = sa.update(Render).where(Render.fence == stale.fence, Render.state == "leased")
            session.execute(running.values(lease_until=0.0))
        fresh = catalog.ledger.claim("render", key)
        if isinstance(fresh, Lease):
            catalog.ledger.commit(fresh, outcome(tmp_path / "b", b"fresh"), seconds=1, execution=HERE)
        return fresh

    late, first, second = at_once(work, catalogs)
    assert late is None or isinstance(late, LeaseLost)
    assert isinstance(late, LeaseLost) == any(isinstance(each, Lease) for each in (first, second))
    assert count(catalogs[0], Activity) == 1
    assert list(render_products(catalogs[1].database, key)) == ["audio"]


@pytest.mark.slow
def test_the_same_bytes_committed_at_once_are_one_artifact(catalogs, tmp_path: Path) -> None:
    pair, contents = catalogs[:2], [b"one", b"two", b"three"]
    pair[0].ledger.declare_renders(RECIPES)
    leases = {id(h): h.ledger.claim("render", r.digest) for h, r in zip(pair, RECIPES, strict=True)}

    def commit(catalog):
        mine = contents if catalog is pair[0] else contents[::-1]
        made = outcome(tmp_path / str(id(catalog)), *mine)
        catalog.ledger.commit(leases[id(catalog)], made, seconds=1, execution=HERE)

    assert at_once(commit, pair) == [None, None]
    assert count(pair[0], Artifact) == 3
    assert failed_work(pair[0].database) == []


@pytest.mark.slow
def test_one_album_planned_at_once_is_there_once(catalogs) -> None:
    planned = at_once(plan, catalogs)
    assert planned[0] == planned[1] == planned[2]
    assert count(catalogs[0], Candidate) == 2


@pytest.mark.slow
def test_a_retake_offered_at_once_is_there_once(catalogs) -> None:
    planned = plan(catalogs[0])
    parent = parent_take(catalogs[0].database, planned.songs[0].candidates[0].id)
    taken = [Recipe("faulty", 1, seed, 10.0, {"prompt": "x", "again": True}) for seed in (7, 8)]
    catalogs[0].ledger.declare_renders(taken)
    at_once(lambda catalog: offer_retakes(catalog.database, parent, taken, lyrics=None), catalogs)
    assert [candidate.seed for candidate in songs_of(catalogs[0].database, "small")[0].candidates] == [1, 2, 7, 8]


@pytest.mark.slow
def test_decisions_made_at_once_supersede_each_other_in_a_line(catalogs) -> None:
    song = plan(catalogs[0]).songs[0].row_id
    catalogs[0].ledger.fail(
        catalogs[0].ledger.claim("render", RECIPES[0].digest), LeaseLost("x"), seconds=1, execution=HERE
    )
    with catalogs[0].database.read() as session:
        activity = session.scalar(sa.select(Activity.id))
    record = DecisionRecord(song, {}, {"sentence": "It won."}, None)

    def decide(catalog):
        for number in range(5):
            key = f"{catalogs.index(catalog)}{number}" * 32
            catalog.database.transact(
                lambda session, key=key: add_decision(session, record, step_key=key, activity_id=activity)
            )

    assert at_once(decide, catalogs) == [None] * 3
    with catalogs[0].database.read() as session:
        rows = session.execute(sa.select(Decision.id, Decision.supersedes_id).order_by(Decision.id)).all()
    assert [row.supersedes_id for row in rows] == [None, *(row.id for row in rows[:-1])]

    first = "00" * 32
    at_once(lambda catalog: ensure_current(catalog.database, song, first), catalogs)
    with catalogs[0].database.read() as session:
        keys = session.scalars(sa.select(Decision.step_key).order_by(Decision.id)).all()
    assert keys[-1] == first
    assert keys.count(first) <= 2


def test_a_holder_with_another_home_is_not_taken_for_dead(settings, tmp_path: Path) -> None:
    if not settings.database_url:
        settings = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'shared.sqlite3'}"})
    away = settings.model_copy(update={"home": tmp_path / "another"})
    with open_catalog(settings) as catalog, open_catalog(away) as other:
        catalog.ledger.declare_renders(RECIPES)
        assert isinstance(other.ledger.claim("render", RECIPES[0].digest), Lease)
        assert not isinstance(catalog.ledger.claim("render", RECIPES[0].digest), Lease)


def test_every_metric_has_a_name_and_a_unit_that_its_columns_hold() -> None:
    for name, spec in metric_specs().items():
        assert len(name) <= Score.metric.type.length
        assert len(spec.unit) <= Score.unit.type.length
