"""The steps of mastering: what they are given, and what they hand back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from catalog.album.mastering import MasteringSpec
from catalog.catalog import Catalog
from catalog.common.errors import AudioRefused
from catalog.ledger.work import StepRequest
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, sample_digest, write_wav
from tasks.mastering import chain, step
from tasks.steps.run_step import StepContext
from tests.support.signals.mastering import audio, dense, noise, song


def context(folder: Path, parameters: dict[str, Any], **sounds: Audio) -> StepContext:
    """A step's context whose inputs are plain files."""
    folder.mkdir()
    for role, sound in sounds.items():
        write_wav(folder / f"{role}.wav", sound, subtype="FLOAT")
    store = SimpleNamespace(local=lambda digest: folder / f"{digest}.wav")
    request = StepRequest("step", 1, parameters, {role: role for role in sounds})
    return StepContext(request, folder, cast(Catalog, SimpleNamespace(store=store)))


@pytest.mark.slow
@pytest.mark.parametrize("block", [{}, {"reference": "dark.wav", "reference_loudness": True}, {"profile": "dynamic"}])
def test_level_master_and_version_follow_each_other(tmp_path: Path, block: dict[str, Any]) -> None:
    asked_for = MasteringSpec.model_validate(block)
    spec, level = asked_for.parameters(), {"mastering": asked_for.level_parameters()}
    winner, voice = audio(song(4)), audio(0.3 * dense(4, seed=9))
    beside = {"reference": audio(np.cumsum(noise(-30), axis=1) / 100)} if "reference" in block else {}
    levelled = step.level(context(tmp_path / "level", level, audio=winner, **beside)).result
    settings = {"mastering": spec, "fixed_gain_db": None, "fade_out_s": 1.0}
    mastered = step.master(context(tmp_path / "master", settings, audio=winner, **beside))
    report = json.loads(json.dumps(mastered.result, allow_nan=False))
    assert report["target_lufs"] == levelled["target_lufs"]
    assert (levelled["most_gain_db"] is not None) == (block == {"profile": "dynamic"})
    assert report["gain_db"] == pytest.approx(report["integrated_lufs"] - float(str(levelled["loudness_lufs"])))
    assert report["ends"]["fade_out_s"] == 1.0
    assert report["source_frames"] == winner.frames
    asked = {"version": "instrumental", "mastering": spec, "gain_db": report["gain_db"], "ends": report["ends"]}
    made = step.version(context(tmp_path / "version", asked, audio=winner, vocals=voice, **beside))
    for outcome in (mastered, made):
        (product,) = outcome.products
        written = read_audio(product.path)
        assert product.role == "master"
        assert written.frames == report["frames"]
        assert product.sample_digest == sample_digest(written)
    assert made.result["version"] == "instrumental"


def test_a_written_master_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path) -> Audio:
        read.append(path.name)
        return read_audio(path)

    for module in (chain, step):
        monkeypatch.setattr(module, "read_audio", noted)
    settings = {"mastering": MasteringSpec().parameters(), "fixed_gain_db": None, "fade_out_s": None}
    step.master(context(tmp_path / "master", settings, audio=audio(song(1))))
    source, *written = read
    assert source == "audio.wav"
    assert len(written) == 1


def test_a_reference_that_cannot_serve_fails_the_step_by_name(tmp_path: Path) -> None:
    spec = MasteringSpec(reference="quiet.wav", reference_loudness=True).level_parameters()
    silent = audio(np.zeros((2, 200_000)))
    with pytest.raises(AudioRefused, match="the reference is silent"):
        step.level(context(tmp_path / "level", {"mastering": spec}, audio=audio(song(1)), reference=silent))
