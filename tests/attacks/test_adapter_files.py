"""Adapter files made to keep Songline busy: each is refused at once, by what is wrong with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="adapters are tensors")

from safetensors.torch import save_file  # noqa: E402

from catalog.common.errors import InputError, MachineError  # noqa: E402
from catalog.models.spec import Licence  # noqa: E402
from catalog.models.store import ModelStore  # noqa: E402
from tasks.engines.diffrhythm.network.checkpoint import load_network  # noqa: E402
from tasks.engines.diffrhythm.network.quantised import StreamedLayers  # noqa: E402
from tasks.engines.registration import register_adapter  # noqa: E402
from tasks.weights.adapters.names import bare  # noqa: E402
from tasks.weights.adapters.reading import read_adapter  # noqa: E402
from tasks.weights.adapters.statement import METADATA_KEY, statement_from  # noqa: E402
from tests.support.models import AT  # noqa: E402
from tests.support.tiny_adapters import Q, tiny_adapter, tiny_layers, write_peft  # noqa: E402
from tests.support.tiny_diffrhythm import write_tiny_dit  # noqa: E402
from tests.support.tiny_models import settings_of, tiny_settings  # noqa: E402

BASE = "diffrhythm-1.2-base"
AT_ONCE_S = 3.0
PATTERNS = {f"z{number}": 4 for number in range(4096)}


@pytest.fixture
def given(tmp_path: Path) -> Path:
    return write_peft(tmp_path / "given", tiny_adapter({Q: (8, 8)}))


@contextmanager
def refused_at_once(match: str) -> Iterator[None]:
    started_s = time.monotonic()
    with pytest.raises(InputError, match=match) as refused:
        yield
    assert time.monotonic() - started_s < AT_ONCE_S
    assert len(str(refused.value)) < 400


def put(folder: Path, names: list[str]) -> None:
    tensors = {f"{name}.lora_{part}.weight": torch.zeros(4, 4) for name in names for part in "AB"}
    save_file(tensors, folder / "adapter_model.safetensors")


def changed(folder: Path, **fields: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@pytest.mark.parametrize("name", ["module." * 1_000_000 + "q", "lora_unet_" + "a_" * 1_000_000, "a." + "w" * 3_000_000])
def test_a_name_of_megabytes(given: Path, name: str) -> None:
    put(given, [name])
    with refused_at_once("no tensor of a LoRA adapter"):
        read_adapter(given)


def test_wrappers_without_end_are_taken_off_in_one_pass() -> None:
    assert bare("module." * 150_000 + "q_proj") == "q_proj"


def test_more_tensors_than_a_network_has_layers(given: Path) -> None:
    put(given, [f"base_model.model.l{number}" for number in range(3000)])
    changed(given, rank_pattern=PATTERNS, alpha_pattern=PATTERNS)
    with refused_at_once("holds 6000 tensors, more than the 4096"):
        read_adapter(given)


def test_a_statement_with_more_patterns_than_a_configuration_may_have() -> None:
    ranks = {f"z{number}": 4 for number in range(100_000)}
    stated = json.dumps({"numbers": {"rank": 4, "alpha": 4, "rank_pattern": ranks}})
    with refused_at_once("what it states of itself cannot be read"):
        statement_from(stated, file=METADATA_KEY)


@pytest.mark.parametrize("value", ["no", 1, [], {}, "false"])
def test_a_switch_that_is_no_truth_value_is_not_taken_for_true(given: Path, value: object) -> None:
    changed(given, use_rslora=value)
    with refused_at_once("use_rslora is .*, not true or false"):
        read_adapter(given)


def test_an_alpha_beyond_any_use_is_told_its_bounds(given: Path) -> None:
    changed(given, lora_alpha=1e308)
    with refused_at_once(r"lora_alpha is 1e\+308, not an alpha above 0 and at most 1e\+06"):
        read_adapter(given)


def test_finite_numbers_whose_product_is_not(tmp_path: Path) -> None:
    weights = write_tiny_dit(tmp_path / "cfm_model.pt", full=False)
    small = tiny_adapter(tiny_layers(weights))
    huge = replace(small, alpha=1e6, pairs={layer: (a * 1e30, b * 1e30) for layer, (a, b) in small.pairs.items()})
    with pytest.raises(MachineError, match="adapters make numbers that are not finite in transformer_blocks"):
        load_network(weights, adapters=[(huge, 1.0)])
    # Merged layer by layer, as it is before weights are quantised.
    network = load_network(weights, adapters=[(huge, 1.0)], merge_layers=False)
    with pytest.raises(MachineError, match="adapters make numbers that are not finite in transformer_blocks"):
        list(StreamedLayers(network, device=torch.device("cpu"), dtype=torch.float32, adapters=[(huge, 1.0)]))


def test_the_name_of_a_model_of_the_table_is_no_reason_to_remove_it(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home", tiny_settings(tmp_path, BASE))
    store = ModelStore(settings.models_path, table=settings.models_table)
    adapter = tiny_adapter(tiny_layers(store.need(BASE).weights))
    given = write_peft(tmp_path / "given", adapter)
    own = Licence("own", "own", False, "mine")
    with pytest.raises(InputError) as refused:
        register_adapter(store, BASE, given, base=BASE, licence=own, origin="test", at=AT)
    assert refused.value.remedy == "Choose another name"
    register_adapter(store, "mine", given, base=BASE, licence=own, origin="test", at=AT)
    write_peft(given, replace(adapter, alpha=1.0))
    with pytest.raises(InputError, match="run `songline models remove mine` first"):
        register_adapter(store, "mine", given, base=BASE, licence=own, origin="test", at=AT)
