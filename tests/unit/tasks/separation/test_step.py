"""The step ``demix`` in a real house, with a tiny model of the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.catalog import open_catalog
from catalog.common.digests import canonical_json
from catalog.common.errors import ModelMissing, WorkError
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.separation.step import demix
from tasks.steps.run_step import StepContext
from tasks.steps.step_kinds import STEP_KINDS, request
from tests.support.tiny_demucs import need


@pytest.fixture
def catalog(registry, tmp_path: Path):
    with open_catalog(registry.model_copy(update={"home": tmp_path / "home"})) as opened:
        yield opened


@pytest.fixture
def audio(catalog, tmp_path: Path):
    """The digest of a stored mix."""
    samples = 0.1 * np.random.Generator(np.random.PCG64(4)).standard_normal((2, 60_000))
    path = tmp_path / "mix.wav"
    write_wav(path, Audio.of(samples, 44_100), subtype="FLOAT")
    return catalog.store.put(path).digest


def asked(registry, audio, **changes):
    parameters: dict[str, Any] = {
        "model": "htdemucs",
        "identity": need(registry, "htdemucs").identity,
        "two_stems": None,
        "line_starts_s": [],
    }
    return request("demix", parameters | changes, {"audio": audio})


def test_the_stems_of_a_winner_and_their_figures(registry, catalog, audio, tmp_path: Path) -> None:
    assert STEP_KINDS["demix"].on_device
    done = demix(StepContext(asked(registry, audio), tmp_path, catalog))
    assert [product.role for product in done.products] == ["drums", "bass", "other", "vocals", "residual"]
    assert done.result["stems"] == [product.role for product in done.products]
    assert done.result["null_dbfs"] <= -140
    assert done.result["device"] == "cpu"
    stems = [read_audio(product.path) for product in done.products]
    assert np.abs(sum(stem.samples for stem in stems) - read_audio(catalog.store.local(audio)).samples).max() < 1e-7
    assert [sample_digest(stem) for stem in stems] == [product.sample_digest for product in done.products]
    canonical_json(dict(done.result))


@pytest.mark.slow
def test_two_stems_have_their_own_key_and_files(registry, catalog, audio, tmp_path: Path) -> None:
    wanted = asked(registry, audio, two_stems="vocals", line_starts_s=[60.0])
    assert wanted.key != asked(registry, audio).key
    done = demix(StepContext(wanted, tmp_path, catalog))
    assert [product.role for product in done.products] == ["vocals", "no_vocals", "residual"]
    assert (catalog.settings.home / "separating.lock").exists()  # it took its turn


def test_other_files_than_those_planned_with_are_refused(registry, catalog, audio, tmp_path: Path) -> None:
    wanted = asked(registry, audio, identity={"name": "htdemucs", "digests": {"htdemucs.yaml": "0" * 64}})
    with pytest.raises(WorkError, match="not those that the album was planned with"):
        demix(StepContext(wanted, tmp_path, catalog))


def test_a_model_that_is_not_here_is_said(registry, tmp_path: Path) -> None:
    bare = registry.model_copy(update={"home": tmp_path / "bare", "models": tmp_path / "no-models"})
    with open_catalog(bare) as catalog, pytest.raises(ModelMissing, match="songline models pull htdemucs"):
        demix(StepContext(asked(registry, "0" * 64), tmp_path, catalog))
