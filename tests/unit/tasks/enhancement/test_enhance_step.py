"""The step ``enhance`` in a real house: what is kept, what is reported, and that a faulty member leaves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from catalog.catalog import Catalog
from catalog.common.errors import WorkError
from catalog.ledger.work import StepOutcome, StepRequest
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest, wav_bytes
from tasks.enhancement import registry
from tasks.enhancement.base import Bounds
from tasks.enhancement.names import ENHANCERS
from tasks.enhancement.step import enhance
from tasks.steps.run_step import StepContext
from tests.support.signals.enhancement import RATE, low_passed, music


class Late:
    """A member that hands everything back one sample late."""

    name: ClassVar[str] = "late"
    revision: ClassVar[int] = 1

    def bounds(self, rate: int) -> Bounds:
        return Bounds(0.0, 10_000.0)

    def enhance(self, audio: Audio) -> Audio:
        return Audio(np.roll(audio.samples, 1, axis=1), audio.rate)


def run(catalog: Catalog, scratch: Path, audio: Audio, member: str, revision: int | None = None) -> StepOutcome:
    digest = catalog.store.put_bytes(wav_bytes(audio, subtype="FLOAT")).digest
    parameters = {"member": member, "revision": revision or ENHANCERS.get(member, 1)}
    return enhance(StepContext(StepRequest("enhance", 1, parameters, {"audio": digest}), scratch, catalog))


@pytest.mark.parametrize("member", sorted(ENHANCERS))
def test_the_product_is_float_audio_of_the_same_form(catalog: Catalog, tmp_path: Path, member: str) -> None:
    source = music(level_db=6)
    outcome = run(catalog, tmp_path, source, member)
    (product,) = outcome.products
    written = read_audio(product.path)
    assert (product.role, product.media_type) == ("audio", "audio/wav")
    assert product.sample_digest == sample_digest(written)
    assert soundfile.info(product.path).subtype == "FLOAT"
    assert (written.samples.shape, written.rate) == (source.samples.shape, RATE)


def test_the_outcome_has_the_null_and_readings_on_both_sides(catalog: Catalog, tmp_path: Path) -> None:
    document = run(catalog, tmp_path, low_passed(music(), 9500), "air").result
    before, after = document["before"], document["after"]
    assert document["generated_hz"] == [10_000, 20_000]
    assert document["kept_hz"] == [0, 10_000]
    assert document["null_db"] < -80
    assert after["integrated_lufs"] == pytest.approx(before["integrated_lufs"], abs=0.01)
    assert before["bandwidth_hz"] + 3000 < after["bandwidth_hz"]
    assert [clause["name"] for clause in document["contract"]] == ["form", "null", "balance", "loudness"]
    assert all(clause["kept"] for clause in document["contract"])


def test_a_member_that_breaks_its_contract_leaves_nothing(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "PATHS", {"late": f"{__name__}:Late"})
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(WorkError, match=r"the enhancement late broke its contract \(null\): .* -\d+\.\d dB"):
        run(catalog, scratch, music(), "late")
    assert not list(scratch.iterdir())


def test_another_revision_than_was_planned_is_refused(catalog: Catalog, tmp_path: Path) -> None:
    with pytest.raises(WorkError, match="basic is asked for in revision 99, this is revision 1"):
        run(catalog, tmp_path, music(), "basic", revision=99)
