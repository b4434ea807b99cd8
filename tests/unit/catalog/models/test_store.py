"""from __future__ import annotations"""

from __future__ import annotations

import fcntl
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError, MachineError, ModelMissing
from catalog.models.importer import import_folder
from catalog.models.install import InstallSession, install_session
from catalog.models.store import RECORD, ModelStore
from tests.support.models import AT, install
from tests.unit.catalog.models.stores import DATA, damage, own, remove, store

__all__ = ["store"]


def test_an_installed_model_is_found_with_its_files_and_digests(store) -> None:
    installed = install(store, "diffrhythm-data", DATA)
    assert store.installed("diffrhythm-data") == installed == store.need("diffrhythm-data")
    assert installed.path("vocab.json").read_bytes() == b"{}"
    assert installed.digests == {path: digest_bytes(content) for path, content in DATA.items()}
    assert installed.size_bytes == sum(map(len, DATA.values()))
    assert all(installed.path(path).stat().st_mode & 0o222 == 0 for path in DATA)


def test_a_missing_model_is_told_with_the_command_that_gets_it(store) -> None:
    with pytest.raises(ModelMissing, match="`songline models pull diffrhythm-vae`") as caught:
        store.need("diffrhythm-vae")
    assert caught.value.exit_code == 4


def test_all_missing_models_are_told_at_once(store) -> None:
    install(store, "diffrhythm-vae", {"vae_model.pt": b"vae"})
    with pytest.raises(ModelMissing, match="`songline models pull diffrhythm-data muq-mulan-large`"):
        store.need_all(["diffrhythm-data", "diffrhythm-vae", "muq-mulan-large", "diffrhythm-data"])


def test_asking_never_makes_a_folder(store) -> None:
    assert store.installed("diffrhythm-vae") is None
    assert store.recorded() == ()
    assert "diffrhythm-vae" in store.specs()
    assert not store.accepted("diffrhythm-vae")
    assert not store.folder.exists()


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".hidden", "A", "x" * 65, "a\n"])
def test_names_never_leave_the_store(store, name) -> None:
    assert store.record(name) is None
    with pytest.raises(InputError, match="cannot be the name"):
        store.home(name)
    with pytest.raises(InputError):
        store.installed(name) or store.spec(name)


def test_only_files_of_the_model_have_a_path(store) -> None:
    installed = install(store, "diffrhythm-vae", {"vae_model.pt": b"vae"})
    assert not installed.has("../../x")
    with pytest.raises(InputError, match=r"There are vae_model\.pt"):
        installed.path("../record.json")


def test_a_file_cut_short_or_lost_means_not_installed(store) -> None:
    installed = install(store, "diffrhythm-vae", {"vae_model.pt": b"vae"})
    damage(installed.path("vae_model.pt"), b"va")
    assert store.installed("diffrhythm-vae") is None
    installed.path("vae_model.pt").unlink()
    with pytest.raises(ModelMissing):
        store.need("diffrhythm-vae")


def test_verify_reads_every_byte(store) -> None:
    installed = install(store, "diffrhythm-data", DATA)
    assert {file.verdict for file in store.verify("diffrhythm-data")} == {"ok"}
    damage(installed.path("vocab.json"), b"[]")
    installed.path("vocal.npy").unlink()
    verdicts = {file.path: file.verdict for file in store.verify("diffrhythm-data")}
    assert verdicts == {
        "vocab.json": "corrupt",
        "vocal.npy": "missing",
        "pinyin_2_bpmf.txt": "ok",
        "polychar.txt": "ok",
    }
    with pytest.raises(ModelMissing):
        store.verify("diffrhythm-vae")


def test_a_record_that_cannot_be_understood_is_no_install(store) -> None:
    install(store, "diffrhythm-vae", {"vae_model.pt": b"vae"})
    record = store.folder / "diffrhythm-vae" / RECORD
    document = json.loads(record.read_text())
    for bad in ("{", "[]", json.dumps(document | {"folder": "../elsewhere"}), json.dumps(document | {"name": "other"})):
        record.write_text(bad)
        assert store.installed("diffrhythm-vae") is None


def test_what_the_table_no_longer_wants_is_not_installed(store) -> None:
    install(store, "diffrhythm-vae", {"vae_model.pt": b"vae"})
    assert ModelStore(store.folder).installed("diffrhythm-vae") is None


def test_removing_keeps_the_acceptance_and_the_first_digests(store) -> None:
    install(store, "diffrhythm-1.2-full", {"cfm_model.pt": b"first"})
    remove(store, "diffrhythm-1.2-full")
    assert store.installed("diffrhythm-1.2-full") is None
    assert store.accepted("diffrhythm-1.2-full")
    with pytest.raises(MachineError, match=r"cfm_model\.pt was refused.*--forget"):
        install(store, "diffrhythm-1.2-full", {"cfm_model.pt": b"other"})
    assert not list(store.folder.rglob("cfm_model.pt"))
    remove(store, "diffrhythm-1.2-full", forget=True)
    assert not store.accepted("diffrhythm-1.2-full")
    assert install(store, "diffrhythm-1.2-full", {"cfm_model.pt": b"other"})


def test_a_stated_digest_is_held_and_a_wrong_file_named_and_removed(tmp_path: Path) -> None:
    store, folder = ModelStore(tmp_path / "models"), tmp_path / "given" / "diffrhythm-data"
    folder.mkdir(parents=True)
    for path, content in DATA.items():
        (folder / path).write_bytes(content)
    with pytest.raises(MachineError, match=r"vocab\.json was refused and removed: it has 2 bytes, expected 5802"):
        import_folder(store, folder, ["diffrhythm-data"], at=AT, accept=True)
    assert store.installed("diffrhythm-data") is None
    assert not list((tmp_path / "models").rglob("vocab.json"))


def test_files_known_by_git_only_are_judged_by_git(tmp_path: Path) -> None:
    table = tmp_path / "t.toml"
    table.write_text(
        "[models.'diffrhythm-vae']\nsources=[{kind='raw',repo='a/b',files=[{path='greeting.txt',"
        "git_blob='ce013625030ba8dba906f756967f9e9ca394464a'}]}]"
    )
    store, folder = ModelStore(tmp_path / "models", table), tmp_path / "given"
    folder.mkdir()
    (folder / "whatever.txt").write_bytes(b"hello\n")
    assert import_folder(store, folder, at=AT, accept=True).models[0].path("greeting.txt").read_bytes() == b"hello\n"


def test_a_kill_between_swap_and_record_loses_no_file(store) -> None:
    model = install(store, "diffrhythm-vae", {"vae_model.pt": b"vae"})
    (store.folder / "diffrhythm-vae" / RECORD).unlink()
    with install_session(store, "diffrhythm-vae") as place:
        place.keep_what_is_whole()
        assert place.place("vae_model.pt").read_bytes() == b"vae"
    assert not model.folder.exists()


def test_a_disk_without_room_is_told_before_anything_is_written(
    store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=10**6))
    (tmp_path / "tuned.pt").write_bytes(b"my weights")
    with pytest.raises(MachineError, match=r"has 0\.00 GB free.*SONGLINE_MODELS"):
        own(store, "mine", tmp_path / "tuned.pt")


def test_who_waits_for_the_lock_is_told(store) -> None:
    waited = []
    with install_session(store, "diffrhythm-vae") as first:
        assert isinstance(first, InstallSession)
        with (first.home / "lock").open("w") as handle, pytest.raises(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with install_session(store, "diffrhythm-vae", on_wait=lambda: waited.append(1)):
        assert waited == []


def test_lineage_names_a_model_by_the_digest_of_the_recipe(store, tmp_path: Path) -> None:
    first = install(store, "diffrhythm-1.2-full", {"cfm_model.pt": b"first"})
    assert store.models_used("diffrhythm-1.2-full") == (first.used,)
    assert store.models_used("diffrhythm-1.2-full", digest=first.digest) == (first.used,)
    (gone,) = store.models_used("diffrhythm-1.2-full", digest="ab" * 32)
    assert (gone.revision, gone.licence, gone.digest) == (f"sha256:{'ab' * 6}", "Apache-2.0", "ab" * 32)
    built_in = ModelStore(tmp_path / "empty")
    base = built_in.spec("diffrhythm-1.2-base").files[0]
    (used,) = built_in.models_used("diffrhythm-1.2-base", digest=base.sha256)
    assert used.revision == base.source.revision
    assert built_in.models_used("gone-for-ever", digest="ab" * 32)[0].licence == "unknown"
