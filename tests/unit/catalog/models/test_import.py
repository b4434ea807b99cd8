"""Models that are imported from folders: what is taken, what is refused, and checkpoints of one's own."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError, LicenceRefused, MachineError, RefusedError
from catalog.models.download import Downloader
from catalog.models.importer import import_folder
from catalog.models.pull import add
from catalog.models.store import HELD, ModelStore
from tests.support.models import AT, install
from tests.unit.catalog.models.stores import APACHE, DATA, damage, own, remove, store

__all__ = ["store"]


def test_import_wants_the_licence_accepted(store, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "vae_model.pt").write_bytes(b"vae")
    with pytest.raises(LicenceRefused, match=r"Stability AI Community License.*--accept"):
        import_folder(store, tmp_path / "given", at=AT)
    assert not store.folder.exists()
    assert import_folder(store, tmp_path / "given", at=AT, accept=True).models[0].spec.name == "diffrhythm-vae"
    assert json.loads((store.folder / "diffrhythm-vae" / HELD).read_text())["accepted_at"].startswith("2026-11-23")


def test_a_flat_folder_gives_what_it_holds_and_names_what_lacks(store, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    for name in ("vae_model.pt", "vocal.npy", "cfm_model.pt", "notes.md"):
        (given / name).write_bytes(name.encode())
    taken = import_folder(store, given, at=AT, accept=True)
    assert [model.spec.name for model in taken.models] == ["diffrhythm-vae"]
    assert len(taken.incomplete) == 1
    assert "diffrhythm-data is not whole" in taken.incomplete[0]
    with pytest.raises(InputError, match="diffrhythm-data is not whole"):
        import_folder(store, given, ["diffrhythm-data"], at=AT, accept=True)


def test_a_name_that_two_models_have_needs_the_model_named(store, tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "cfm_model.pt").write_bytes(b"weights")
    with pytest.raises(InputError, match="no file of a known model"):
        import_folder(store, given, at=AT, accept=True)
    (model,) = import_folder(store, given, ["diffrhythm-1.2-full"], at=AT, accept=True).models
    assert model.path("cfm_model.pt").read_bytes() == b"weights"


def test_the_hubs_own_cache_and_clones_are_recognised(store, tmp_path: Path) -> None:
    cache = tmp_path / "hub"
    layout = {
        "models--OpenMuQ--MuQ-MuLan-large": ("config.json", "model.safetensors"),
        "models--OpenMuQ--MuQ-large-msd-iter": ("config.json", "pytorch_model.bin"),
        "models--xlm-roberta-base": ("config.json", "model.safetensors", "tokenizer.json"),
    }
    for repo, names in layout.items():
        for name in names:
            blob, link = cache / repo / "blobs" / name, cache / repo / "snapshots" / ("ab" * 20) / name
            blob.parent.mkdir(parents=True, exist_ok=True)
            blob.write_bytes(f"{repo} {name}".encode())
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(os.path.relpath(blob, link.parent))
    (model,) = import_folder(store, cache, at=AT, accept=True).models
    assert model.path("mulan/model.safetensors").read_bytes() == b"models--OpenMuQ--MuQ-MuLan-large model.safetensors"
    assert not model.has("mulan/pytorch_model.bin")
    assert not model.has("xlm-roberta-base/sentencepiece.bpe.model")
    assert len(model.digests) == 5


def test_another_machines_store_is_taken_with_its_own_models(store, tmp_path: Path) -> None:
    install(store, "diffrhythm-data", DATA)
    (tmp_path / "mine.safetensors").write_bytes(b"my weights")
    own(store, "my-tune", tmp_path / "mine.safetensors")
    other = ModelStore(tmp_path / "other", tmp_path / "table.toml")
    taken = import_folder(other, store.folder, at=AT, accept=True)
    assert {model.spec.name for model in taken.models} == {"diffrhythm-data", "my-tune"}
    assert other.need("my-tune").weights.read_bytes() == b"my weights"
    assert other.need("diffrhythm-data").digests == store.need("diffrhythm-data").digests
    assert other.need("diffrhythm-data").revision == store.need("diffrhythm-data").revision


def test_damage_in_another_machines_store_is_not_taken_over(store, tmp_path: Path) -> None:
    damage(install(store, "diffrhythm-data", DATA).path("vocab.json"), b"[]")
    other = ModelStore(tmp_path / "other", tmp_path / "table.toml")
    with pytest.raises(MachineError, match=r"vocab\.json was refused"):
        import_folder(other, store.folder, at=AT, accept=True)
    assert other.installed("diffrhythm-data") is None


def test_a_checkpoint_of_ones_own_stands_beside_the_built_in_ones(store, tmp_path: Path) -> None:
    (tmp_path / "tuned.pt").write_bytes(b"my weights")
    model = own(store, "my-tune", tmp_path / "tuned.pt")
    assert store.spec("my-tune").like == "diffrhythm-1.2-base"
    assert list(store.specs())[-1] == "my-tune"
    assert (model.path("cfm_model.pt"), model.digest) == (model.weights, digest_bytes(b"my weights"))
    assert model.used.licence == "Apache-2.0"
    (tmp_path / "tuned.pt").unlink()
    assert store.is_whole("my-tune")
    remove(store, "my-tune")
    assert "my-tune" not in store.specs()


@pytest.mark.parametrize(
    ("name", "like", "fault"),
    [
        ("diffrhythm-vae", "diffrhythm-1.2-base", "already"),
        ("diffrhythm-1.0-base", "diffrhythm-1.2-base", "refused"),
        ("../x", "diffrhythm-1.2-base", "cannot be the name"),
        ("mine", "diffrhythm-data", "has 4 files"),
        ("mine", "diffrhythm-1.2-bass", "Did you mean"),
    ],
)
def test_a_checkpoint_of_ones_own_needs_a_free_name_and_a_model_to_be_like(
    store, tmp_path: Path, name, like, fault
) -> None:
    (tmp_path / "tuned.pt").write_bytes(b"my weights")
    with Downloader() as downloader, pytest.raises((InputError, RefusedError), match=fault):
        add(store, name, str(tmp_path / "tuned.pt"), like=like, licence=APACHE, at=AT, downloader=downloader)


def test_a_checkpoint_of_ones_own_must_have_the_digest_that_was_given(store, tmp_path: Path) -> None:
    (tmp_path / "tuned.pt").write_bytes(b"my weights")
    with pytest.raises(MachineError, match=f"expected {'0' * 64}"):
        own(store, "mine", tmp_path / "tuned.pt", sha256="0" * 64)
    with pytest.raises(InputError, match="is no file"):
        own(store, "mine", tmp_path / "none.pt")
    assert "mine" not in store.specs()


def test_a_v1_checkpoint_is_refused_by_its_digest_under_any_name(tmp_path: Path) -> None:
    weights = b"pretend these are the v1.0 weights"
    table = tmp_path / "t.toml"
    table.write_text(
        f"[[refused]]\nnames=['diffrhythm-1.0-base']\nsha256='{digest_bytes(weights)}'\nwhy='old'\ninstead='new'\n"
    )
    store = ModelStore(tmp_path / "models", table)
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "innocent.pt").write_bytes(weights)
    with pytest.raises(RefusedError, match=r"innocent\.pt is diffrhythm-1\.0-base"):
        import_folder(store, tmp_path / "given", at=AT, accept=True)
    with pytest.raises(RefusedError, match=r"diffrhythm-1\.0-base and is refused"):
        own(store, "mine", tmp_path / "given" / "innocent.pt")
    assert not list((tmp_path / "models").rglob("*.pt"))


def test_version_1_0_without_a_known_digest_is_refused_by_its_folder(store, tmp_path: Path) -> None:
    weights = tmp_path / "models--ASLP-lab--DiffRhythm-full" / "snapshots" / ("ab" * 20) / "cfm_model.pt"
    weights.parent.mkdir(parents=True)
    weights.write_bytes(b"v1.0 full")
    for folder in (tmp_path, weights.parent):
        with pytest.raises(RefusedError, match="DiffRhythm-full is refused"):
            import_folder(store, folder, ["diffrhythm-1.2-full"], at=AT, accept=True)
