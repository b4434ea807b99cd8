"""Bytes that came back, or that a backup still has: neither repaired away nor written off."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.housekeeping.repair import accept, accepted_losses, examine, repair
from catalog.ledger.results import artifact_digests
from tests.attacks.damaged_home import blob
from tests.attacks.small_album import Run, run, small

__all__ = ["run", "small"]

SONGS = (b"one", b"two", b"three")


@pytest.fixture
def three(catalog: Catalog, tmp_path: Path) -> list[str]:
    digests = []
    for data in SONGS:
        (tmp_path / "given").write_bytes(data)
        digests.append(catalog.add_file(tmp_path / "given", media_type="text/plain"))
    return digests


def spoil(path: Path) -> bytes:
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(bytes(len(data)))
    return data


@pytest.mark.parametrize("mend", [repair, lambda *given: accept(*given, by="ada@studio")], ids=["repair", "accept"])
@pytest.mark.parametrize("how", ["missing", "corrupt"])
def test_bytes_that_came_back_since_they_were_found_damaged_are_kept(catalog: Catalog, three, mend, how) -> None:
    path = catalog.store.local(three[0])
    data = spoil(path)
    if how == "missing":
        catalog.store.delete(three[0])
    damages = examine(catalog.database, catalog.store, three)
    assert [damage.digest for damage in damages] == three[:1]
    catalog.store.delete(three[0])
    catalog.store.put_bytes(data)
    mend(catalog.database, catalog.store, damages)
    assert catalog.store.verify(three[0])
    assert accepted_losses(catalog.database) == frozenset()
    assert dict(artifact_digests(catalog.database))[three[0]] is False


def test_what_was_missing_is_never_deleted(catalog: Catalog, three, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.store.delete(three[0])
    damages = examine(catalog.database, catalog.store, three)
    monkeypatch.setattr(type(catalog.store), "delete", lambda *_: pytest.fail("deleted"))
    repair(catalog.database, catalog.store, damages)
    accept(catalog.database, catalog.store, damages, by="ada@studio")
    assert accepted_losses(catalog.database) == {three[0]}


@pytest.mark.parametrize("is_corrupt", [False, True])
def test_what_a_known_backup_still_has_is_brought_back_and_not_written_off(
    small: Path, run: Run, is_corrupt: bool
) -> None:
    home, path = small / "home", blob(small)
    assert run("backup", small / "backup", home=home).code == 0
    if is_corrupt:
        spoil(path)
    else:
        path.unlink()
    assert f"The backup in {small / 'backup'} has 1 of them" in run("verify", home=home).out
    refused = run("verify", "--accept-loss", home=home)
    assert refused.code == 3
    assert f"the backup in {small / 'backup'} still has 1 of the damaged artifacts" in refused.err
    assert "songline verify --repair" in refused.err
    told = run("verify", "--repair", home=home)
    assert (told.code, "1 artifact came back from the backup" in told.out) == (0, True), told
    assert "0 pieces of work are planned again" in told.out
    clean = json.loads(run("verify", "--json", home=home).out)
    assert (clean["missing"], clean["corrupt"], clean["accepted_as_lost"]) == ([], [], 0)


def test_bytes_that_the_backup_lost_too_are_not_taken_from_it(small: Path, run: Run) -> None:
    home, path = small / "home", blob(small)
    assert run("backup", small / "backup", home=home).code == 0
    path.unlink()
    spoil(small / "backup" / "store" / path.relative_to(home / "store"))
    told = json.loads(run("verify", "--accept-loss", "--json", home=home).out)
    assert (told["missing"], told["accepted_now"], told["from_backup"]) == ([path.name], 1, [])
    with open_catalog(Settings(home=home)) as catalog:
        assert not catalog.store.verify(path.name)
