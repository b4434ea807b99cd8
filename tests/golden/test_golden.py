"""The upgrade test: a catalog and a store that an earlier Songline made are opened, and nothing is made again.

What fails here would render users' finished albums anew, or lose them. A digest that changes on purpose needs a new
revision of the engine, scorer or step, and a reason; the kept run itself is never changed to fit.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from copy import deepcopy
from functools import cache
from typing import Any

import pytest

from tests.golden import code_under_test
from tests.golden.compared import differences, nearest, shape_of
from tests.golden.complete import SINGING, require_complete, why_not_read_alike
from tests.golden.identities import digest_of, identities_of
from tests.golden.kept import CATALOG, SAID, SAID_OF, Golden, recorded
from tests.support.commands import files_of

RECORDED = recorded()
ALBUMS = tuple(RECORDED["albums"])
OF_THE_PAGE = ("index.html", "SHA256SUMS")
"""The listening page may be drawn anew; a release that is packed already keeps its own."""

OF_WORK = (
    *("render", "candidate", "step", "activity", "activity_artifact", "artifact", "score", "decision"),
    *("release", "release_file"),
)

Told = Callable[[str, str], Any]
Planned = Callable[[str], Any]


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Golden:
    """The kept run; what looks at it leaves it as it is."""
    return Golden.opened(tmp_path_factory.mktemp("golden"))


@pytest.fixture(scope="module")
def told(golden: Golden) -> Told:
    """What a command says of an album in JSON, asked once."""
    return cache(golden.told)


@pytest.fixture(scope="module")
def planned(golden: Golden) -> Planned:
    """How the code plans an album: all of them are planned in one process."""
    planned = cache(lambda: golden.by_code("planned", *(album for album in ALBUMS if not why_not_read_alike(album))))
    return lambda album: planned()[album]


@pytest.fixture(params=ALBUMS)
def album(request: pytest.FixtureRequest) -> str:
    """Each album; the sung one where its words are read as they were then."""
    name: str = request.param
    if reason := why_not_read_alike(name):
        pytest.skip(f"NOT TESTED: {reason}")
    return name


def stored(golden: Golden) -> dict[str, list[tuple[Any, ...]]]:
    """What the catalog says of work and of what came of it, by table."""
    with closing(sqlite3.connect(golden.home / CATALOG)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in OF_WORK}


# --- identities


def test_the_opened_catalog_says_what_was_recorded(golden: Golden, told: Told) -> None:
    told("status", ALBUMS[-1])  # which brings its schema to that of the code
    with closing(sqlite3.connect(golden.home / CATALOG)) as connection:
        found = identities_of(connection)
    require_none(differences({part: RECORDED[part] for part in found}, found))


def test_every_digest_follows_from_its_document() -> None:
    for digest, document in RECORDED["recipes"].items():
        assert digest_of("recipe/v1", document) == digest
        assert code_under_test.recipe_digest(document) == digest
    for key, step in RECORDED["steps"].items():
        assert digest_of("step/v1", step) == key
        assert code_under_test.step_key(step) == key, step["kind"]


def test_planning_gives_the_same_recipes(planned: Planned, album: str) -> None:
    candidates = planned(album)["candidates"]
    new = [recipe for digest, _, recipe in candidates.values() if digest not in RECORDED["recipes"]]
    require_none(line for recipe in new for line in nearest(recipe, RECORDED["recipes"].values()))
    known = RECORDED["albums"][album]["candidates"]
    assert {candidate: (digest, words) for candidate, (digest, words, _) in candidates.items()} == {
        each["id"]: (each["recipe"], each["lyrics_digest"]) for each in known if each["active"]
    }


def test_the_line_asks_for_the_same_steps(planned: Planned, album: str) -> None:
    asked = planned(album)["asked"]
    require_none(
        f"{step['kind']}: {line}"
        for key, step in asked.items()
        if key not in RECORDED["steps"]
        for line in nearest(step, [known for known in RECORDED["steps"].values() if known["kind"] == step["kind"]])
    )
    assert sorted(asked) == RECORDED["asked"][album]


def test_every_kind_of_step_is_among_them() -> None:
    assert {step["kind"] for step in RECORDED["steps"].values()} == {
        *("score", "embed", "judge", "select", "enhance", "level", "master", "accept", "album_level", "version"),
        *("separate", "demix", "draw", "encode", "pack"),
    }


# --- the commands


def test_nothing_is_missing(told: Told, album: str) -> None:
    require_complete(album, told("plan", album), told("status", album))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_cpu_that_has_bfloat16_plans_no_finished_take_anew(golden: Golden, album: str, dtype: str) -> None:
    """When the run was recorded, ``dtype: auto`` meant float32 on every CPU."""
    plan = golden.json("plan", golden.manifest(album), SONGLINE_CPU_DTYPE=dtype)
    assert plan["complete"]
    assert [song["new"] for song in plan["songs"]] == [0] * len(plan["songs"])


def test_render_makes_nothing_and_delivers_the_same_files(golden: Golden, told: Told, album: str) -> None:
    assert told("plan", album)["complete"], "else it would render for long"
    before = stored(golden)
    known = RECORDED["albums"][album]
    golden.run("render", golden.manifest(album), "--out", golden.out)
    assert stored(golden) == before
    (manifest,) = golden.ask("SELECT manifest FROM album WHERE id = ?", album)
    require_none(line for line in differences(known["manifest"], json.loads(manifest)) if " is new: " not in line)
    assert files_of(golden.out / album) == known["releases"][known["release"]]["files"]


@pytest.mark.parametrize("album", SAID_OF, indirect=True)
def test_a_delivered_file_leads_to_its_candidate(golden: Golden, album: str) -> None:
    known = RECORDED["albums"][album]
    digests = known["releases"][known["release"]]["files"]
    (_, digest) = next((path, digest) for path, digest in digests.items() if path.endswith((".wav", ".mp3", ".m4a")))
    traced = golden.json("lineage", digest)
    winners = {decision["winner"]: decision["song"] for decision in known["decisions"]}
    (candidate,) = (c for c in known["candidates"] if c["id"] == traced["songs"][0]["candidate"])
    assert candidate["id"] in winners
    recipe = RECORDED["recipes"][candidate["recipe"]]
    assert traced["recipe"] == {"digest": candidate["recipe"], **recipe}
    assert traced["song"]["id"] == candidate["song"]


def test_verify_finds_every_byte(golden: Golden) -> None:
    found = golden.json("verify")
    assert (found["missing"], found["corrupt"], found["pruned"]) == ([], [], 0)
    assert found["checked"] == len(golden.ask("SELECT digest FROM artifact"))


@pytest.mark.parametrize("command", SAID)
def test_what_scripts_read_is_still_said(told: Told, command: str) -> None:
    said = set().union(*(shape_of(told(command, album)) for album in SAID_OF if not why_not_read_alike(album)))
    lacking = set(RECORDED["said"][command]) - said
    assert lacking == set() or why_not_read_alike(SINGING)


# --- packing


@pytest.mark.parametrize("album", SAID_OF, indirect=True)
def test_packing_anew_gives_the_same_release(golden: Golden, album: str) -> None:
    known = deepcopy(RECORDED["albums"][album])
    forget_release(golden, known["release"])
    assert len(golden.by_code("packed", album)[album]) == 1
    with closing(sqlite3.connect(golden.home / CATALOG)) as connection:
        again = identities_of(connection)["albums"][album]["releases"]
    for releases in (again, known["releases"]):
        for page in OF_THE_PAGE:
            del releases[known["release"]]["files"][page]
    require_none(differences(known["releases"], again))


def forget_release(golden: Golden, key: str) -> None:
    """Take a build out of the catalog, with the step that packed it."""
    with closing(sqlite3.connect(golden.home / CATALOG)) as connection:
        (number,) = connection.execute("SELECT id FROM release WHERE step_key = ?", (key,)).fetchone()
        connection.execute("DELETE FROM release_file WHERE release_id = ?", (number,))
        connection.execute("DELETE FROM release WHERE id = ?", (number,))
        connection.execute("DELETE FROM step WHERE key = ?", (key,))
        connection.commit()


def require_none(told: Iterable[str]) -> None:
    """Fail with every difference that is told, each once."""
    lines = list(dict.fromkeys(told))
    assert not lines, "\n".join(["what was recorded has changed:", *lines])
