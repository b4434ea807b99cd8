"""Lost bytes: only what a manifest asks for is planned again, and the loss of the rest can be accepted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from catalog.backup.backup import back_up, restore
from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import StoreError
from catalog.common.settings import Settings
from catalog.housekeeping.repair import accept, accepted_losses, examine, repair
from catalog.ledger.results import artifact_digests, products_of
from catalog.lineage.lineage import trace
from catalog.plan.plan import set_current_release
from catalog.release.queries import release_by_key
from db.tables.album import Candidate
from db.tables.provenance import Artifact, Loss
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.delivery.package.models_used import models_of
from tests.support.albums import LYRICS, album_document, write_album
from tests.support.commands import songline
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow

SONG = {"id": "one", "title": "Song One", "lyrics": LYRICS, "prompt": "indie pop, 120 BPM, A minor", "seeds": [1, 2]}


def make(catalog: Catalog, folder: Path, *, seeds: list[int], **changes):
    """Produce an album with these seeds and deliver it; gives the plan and the release."""
    document = album_document(songs=[SONG | {"seeds": seeds}], **changes)
    planned = declare_album(catalog, read_album(write_album(folder, document), catalog.settings))
    produced, executor = produce(catalog, planned)
    set_current_release(catalog.database, "small", produced.release_key)
    return planned, release_by_key(catalog.database, produced.release_key), executor


def takes(catalog: Catalog, planned) -> list[str]:
    """The audio of every take of the plan."""
    keys = [candidate.render_key for candidate in planned.songs[0].candidates]
    return [products["audio"] for products in products_of(catalog.database, keys).values()]


def damages_of(catalog: Catalog):
    return examine(
        catalog.database, catalog.store, [d for d, pruned in artifact_digests(catalog.database) if not pruned]
    )


def test_only_what_a_manifest_asks_for_is_planned_again(catalog: Catalog, tmp_path: Path) -> None:
    first, old, _ = make(catalog, tmp_path, seeds=[1])
    second, new, _ = make(catalog, tmp_path, seeds=[2])
    superseded, asked = takes(catalog, first), takes(catalog, second)
    page, track = new.files["index.html"], new.files["mp3_320/01 - Song One.mp3"]
    old_page, old_track = old.files["index.html"], old.files["mp3_320/01 - Song One.mp3"]
    for digest in (*superseded, *asked, page, track, old_page, old_track):
        catalog.store.delete(digest)
    assert repair(catalog.database, catalog.store, damages_of(catalog)) == 3  # the take, the track and the release
    again, release, executor = make(catalog, tmp_path, seeds=[2])
    assert len(executor.rendered) == 1
    assert (again.digest, release.build) == (second.digest, new.build)
    assert {d.digest for d in damages_of(catalog)} == {*superseded, old_page, old_track}

    assert accept(catalog.database, catalog.store, damages_of(catalog), by="ada@studio") == 0
    assert damages_of(catalog) == []
    assert accepted_losses(catalog.database) == {*superseded, old_page, old_track}


def test_bytes_of_another_title_are_superseded(catalog: Catalog, tmp_path: Path) -> None:
    _, before, _ = make(catalog, tmp_path, seeds=[1])
    _, after, _ = make(catalog, tmp_path, seeds=[1], album={"id": "small", "title": "Another", "artist": "Ada Vale"})
    lost = set(before.files.values()) - set(after.files.values())
    assert lost
    for digest in lost:
        catalog.store.delete(digest)
    assert repair(catalog.database, catalog.store, damages_of(catalog)) == 0


def test_what_is_on_the_way_to_a_first_release_is_planned_again(catalog: Catalog, tmp_path: Path) -> None:
    planned = declare_album(catalog, read_album(write_album(tmp_path), catalog.settings))
    produce(catalog, planned, until="master")
    made = {digest for digest, _ in artifact_digests(catalog.database)}
    for digest in made:
        catalog.store.delete(digest)
    damages = damages_of(catalog)
    assert {damage.kind for damage in damages} >= {"render", "master"}
    assert repair(catalog.database, catalog.store, damages) == len({damage.work_key for damage in damages})


def test_the_parent_of_a_retake_is_asked_for(catalog: Catalog, tmp_path: Path) -> None:
    first, _, _ = make(catalog, tmp_path, seeds=[1])
    second, _, _ = make(catalog, tmp_path, seeds=[2])
    with catalog.database.write() as session:
        session.execute(
            sa.update(Candidate)
            .where(Candidate.id == second.songs[0].candidates[0].id)
            .values(parent_id=first.songs[0].candidates[0].id)
        )
    for digest in takes(catalog, first):
        catalog.store.delete(digest)
    assert repair(catalog.database, catalog.store, damages_of(catalog)) == 1


@pytest.mark.both_databases
def test_a_corrupt_take_that_is_superseded_is_left_until_its_loss_is_accepted(catalog: Catalog, tmp_path: Path) -> None:
    first, _, _ = make(catalog, tmp_path, seeds=[1])
    make(catalog, tmp_path, seeds=[2])
    (audio,) = takes(catalog, first)
    path = catalog.store.local(audio)
    path.chmod(0o644)
    path.write_bytes(b"spoilt")
    repair(catalog.database, catalog.store, damages_of(catalog))
    assert path.read_bytes() == b"spoilt"
    accept(catalog.database, catalog.store, damages_of(catalog), by="ada@studio")
    assert not path.exists()
    with catalog.database.read() as session:
        loss = session.scalars(sa.select(Loss)).one()
        assert (loss.artifact_digest, loss.found, loss.accepted_by) == (audio, "corrupt", "ada@studio")
        assert loss.accepted_at == pytest.approx(session.get_one(Artifact, audio).pruned_at, abs=60)


def test_a_lost_take_that_is_asked_for_comes_back_although_its_loss_was_accepted(
    catalog: Catalog, tmp_path: Path
) -> None:
    planned, _, _ = make(catalog, tmp_path, seeds=[1])
    (audio,) = takes(catalog, planned)
    catalog.store.delete(audio)
    assert accept(catalog.database, catalog.store, damages_of(catalog), by="ada@studio") == 1
    lost = trace(catalog.database, audio, models_of=models_of(catalog.settings)).document()["artifact"]["lost"]
    assert (lost["found"], lost["accepted_by"]) == ("missing", "ada@studio")
    make(catalog, tmp_path, seeds=[1])
    assert catalog.store.verify(audio)
    assert accepted_losses(catalog.database) == frozenset()
    assert "lost" not in trace(catalog.database, audio, models_of=models_of(catalog.settings)).document()["artifact"]
    assert damages_of(catalog) == []


def test_accepted_losses_are_part_of_a_backup(catalog: Catalog, tmp_path: Path) -> None:
    first, _, _ = make(catalog, tmp_path, seeds=[1])
    make(catalog, tmp_path, seeds=[2])
    for digest in takes(catalog, first):
        catalog.store.delete(digest)
    accept(catalog.database, catalog.store, damages_of(catalog), by="ada@studio")
    made, _ = back_up(catalog.database, catalog.store, tmp_path / "backup")
    assert made.lost == []
    with open_catalog(Settings(home=tmp_path / "other")) as other:
        restore(other.database, other.store, tmp_path / "backup")
        assert accepted_losses(other.database) == set(takes(catalog, first))


def test_verify_is_clean_once_the_loss_is_accepted(settings, tmp_path: Path) -> None:
    """Attack: bytes of takes that nobody asks for are lost, and every later ``verify`` is red for good."""
    with open_catalog(settings) as catalog:
        first, _, _ = make(catalog, tmp_path / "album", seeds=[1])
        make(catalog, tmp_path / "album", seeds=[2])
        (audio,) = takes(catalog, first)
        catalog.store.delete(audio)
    home = settings.home
    red = songline("verify", home=home)
    assert (red.returncode, "--accept-loss" in red.stdout) == (1, True)
    repaired = songline("verify", "--repair", home=home)
    assert repaired.returncode == 0
    assert "0 pieces of work are planned again" in repaired.stdout
    assert "--accept-loss" in repaired.stdout
    told = json.loads(songline("verify", "--accept-loss", "--json", home=home).stdout)
    assert (told["missing"], told["accepted_as_lost"], told["accepted_now"], told["pruned"]) == ([audio], 1, 1, 0)
    clean = json.loads(songline("verify", "--json", home=home).stdout)
    assert (clean["missing"], clean["accepted_as_lost"], clean["accepted_now"], clean["pruned"]) == ([], 1, 0, 0)
    plain = songline("verify", home=home)
    assert (plain.returncode, "accepted as lost: 1" in plain.stdout) == (0, True)
    assert "its bytes are lost (found missing, accepted by " in songline("lineage", audio, home=home).stdout


def test_the_loss_of_a_whole_store_is_not_accepted(settings, tmp_path: Path) -> None:
    """A disk that is not mounted is no loss."""
    with open_catalog(settings) as catalog:
        make(catalog, tmp_path / "album", seeds=[1])
        for digest, _ in artifact_digests(catalog.database):
            catalog.store.delete(digest)
    refused = songline("verify", "--accept-loss", home=settings.home)
    assert refused.returncode == StoreError.exit_code
    with open_catalog(settings) as catalog:
        assert accepted_losses(catalog.database) == frozenset()
