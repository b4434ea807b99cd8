"""Any mix through a tiny model of the registry: exact length, its own level, a null with the residual."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog.common.errors import AudioRefused, InputError, MachineError, TransientError
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.separation.demucs.models import RATE_HZ, STEM_MODELS
from tasks.separation.demucs.separate import SeparationOptions, separate_stems
from tests.support.tiny_demucs import need


def song(seconds=1.6, *, rate=RATE_HZ, channels=2, seed=1, level=0.1):
    rng = np.random.Generator(np.random.PCG64(seed))
    samples = level * rng.standard_normal((channels, round(seconds * rate)))
    samples[:, : len(samples[0]) // 3] *= 0.1
    return Audio.of(samples, rate)


@pytest.fixture
def taken_apart(registry, tmp_path: Path):
    """Separate a mix; gives the stems by name and the figures."""

    def run(mix, model="htdemucs", *, progress=None, **options):
        folder = tmp_path / f"stems-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        done = separate_stems(
            mix, need(registry, model), registry, options=SeparationOptions(**options), folder=folder, progress=progress
        )
        assert sorted(path.name for path in folder.iterdir()) == sorted(file.path.name for file in done.files)
        return {file.name: read_audio(file.path) for file in done.files}, done.figures

    return run


def null_dbfs(mix, stems):
    total = np.zeros_like(mix.samples)
    for stem in stems.values():
        total += stem.samples
    return 20 * np.log10(max(1e-10, np.abs(mix.samples.astype(np.float64) - total).max()))


@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(STEM_MODELS))
def test_stems_and_residual_are_the_mix_again(taken_apart, model) -> None:
    mix = song()
    stems, figures = taken_apart(mix, model)
    assert tuple(stems) == (*STEM_MODELS[model], "residual") == tuple(figures["stems"])
    assert all((stem.frames, stem.rate, stem.channels) == (mix.frames, mix.rate, 2) for stem in stems.values())
    assert null_dbfs(mix, stems) <= -140
    assert figures["null_dbfs"] == pytest.approx(null_dbfs(mix, stems), abs=0.1)
    left = np.sqrt(np.mean(np.square(stems["residual"].samples)) / np.mean(np.square(mix.samples)))
    assert figures["residual_db"] == pytest.approx(20 * np.log10(left), abs=0.01)
    assert (figures["common_gain_db"], figures["batch"], figures["segment_s"]) == (0.0, 1, 0.975)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (96_000, 1), (8_000, 1), (22_050, 2), (44_100, 1)])
def test_rate_channels_and_length_stay(taken_apart, rate, channels) -> None:
    mix = song(1.5003, rate=rate, channels=channels)
    stems, _ = taken_apart(mix)
    assert {(stem.frames, stem.rate, stem.channels) for stem in stems.values()} == {(mix.frames, rate, channels)}
    assert null_dbfs(mix, stems) <= -140


@pytest.mark.slow
def test_stems_at_another_rate_are_those_of_the_models_own(taken_apart) -> None:
    """There and back the stems keep their place in time: what differs lies near the top of the band."""
    import soxr

    time_s = np.arange(2 * RATE_HZ) / RATE_HZ
    tone = 0.2 * np.sin(2 * np.pi * 440 * time_s) * np.hanning(len(time_s))
    own, _ = taken_apart(Audio.of(np.stack([tone, tone]), RATE_HZ))
    resampled = soxr.resample(np.stack([tone, tone]).T, RATE_HZ, 48_000, quality="HQ").T
    other, _ = taken_apart(Audio.of(resampled, 48_000))
    for name in STEM_MODELS["htdemucs"]:
        expected = soxr.resample(own[name].samples.T, RATE_HZ, 48_000, quality="HQ").T
        assert np.abs(other[name].samples - expected).max() < 2e-3 * np.abs(expected).max()


@pytest.mark.slow
@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.integers(1, 60_000), seed=st.integers(0, 1000), level=st.floats(1e-4, 4.0))
def test_any_length_and_level_nulls(taken_apart, frames, seed, level) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    mix = Audio.of((level * rng.uniform(-1, 1, (2, frames))).astype(np.float32), RATE_HZ)
    stems, figures = taken_apart(mix)
    assert all(stem.frames == frames for stem in stems.values())
    # The word length is relative: a mix beyond full scale has a larger last bit.
    assert null_dbfs(mix, stems) <= -140 + max(0.0, 20 * np.log10(level)) + 12
    assert figures["null_dbfs"] >= -200


@pytest.mark.slow
def test_the_same_mix_gives_the_same_bytes(taken_apart) -> None:
    one, _ = taken_apart(song())
    two, _ = taken_apart(song())
    assert all(np.array_equal(one[name].samples, two[name].samples) for name in one)


@pytest.mark.slow
def test_two_stems_are_the_one_and_the_sum_of_the_others(taken_apart) -> None:
    mix = song()
    four, _ = taken_apart(mix)
    two, figures = taken_apart(mix, two_stems="vocals")
    assert list(two) == ["vocals", "no_vocals", "residual"]
    assert np.array_equal(two["vocals"].samples, four["vocals"].samples)
    rest = four["drums"].samples + four["bass"].samples + four["other"].samples
    assert np.array_equal(two["no_vocals"].samples, rest)
    assert null_dbfs(mix, two) <= -140
    assert figures["correlation"]["stems"] == ["vocals", "no_vocals"]


@pytest.mark.slow
def test_each_network_of_the_tuned_bag_gives_its_own_stem(registry, taken_apart, tmp_path: Path) -> None:
    from tasks.separation.demucs.chunks import Level, estimates
    from tasks.separation.demucs.ensemble import load_ensemble
    from tasks.separation.demucs.memory import Portion

    ensemble = load_ensemble(need(registry, "htdemucs_ft"), "cpu")
    mix = song(1).samples

    def alone(network):
        single = type(ensemble)(
            ensemble.name,
            ensemble.stems,
            (network,),
            ensemble.shares.new_ones(1, 4),
            ensemble.segment_s,
            ensemble.device,
        )
        return together(single)

    def together(chosen):
        portion, level = Portion(int(ensemble.segment_s * RATE_HZ), 1), Level(0.0, 1.0)
        parts = estimates(chosen, mix, level=level, portion=portion)
        return np.concatenate(list(parts), axis=-1)

    found = together(ensemble)
    for place, network in enumerate(ensemble.networks):
        assert np.allclose(found[place], alone(network)[place], atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("frames", [3000, 42_997, 42_998, 3 * RATE_HZ + 17])
@pytest.mark.parametrize("batch", [1, 3])
def test_segments_are_joined_as_demucs_does(registry, frames, batch) -> None:
    import torch
    from demucs.apply import BagOfModels, apply_model

    from tasks.separation.demucs.chunks import Level, estimates
    from tasks.separation.demucs.ensemble import load_ensemble
    from tasks.separation.demucs.memory import Portion

    ensemble = load_ensemble(need(registry, "htdemucs"), "cpu")
    mix = np.random.Generator(np.random.PCG64(3)).standard_normal((2, frames)).astype(np.float32)
    portion = Portion(int(ensemble.segment_s * RATE_HZ), batch)
    shares: list[float] = []
    ours = list(estimates(ensemble, mix, level=Level(0.0, 1.0), portion=portion, progress=shares.append))
    with torch.no_grad():
        networks = BagOfModels(list(ensemble.networks), segment=ensemble.segment_s)
        theirs = apply_model(networks, torch.from_numpy(mix)[None], shifts=0, overlap=0.25, segment=ensemble.segment_s)
    assert np.allclose(np.concatenate(ours, axis=-1), theirs[0].numpy(), atol=2e-6)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


@pytest.mark.slow
def test_a_batch_that_does_not_fit_is_tried_by_halves(registry, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks.separation.demucs import chunks
    from tasks.separation.demucs.ensemble import load_ensemble
    from tasks.separation.demucs.memory import Portion

    ensemble = load_ensemble(need(registry, "htdemucs"), "cpu")
    mix, portion = song(3).samples, Portion(int(ensemble.segment_s * RATE_HZ), 4)
    through, tried = chunks._through, []

    def estimated(most):
        def narrow(chosen, segments):
            tried.append(len(segments))
            if len(segments) > most:
                raise RuntimeError("CUDA out of memory")
            return through(chosen, segments)

        monkeypatch.setattr(chunks, "_through", narrow)
        parts = chunks.estimates(ensemble, mix, level=chunks.Level(0.0, 1.0), portion=portion)
        return np.concatenate(list(parts), axis=-1)

    whole = estimated(most=4)
    tried.clear()
    assert np.allclose(estimated(most=1), whole, atol=2e-6)
    assert tried[:3] == [4, 2, 1]
    assert set(tried[3:]) == {1}
    with pytest.raises(TransientError, match=r"one segment of 1\.0 s was too much for cpu"):
        estimated(most=0)


def test_the_batch_follows_the_memory_and_the_segment_never(registry) -> None:
    import torch

    from tasks.separation.demucs.ensemble import load_ensemble
    from tasks.separation.demucs.memory import MOST, SHARE, Portion, portion_for, segment_bytes

    ensemble = load_ensemble(need(registry, "htdemucs"), "cpu")
    full = int(ensemble.segment_s * RATE_HZ)
    needed = segment_bytes(ensemble, full) / SHARE
    assert portion_for(ensemble, free=int(20 * needed)).segment_frames == full
    assert portion_for(ensemble, free=int(20 * needed)).batch == 1
    on_gpu = replace(ensemble, device=torch.device("cuda"))
    found = [portion_for(on_gpu, free=int(times * needed)) for times in (1.1, 3.1, 99)]
    assert found == [Portion(full, 1), Portion(full, 3), Portion(full, MOST)]
    with pytest.raises(TransientError, match=r"out of memory: separating with htdemucs needs \d+ MiB"):
        portion_for(ensemble, free=int(0.9 * needed))


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        (np.zeros((2, 4000)), "silent"),
        (np.full((2, 4000), 1e-6), "silent"),
        (np.zeros((2, 0)), "invalid"),
        (np.ones((3, 4000)), "invalid"),
        (np.array([[0.5, np.nan], [0.1, 0.1]]), "invalid"),
        (np.array([[0.5, np.inf], [0.1, 0.1]]), "invalid"),
    ],
)
def test_what_has_no_parts_is_refused_by_name(taken_apart, samples, reason) -> None:
    with pytest.raises(AudioRefused) as refused:
        taken_apart(Audio.of(samples, RATE_HZ))
    assert refused.value.reason == reason


@pytest.mark.parametrize("side", ["opposite", "offset"])
def test_a_mix_without_a_middle_or_with_an_offset_is_taken_apart(taken_apart, side) -> None:
    mix = song(1.2).samples[:1]
    odd = np.concatenate([mix, -mix]) if side == "opposite" else np.concatenate([mix, mix]) + np.float32(0.2)
    stems, _ = taken_apart(Audio.of(odd, RATE_HZ))
    assert null_dbfs(Audio.of(odd, RATE_HZ), stems) <= -140
    assert all(np.abs(stem.samples).max() < 2 for stem in stems.values())
    if side == "offset":
        assert abs(stems["residual"].samples.mean() - 0.2) < 0.1


@pytest.mark.slow
def test_lines_tell_where_nobody_sings(taken_apart) -> None:
    _, figures = taken_apart(song(5), line_starts_s=(4.5,))
    assert figures["cross_talk"]["passages_s"] == 3.5
    assert -80 < figures["cross_talk"]["value"] < 20


def test_a_stem_that_the_model_does_not_give_is_refused(taken_apart) -> None:
    with pytest.raises(InputError, match="no stem 'piano'"):
        taken_apart(song(1), two_stems="piano")


def test_a_gpu_that_is_not_there_is_said(registry, tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    wanted = registry.model_copy(update={"device": "cuda"})
    with pytest.raises(MachineError, match="SONGLINE_DEVICE=cpu"):
        separate_stems(song(1), need(registry, "htdemucs"), wanted, options=SeparationOptions(), folder=tmp_path)


@pytest.mark.slow
def test_what_sounds_like_a_voice_in_an_instrumental_stands_with_the_other_instruments(taken_apart) -> None:
    mix = song()
    sung, _ = taken_apart(mix)
    stems, figures = taken_apart(mix, instrumental=True)
    assert tuple(stems) == ("drums", "bass", "other", "residual") == tuple(figures["stems"])
    assert null_dbfs(mix, stems) <= -140
    together = sung["other"].samples + sung["vocals"].samples
    assert np.abs(stems["other"].samples - together).max() < 1e-5
