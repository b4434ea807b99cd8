"""Lineage of what old builds delivered, after ``gc --keep-builds`` removed their files: right, or plainly unknown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import mutagen
import pytest
import sqlalchemy as sa
from mutagen.id3 import TIT2

from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.housekeeping.removal import bytes_of_old_builds, remove_old_builds
from catalog.lineage.lineage import trace
from catalog.lineage.track_origins import deliveries_of
from catalog.plan.plan import set_current_release
from catalog.release.queries import release_by_key
from db.tables.release import Release, ReleaseFile
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.delivery.identify import identify, remember_samples
from tasks.delivery.package.export import write_release
from tasks.delivery.package.models_used import models_of
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow

MP3, FLAC = "mp3_320/01 - Song One.mp3", "flac24/01 - Song One.flac"


def build(catalog, folder: Path, number: int, profile: str, **changes):
    """A build of one song for a profile: its release and its folder."""
    songs = album_document()["songs"][:1]
    document = album_document(
        songs=songs, mastering={"profile": profile}, deliverables=["flac24", "mp3_320"], **changes
    )
    planned = declare_album(catalog, read_album(write_album(folder / "album", document), catalog.settings))
    produced, _ = produce(catalog, planned)
    set_current_release(catalog.database, "small", produced.release_key)
    release = release_by_key(catalog.database, produced.release_key)
    assert release.build == number
    return release, write_release(catalog, release, folder / f"out{number}").folder


def traced(catalog, file: Path):
    found = identify(catalog, file)
    lineage = trace(
        catalog.database,
        found.digest,
        models_of=models_of(catalog.settings),
        candidate=found.candidate,
        is_build_known=found.is_build_known,
    )
    return found, lineage


def keep_one(catalog) -> None:
    remember_samples(catalog, bytes_of_old_builds(catalog.database, 1))
    remove_old_builds(catalog.database, catalog.store, 1)


def edited(file: Path, folder: Path) -> Path:
    """A copy with another title."""
    copy = Path(shutil.copy(file, folder))
    tagged = mutagen.File(copy)
    if hasattr(tagged.tags, "getall"):
        tagged.tags.add(TIT2(encoding=3, text="Renamed"))
    else:
        tagged["TITLE"] = "Renamed"
    tagged.save()
    return copy


@pytest.fixture(scope="module")
def builds(tmp_path_factory: pytest.TempPathFactory):
    """Two builds of one take with different masters, of which only the second has its files still."""
    folder = tmp_path_factory.mktemp("builds")
    with open_catalog(Settings(home=folder / "home", workers=2)) as catalog:
        first = build(catalog, folder, 1, "streaming")
        second = build(catalog, folder, 2, "apple")
        keep_one(catalog)
    return first, second


@pytest.fixture
def catalog(settings: Settings, builds) -> Iterator[Catalog]:
    """A copy of the catalog and the store that they are in."""
    (_, folder), _ = builds
    shutil.copytree(folder.parents[1] / "home", settings.home)
    with open_catalog(settings) as opened:
        yield opened


@pytest.mark.parametrize("path", [MP3, FLAC, "index.html", "lyrics/01 - Song One.lrc"])
def test_a_delivered_file_leads_to_its_own_build(catalog: Catalog, builds, path) -> None:
    (first, folder), (second, _) = builds
    if path != "lyrics/01 - Song One.lrc":  # which both builds have
        assert catalog.store.stat(first.files[path]) is None
    _, lineage = traced(catalog, folder / path)
    is_shared = first.files[path] == second.files[path]
    assert [(origin.build, origin.is_kept) for origin in lineage.origins] == [(2, True) if is_shared else (1, False)]
    assert lineage.own[0]["candidate"] == first.document["tracks"][0]["winner"]["candidate"]


@pytest.mark.parametrize("path", [MP3, FLAC])
def test_a_tag_edit_leads_to_the_same_build_as_before(catalog: Catalog, builds, tmp_path: Path, path) -> None:
    (first, folder), _ = builds
    named, lineage = traced(catalog, edited(folder / path, tmp_path))
    assert named.certainty == "same samples"
    assert [(origin.build, origin.is_kept) for origin in lineage.origins] == [(1, False)]
    winner = first.document["tracks"][0]["winner"]["candidate"]
    own = next(each.master_key for each in deliveries_of(catalog.database, winner).known if each.build == 1)
    masters = {each["work_key"] for each in lineage.document()["activities"] if each["kind"] == "master"}
    assert masters <= {own}


def test_the_tag_alone_names_no_build_where_several_masters_may_be_meant(
    catalog: Catalog, builds, tmp_path: Path
) -> None:
    (first, folder), _ = builds
    cut = tmp_path / "cut.mp3"
    data = (folder / MP3).read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    named, lineage = traced(catalog, cut)
    winner = first.document["tracks"][0]["winner"]["candidate"]
    assert (named.certainty, named.candidate, lineage.own[0]["candidate"]) == (
        "tag only, bytes changed", winner, winner,
    )  # fmt: skip
    assert "build 1 and build 2, from 2 different masters" in named.note
    assert lineage.origins == ()
    assert {each["kind"] for each in lineage.document()["activities"]} == {"render"}


def test_a_build_that_the_catalog_forgot_is_said_to_be_unknown(catalog: Catalog, builds, tmp_path: Path) -> None:
    """An older version removed the rows of old builds: its file must not be told as one of a later build."""
    (_, folder), _ = builds
    with catalog.database.write() as session:
        gone = sa.select(Release.id).where(Release.build == 1)
        session.execute(sa.delete(ReleaseFile).where(ReleaseFile.release_id.in_(gone)))
        session.execute(sa.delete(Release).where(Release.build == 1))
    cut = tmp_path / "cut.mp3"
    data = (folder / MP3).read_bytes()
    cut.write_bytes(data[: len(data) * 2 // 3])
    named, lineage = traced(catalog, cut)
    assert "nothing is known of build 1 any more" in named.note
    assert lineage.origins == ()


def test_a_release_without_the_candidate_is_not_named(catalog: Catalog, builds) -> None:
    """The bytes of two takes may be equal; a file whose tag names the one is not told as the other's release."""
    _, (second, _) = builds
    winner = second.document["tracks"][0]["winner"]["candidate"]
    losing = next(each["id"] for each in _candidates(catalog, second, winner) if each["id"] != winner)
    for candidate, origins in ((winner, [2]), (losing, [])):
        models = models_of(catalog.settings)
        lineage = trace(catalog.database, second.files[MP3], models_of=models, candidate=candidate)
        assert [origin.build for origin in lineage.origins] == origins


def _candidates(catalog, release, winner):
    document = trace(catalog.database, release.files[MP3], models_of=models_of(catalog.settings)).document()
    return document["decision"]["candidates"]
