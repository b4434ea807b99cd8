"""Adapters in the model store: registered, found by digest, imported, removed; licences; what does not fit."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="adapters are tensors")

from safetensors.torch import save_file  # noqa: E402

from catalog.common.errors import InputError, MachineError  # noqa: E402
from catalog.models.adapters import adapter_by_digest, adapter_used  # noqa: E402
from catalog.models.importer import import_folder  # noqa: E402
from catalog.models.install import install_session  # noqa: E402
from catalog.models.spec import Licence  # noqa: E402
from catalog.models.store import ModelStore, remove_model  # noqa: E402
from catalog.models.table import read_table  # noqa: E402
from tasks.engines.diffrhythm.network.config import NetworkConfig  # noqa: E402
from tasks.engines.registration import examine_adapter, register_adapter  # noqa: E402
from tasks.weights.adapters.digest import adapter_digest  # noqa: E402
from tasks.weights.adapters.reading import read_adapter  # noqa: E402
from tasks.weights.adapters.writing import write_adapter  # noqa: E402
from tests.support.models import AT, relaxed_table  # noqa: E402
from tests.support.tiny_adapters import Q, kohya_tensors, tiny_adapter, tiny_layers, write_peft  # noqa: E402

BASE, FULL = "diffrhythm-1.2-base", "diffrhythm-1.2-full"
OWN = Licence("own", "own", True, "Commercial use is allowed, as stated")
NOT_FOR_SALE = Licence("nc", "nc", False, "No commercial use, as stated")
APACHE = read_table().licences["Apache-2.0"]


@pytest.fixture
def store(tmp_path: Path, tiny_variables):
    """A store with the base network in tiny, of the test's own."""
    home = tmp_path / "models"
    shutil.copytree(Path(tiny_variables["SONGLINE_MODELS"]) / BASE, home / BASE)
    return ModelStore(home, Path(tiny_variables["SONGLINE_MODELS_TABLE"]))


@pytest.fixture
def layers(store):
    return tiny_layers(store.need(BASE).weights)


@pytest.fixture
def adapter(layers):
    return tiny_adapter(layers)


def register(store, name, source, *, base=BASE, licence=OWN):
    return register_adapter(store, name, source, base=base, licence=licence, origin="test", at=AT)


def remove(store, name, *, forget=False):
    with install_session(store, name) as session:
        remove_model(session.home, forget=forget)


def test_an_adapter_is_a_model_of_its_own_content(store, adapter, tmp_path: Path) -> None:
    trained = replace(adapter, base=store.need(BASE).digest, rope="exact")
    (tmp_path / "trained").mkdir()
    write_adapter(trained, tmp_path / "trained")
    model = register(store, "my-style", tmp_path / "trained")
    digest = adapter_digest(adapter)
    assert model == store.need("my-style") == adapter_by_digest(store, digest)
    assert model.digest == digest
    assert model.revision == f"sha256:{digest[:12]}"
    assert sorted(model.digests) == ["adapter_config.json", "adapter_model.safetensors"]
    facts = model.spec.adapter
    assert (facts.base, facts.base_digest, facts.rope, facts.rank) == (BASE, store.need(BASE).digest, "exact", 4)
    assert (model.spec.like, [role.value for role in model.spec.roles]) == (BASE, ["generates"])
    assert store.is_whole("my-style")
    used = adapter_used(store, digest)
    assert (used.name, used.digest, used.adapts, used.licence) == ("my-style", digest, BASE, "own")
    assert adapter_digest(read_adapter(model.folder)) == digest


def test_files_of_other_trainers_are_stored_as_our_own(store, adapter, tmp_path: Path) -> None:
    save_file(kohya_tensors(adapter), tmp_path / "kohya.safetensors")
    write_peft(tmp_path / "peft", adapter)
    (tmp_path / "peft" / "README.md").write_text("a card that nobody asked for")
    one, two = register(store, "one", tmp_path / "kohya.safetensors"), register(store, "two", tmp_path / "peft")
    assert one.digest == two.digest == adapter_digest(adapter)
    assert one.digests == two.digests
    assert "README.md" not in two.digests


@pytest.mark.parametrize(("commercial", "allowed"), [(False, False), (True, True), ("no", True), (None, True)])
def test_what_was_stated_at_its_training_goes_with_its_files(store, adapter, tmp_path, commercial, allowed) -> None:
    """A training without ``commercial: true`` is not sold under another name."""
    (tmp_path / "given").mkdir()
    write_adapter(replace(adapter, record={"commercial": commercial}), tmp_path / "given")
    licence = register(store, "another-name", tmp_path / "given", licence=APACHE).spec.licence
    assert (licence.id, licence.commercial) == (APACHE.id, allowed)


def test_the_same_under_other_terms_is_refused(store, adapter, tmp_path: Path) -> None:
    source = write_peft(tmp_path / "peft", adapter)
    register(store, "my-style", source, licence=OWN)
    with pytest.raises(InputError, match="already"):
        register(store, "my-style", source, licence=replace(OWN, commercial=False))
    assert store.spec("my-style").licence.commercial


def test_the_same_again_does_nothing_and_another_is_refused(store, adapter, layers, tmp_path: Path) -> None:
    source = write_peft(tmp_path / "peft", adapter)
    first = register(store, "my-style", source)
    record = (store.home("my-style") / "record.json").read_bytes()
    assert register(store, "my-style", source) == first
    assert (store.home("my-style") / "record.json").read_bytes() == record
    other = write_peft(tmp_path / "other", tiny_adapter(layers, seed=2))
    for name, given in (("my-style", other), (BASE, source), ("diffrhythm-vae", source)):
        with pytest.raises(InputError, match="already"):
            register(store, name, given)
    with pytest.raises(InputError, match="cannot be the name"):
        register(store, "../outside", source)
    remove(store, "my-style")
    assert register(store, "my-style", other).digest != first.digest


def test_a_damaged_one_is_installed_again(store, adapter, tmp_path: Path) -> None:
    source = write_peft(tmp_path / "peft", adapter)
    path = register(store, "my-style", source).path("adapter_model.safetensors")
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"\1")
    assert not store.is_whole("my-style")
    register(store, "my-style", source)
    assert store.is_whole("my-style")


def test_a_removed_adapter_is_still_named_in_the_lineage(store, adapter, tmp_path: Path) -> None:
    digest = register(store, "my-style", write_peft(tmp_path / "peft", adapter)).digest
    remove(store, "my-style")
    assert adapter_by_digest(store, digest) is None
    used = adapter_used(store, digest)
    assert (used.name, used.licence, used.digest) == ("my-style", "own", digest)
    remove(store, "my-style", forget=True)
    assert adapter_used(store, digest).name == f"adapter-{digest[:12]}"
    assert adapter_used(store, digest).licence == "unknown"


# --- licences


@pytest.mark.parametrize(
    ("base_sells", "stated", "wanted"),
    [(True, OWN, OWN), (True, NOT_FOR_SALE, NOT_FOR_SALE), (False, OWN, None), (False, NOT_FOR_SALE, NOT_FOR_SALE)],
)
def test_the_licence_is_the_strictest_of_both(
    store, adapter, tmp_path: Path, base_sells: bool, stated: Licence, wanted: Licence | None
) -> None:
    if not base_sells:
        table = relaxed_table(tmp_path / "strict.toml")
        head, mark, tail = table.read_text().partition(f'[models."{BASE}"]')
        tail = tail.replace('licence = "Apache-2.0"', 'licence = "CC-BY-NC-4.0"', 1)
        table.write_text(head + mark + tail)
        store = ModelStore(store.folder, table)
        assert not store.spec(BASE).licence.commercial
    spec = register(store, "my-style", write_peft(tmp_path / "peft", adapter), licence=stated).spec
    licence = wanted or store.spec(BASE).licence
    assert (spec.licence.id, spec.licence.commercial) == (licence.id, licence.commercial)


def test_of_two_names_the_stricter_licence_is_told(store, adapter, tmp_path: Path) -> None:
    source = write_peft(tmp_path / "peft", adapter)
    digest = register(store, "a-free-one", source, licence=OWN).digest
    register(store, "b-bound-one", source, licence=NOT_FOR_SALE)
    assert adapter_used(store, digest).name == "b-bound-one"


# --- what does not fit


def test_layers_that_the_network_lacks_are_named(store, adapter, layers, tmp_path: Path) -> None:
    wide = {layer: (out, into * 2) for layer, (out, into) in layers.items()}
    with pytest.raises(InputError, match=r"does not fit diffrhythm-1\.2-base") as caught:
        register(store, "wide", write_peft(tmp_path / "wide", tiny_adapter(wide)))
    assert f"transformer_blocks.0.mlp.down_proj is of {2 * layers['transformer_blocks.0.mlp.down_proj'][1]}" in str(
        caught.value
    )
    assert "(14 layers)" in caught.value.what
    deep = tiny_adapter({**layers, "transformer_blocks.7.mlp.up_proj": (128, 64)})
    with pytest.raises(InputError, match=r"transformer_blocks\.7\.mlp\.up_proj is no linear layer"):
        register(store, "deep", write_peft(tmp_path / "deep", deep))
    assert store.recorded() == (BASE,), "nothing is left of them"


@pytest.mark.slow
def test_without_the_network_the_published_sizes_count(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    width = NetworkConfig.BASE_1B.dim
    fits = write_peft(tmp_path / "fits", tiny_adapter({Q: (width, width)}))
    assert register(store, "fits", fits, base=FULL).spec.adapter.base == FULL
    with pytest.raises(InputError, match="does not fit"):
        register(store, "small", write_peft(tmp_path / "small", tiny_adapter({Q: (64, 64)})))


def test_a_base_that_is_no_network_of_the_engine_is_refused(store, adapter, tmp_path: Path) -> None:
    source = write_peft(tmp_path / "peft", adapter)
    register(store, "my-style", source)
    for base in ("diffrhythm-vae", "my-style"):
        with pytest.raises(InputError, match="is no DiffRhythm or ACE-Step network"):
            register(store, "other", source, base=base)
    with pytest.raises(InputError, match="there is no model"):
        register(store, "other", source, base="nothing")


def test_links_and_files_of_two_names_are_refused(store, adapter, tmp_path: Path) -> None:
    source = write_peft(tmp_path / "peft", adapter)
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "adapter_model.safetensors").symlink_to(source / "adapter_model.safetensors")
    with pytest.raises(InputError, match="is a link"):
        register(store, "linked", tmp_path / "linked")
    os.link(source / "adapter_config.json", tmp_path / "second-name")
    with pytest.raises(InputError, match="hard link"):
        register(store, "linked", source)


# --- between machines


def test_an_adapter_is_imported_from_another_machines_store(store, adapter, tmp_path: Path, tiny_variables) -> None:
    model = register(store, "my-style", write_peft(tmp_path / "peft", adapter))
    other = ModelStore(tmp_path / "elsewhere", Path(tiny_variables["SONGLINE_MODELS_TABLE"]))
    (taken,) = import_folder(other, store.folder, ["my-style"], at=AT, accept=True, examine=examine_adapter).models
    assert (taken.spec, taken.digest, taken.digests) == (model.spec, model.digest, model.digests)
    assert adapter_by_digest(other, model.digest) == taken


@pytest.mark.parametrize(
    ("part", "value", "told"),
    [(("adapter", "digest"), "ab" * 32, "not those of its record"), (("commercial",), True, "may not be sold")],
)
def test_files_that_contradict_their_record_are_refused(
    store, adapter, tmp_path: Path, tiny_variables, part, value, told: str
) -> None:
    (tmp_path / "given").mkdir()
    write_adapter(replace(adapter, record={"commercial": False}), tmp_path / "given")
    register(store, "my-style", tmp_path / "given", licence=NOT_FOR_SALE)
    path = store.home("my-style") / "record.json"
    record = json.loads(path.read_text())
    field = record["own"]
    for step in part[:-1]:
        field = field[step]
    field[part[-1]] = value
    path.write_text(json.dumps(record))
    other = ModelStore(tmp_path / "elsewhere", Path(tiny_variables["SONGLINE_MODELS_TABLE"]))
    with pytest.raises(MachineError, match=told):
        import_folder(other, store.folder, ["my-style"], at=AT, accept=True, examine=examine_adapter)
    assert other.recorded() == ()
