"""The step ``embed`` with a tiny model, through a real house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog.catalog import Catalog
from catalog.common.errors import InputError, MachineError
from catalog.ledger.work import StepOutcome, StepRequest
from tasks.steps.run_step import StepContext
from tasks.style.mulan.names import MUQ_MULAN
from tasks.style.mulan.vector import read_style
from tests.support.tiny_mulan import write_tiny_mulan

pytest.importorskip("torch", reason="the extra mulan is not installed: no torch")

from tasks.style.mulan.mulan import MuLan
from tasks.style.step import embed as embed_step

pytestmark = pytest.mark.skipif(find_spec("muq") is None, reason="the extra mulan is not installed: no muq")

DIGESTS = {"mulan/config.json": "12" * 32}


@dataclass(frozen=True)
class Installed:
    folder: Path
    digests: Mapping[str, str]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_tiny_mulan(folder, seed=1)
    return folder


@pytest.fixture(autouse=True)
def store(model: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that has the tiny model."""

    class Store:
        def need(self, name: str) -> Installed:
            assert name == MUQ_MULAN
            return Installed(model, DIGESTS)

    monkeypatch.setattr(catalog, "models", Store())


def embed(catalog: Catalog, scratch: Path, *, audio: str | None = None, **parameters: object) -> StepOutcome:
    given = {"model": {"name": MUQ_MULAN, "digests": DIGESTS}, **parameters}
    request = StepRequest("embed", 1, given, {"audio": audio} if audio else {})
    return embed_step(StepContext(request, scratch, catalog))


@pytest.mark.slow
def test_a_text_becomes_a_style(catalog: Catalog, model: Path, tmp_path: Path) -> None:
    outcome = embed(catalog, tmp_path, text="warm folk")
    (product,) = outcome.products
    assert (product.role, product.media_type) == ("style", "application/x-npy")
    np.testing.assert_array_equal(read_style(product.path), MuLan.load(model).text("warm folk"))
    assert set(outcome.result) == {"norm"}
    assert outcome.result["norm"] == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_a_reference_becomes_a_style_with_its_window_and_findings(
    catalog: Catalog, model: Path, tmp_path: Path
) -> None:
    noise = 0.1 * np.random.Generator(np.random.PCG64(2)).standard_normal(32000 * 25)
    soundfile.write(tmp_path / "reference.wav", noise, 32000, "PCM_16")
    digest = catalog.add_file(tmp_path / "reference.wav", media_type="audio/wav")
    outcome = embed(catalog, tmp_path, audio=digest)
    assert outcome.result["window"] == {"start_s": 7.0, "end_s": 17.0}
    assert [finding["check"] for finding in outcome.result["findings"]] == ["sample_rate", "channels"]
    assert read_style(outcome.products[0].path).shape == (512,)


def test_a_reference_that_is_too_short_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", np.full((44100, 2), 0.1), 44100)
    digest = catalog.add_file(tmp_path / "short.wav", media_type="audio/wav")
    with pytest.raises(InputError, match=r"lasts 1\.00 s"):
        embed(catalog, tmp_path, audio=digest)


def test_other_files_than_were_planned_are_not_used(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="other files"):
        embed(
            catalog, tmp_path, text="warm folk", model={"name": MUQ_MULAN, "digests": {"mulan/config.json": "34" * 32}}
        )
