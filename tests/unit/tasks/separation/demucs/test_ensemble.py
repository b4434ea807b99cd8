"""Separation models are read from the registry alone, and nothing that is not one gets through."""

from __future__ import annotations

import pickle
import socket
from pathlib import Path

import pytest

from catalog.common.errors import InputError, MachineError, ModelMissing, SonglineError
from catalog.models.store import ModelStore
from tasks.separation.demucs.models import STEM_MODELS
from tests.support.models import install
from tests.support.tiny_demucs import (
    need,
    pickled,
    store_of,
    tiny_demucs,
    tiny_network,
    write_safetensors,
    write_th,
    write_tiny_demucs,
)

pytestmark = pytest.mark.usefixtures("registry")

OLD = """
[[models.htdemucs.sources]]
kind = "hub"
repo = "adefossez/HTDemucs"
files = [{{ path = "htdemucs.yaml" }}, {{ path = "{name}" }}]
"""


def load(settings, name):
    from tasks.separation.demucs.ensemble import load_ensemble

    return load_ensemble(need(settings, name), "cpu")


def swapped(tmp_path, name, path, content):
    """Settings with the model in which one file is another, as it was installed."""
    settings = tiny_demucs(tmp_path)
    files = dict(write_tiny_demucs(tmp_path / "written", name)) | {path: content}
    install(store_of(settings), name, files)
    return settings


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(STEM_MODELS))
def test_a_model_is_whole_in_float32_and_loaded_once(registry, name) -> None:
    import torch

    ensemble = load(registry, name)
    assert ensemble.stems == STEM_MODELS[name]
    assert len(ensemble.networks) == (4 if name == "htdemucs_ft" else 1)
    assert {tensor.dtype for network in ensemble.networks for tensor in network.parameters()} == {torch.float32}
    assert torch.allclose(ensemble.shares.sum(dim=0), torch.ones(len(ensemble.stems)))
    assert load(registry, name) is ensemble


def test_the_judges_model_and_that_of_the_stems_stay_loaded_side_by_side(registry) -> None:
    judges, tuned = load(registry, "htdemucs"), load(registry, "htdemucs_ft")
    assert load(registry, "htdemucs") is judges
    assert load(registry, "htdemucs_ft") is tuned


def test_loading_asks_no_network_and_leaves_the_processs_randomness_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def refused(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refused)
    settings = tiny_demucs(tmp_path, "htdemucs")
    torch.manual_seed(5)
    before = torch.get_rng_state()
    load(settings, "htdemucs")
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_model_comes_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match="songline models pull htdemucs"):
        need(tiny_demucs(tmp_path), "htdemucs")


def test_a_missing_file_is_a_missing_model(tmp_path: Path) -> None:
    settings = tiny_demucs(tmp_path, "htdemucs")
    file = need(settings, "htdemucs").path("955717e8.safetensors")
    file.parent.chmod(0o755)
    file.unlink()
    with pytest.raises(ModelMissing):
        need(settings, "htdemucs")


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    settings = tiny_demucs(tmp_path, "htdemucs")
    file = need(settings, "htdemucs").path("955717e8.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.chmod(0o644)
    file.write_bytes(content)
    with pytest.raises(MachineError, match=r"955717e8\.safetensors is damaged.*songline models verify htdemucs"):
        load(settings, "htdemucs")


@pytest.mark.slow
def test_noise_cut_files_and_other_things_are_refused_by_name(tmp_path: Path) -> None:
    whole = write_tiny_demucs(tmp_path / "whole", "htdemucs")["955717e8.safetensors"].read_bytes()
    settings = swapped(tmp_path / "noise", "htdemucs", "955717e8.safetensors", b"noise" * 100)
    with pytest.raises(MachineError, match=r"955717e8\.safetensors cannot be read as a Demucs network"):
        load(settings, "htdemucs")
    with pytest.raises(InputError, match=r"955717e8\.safetensors was not accepted: it is empty"):
        swapped(tmp_path / "empty", "htdemucs", "955717e8.safetensors", b"")
    with pytest.raises(SonglineError, match=rf"955717e8\.safetensors .* a safetensors file of {len(whole)} bytes"):
        swapped(tmp_path / "cut", "htdemucs", "955717e8.safetensors", whole[: len(whole) // 2])


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ({"klass": "os.system", "args": '["true"]', "kwargs": "{}"}, "holds 'os.system'"),
        ({"structure": '{"_class": "os.system"}'}, "not a plain"),
        ({"kwargs": '{"channels": 8, "t_layers": 1, "t_heads": 2}'}, r"channel_downsampler.* unknown \(8\)"),
        ({"kwargs": "[]"}, "cannot be read"),
    ],
)
def test_metadata_that_says_another_thing_is_refused(tmp_path: Path, said, match) -> None:
    file = tmp_path / "odd.safetensors"
    write_safetensors(file, tiny_network(STEM_MODELS["htdemucs"], 0), **said)
    settings = swapped(tmp_path, "htdemucs", "955717e8.safetensors", file)
    with pytest.raises(MachineError, match=match):
        load(settings, "htdemucs")


def test_a_network_of_other_stems_is_not_the_model(tmp_path: Path) -> None:
    six = write_tiny_demucs(tmp_path / "six", "htdemucs_6s")["5c90dfd2.safetensors"]
    settings = swapped(tmp_path, "htdemucs", "955717e8.safetensors", six)
    with pytest.raises(MachineError, match="a network of htdemucs separates drums, bass, other, vocals, guitar, piano"):
        load(settings, "htdemucs")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("models: [12ab]", "'12ab' of the model is not among its files"),
        ("models: []", "describes no Demucs model"),
        ("- 1", "describes no Demucs model"),
        ("models: [955717e8", "cannot be read"),
        ("{models: ['955717e8'], weights: [[1, 0, 1, 1]]}", "do not fit"),
        ("{models: ['955717e8'], weights: [[1, 1]]}", "do not fit"),
        ("{models: ['955717e8'], weights: [[a]]}", "no numbers"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(tmp_path: Path, text, match) -> None:
    settings = swapped(tmp_path, "htdemucs", "htdemucs.yaml", text.encode())
    with pytest.raises(MachineError, match=match):
        load(settings, "htdemucs")


class Payload:
    """Unpickled without care, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def old_settings(tmp_path, file):
    """A registry whose htdemucs is published as an older ``.th`` file."""
    table = tmp_path / "old.toml"
    table.write_text(OLD.format(name=file.name))
    settings = tiny_demucs(tmp_path).model_copy(update={"models_table": table})
    yaml = write_tiny_demucs(tmp_path / "written", "htdemucs")["htdemucs.yaml"]
    install(ModelStore(settings.models_path, table=table), "htdemucs", {"htdemucs.yaml": yaml, file.name: file})
    return settings


@pytest.mark.slow
def test_the_older_form_gives_the_same_network(tmp_path: Path) -> None:
    import torch

    network = tiny_network(STEM_MODELS["htdemucs"], 0)
    old = load(old_settings(tmp_path, write_th(tmp_path, "955717e8", pickled(network))), "htdemucs")
    new = load(tiny_demucs(tmp_path / "new", "htdemucs"), "htdemucs")
    for name, tensor in new.networks[0].state_dict().items():
        assert torch.equal(tensor, old.networks[0].state_dict()[name])


@pytest.mark.slow
def test_the_older_form_runs_no_code_and_keeps_what_its_name_promises(tmp_path: Path) -> None:
    network = tiny_network(STEM_MODELS["htdemucs"], 0)
    touched, (one, two) = tmp_path / "touched", (tmp_path / "one", tmp_path / "two")
    one.mkdir()
    two.mkdir()
    hostile = write_th(one, "955717e8", pickle.dumps(Payload(touched)))
    with pytest.raises(MachineError, match="cannot be read as a Demucs network"):
        load(old_settings(one, hostile), "htdemucs")
    assert not touched.exists()
    other = two / "955717e8-00000000.th"
    other.write_bytes(pickled(network))
    with pytest.raises(MachineError, match="has not the digest that its name says"):
        load(old_settings(two, other), "htdemucs")
