"""What a sampled song depends on, and what it does not: its batch, its neighbours, the precision of time."""

from __future__ import annotations

import functools
import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="the sampler's tests need torch")

from torch import Tensor  # noqa: E402

from catalog.common.errors import InputError  # noqa: E402
from tasks.engines.diffrhythm.network.network import DiT, NetworkConfig  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Conditioning, Sampler, Sampling, noise, regenerated_frames  # noqa: E402
from tasks.engines.diffrhythm.network.schedule import SWAY_RANGE, time_grid  # noqa: E402
from tests.support.diffrhythm.networks import one_thread  # noqa: E402

FRAMES = 48
SMALL = NetworkConfig(128, 4, 2, 2, 2048, has_duration=False)
SMALL_FULL = NetworkConfig(128, 4, 2, 2, 6144, has_duration=True)


__all__ = ["one_thread"]


def network(config: NetworkConfig = SMALL) -> DiT:
    """Random weights, the same every time, strong enough for every input to show."""
    made = DiT(config)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            fan_in = parameter[0].numel() if parameter.dim() > 1 else 4
            parameter.normal_(0, fan_in**-0.5, generator=generator)
    return made


def sampler(dtype: torch.dtype = torch.float32, config: NetworkConfig = SMALL, *, compile: bool = False) -> Sampler:  # type: ignore[name-defined]
    return Sampler(network(config), device="cpu", dtype=dtype, compile=compile)


def song(number: int, frames: int = FRAMES, *, known: bool = False) -> Conditioning:
    generator = torch.Generator().manual_seed(100 + number)
    style, negative = torch.nn.functional.normalize(torch.randn(2, 512, generator=generator), dim=-1)
    return Conditioning(
        torch.randint(0, 364, (frames,), generator=generator),
        style,
        negative,
        start_time=0.05 * number,
        duration=0.3 + 0.05 * number,
        known_latents=torch.randn(frames, 64, generator=generator) if known else None,
        regenerate=regenerated_frames([(number, frames // 2)], frames) if known else None,
    )


def relative_rms(made: Tensor, wanted: Tensor) -> float:
    return ((made - wanted).square().mean().sqrt() / wanted.square().mean().sqrt()).item()


SAMPLING = Sampling(steps=5, cfg_strength=4.0)


@pytest.mark.slow
def test_a_batch_of_eight_seeds_is_eight_singles() -> None:
    one, noises = song(0), [noise(seed, FRAMES) for seed in range(8)]
    with_network = sampler()
    together = with_network.sample([one] * 8, noises, SAMPLING)
    alone = torch.cat([with_network.sample([one], [each], SAMPLING) for each in noises])
    torch.testing.assert_close(together, alone, atol=2e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(("dtype", "bound"), [(torch.bfloat16, 0.01), (torch.float16, 0.002)])
def test_in_reduced_precision_a_batch_differs_from_singles_by_rounding(dtype: torch.dtype, bound: float) -> None:  # type: ignore[name-defined]
    one, noises = song(0), [noise(seed, FRAMES) for seed in range(8)]
    with_network = sampler(dtype)
    together = with_network.sample([one] * 8, noises, SAMPLING)
    alone = torch.cat([with_network.sample([one], [each], SAMPLING) for each in noises])
    assert relative_rms(together, alone) < bound


@pytest.mark.slow
def test_different_songs_share_a_batch_without_meeting() -> None:
    songs = [song(0), song(0, known=True), song(1), song(2, known=True), song(1)]
    songs.insert(3, songs[2])
    noises = [noise(seed, FRAMES) for seed in range(len(songs))]
    with_network = sampler(config=SMALL_FULL)
    together = with_network.sample(songs, noises, SAMPLING)
    alone = torch.cat([with_network.sample([one], [each], SAMPLING) for one, each in zip(songs, noises, strict=True)])
    torch.testing.assert_close(together, alone, atol=2e-4, rtol=0)
    assert (together[2] - together[3]).abs().max() > 0.1  # one song, two seeds
    assert (together[0] - together[1]).abs().max() > 0.1  # one song, edited or not


@pytest.mark.slow
@pytest.mark.parametrize("guidance", [0.0, 3.0])
def test_the_sampler_is_the_plain_network_and_eulers_method(guidance: float) -> None:
    one, start, grid = song(1), noise(5, FRAMES), time_grid(6, -0.5)
    plain, latent, nothing = network(SMALL_FULL), start[None].clone(), torch.zeros(1, FRAMES, 64)
    numbers = {"start_time": torch.tensor([one.start_time]), "duration": torch.tensor([one.duration])}
    with torch.no_grad():
        for now, later in itertools.pairwise(grid):
            cond = plain(latent, nothing, one.text[None], now, one.style[None], **numbers)
            null = plain(latent, nothing, one.text[None], now, one.negative_style[None], drop_text=True, **numbers)
            latent += (later - now) * (cond + guidance * (cond - null))
    made = sampler(config=SMALL_FULL).sample([one], [start], Sampling(6, guidance, -0.5))
    torch.testing.assert_close(made, latent, atol=2e-4, rtol=0)


@pytest.mark.slow
def test_lengths_may_alternate() -> None:
    """The null branch's text is kept by length; coming back to one finds its own."""
    with_network = sampler()
    first = with_network.sample([song(0)], [noise(1, FRAMES)], SAMPLING)
    with_network.sample([song(0, 20)], [noise(1, 20)], SAMPLING)
    assert torch.equal(with_network.sample([song(0)], [noise(1, FRAMES)], SAMPLING), first)


def test_an_edit_keeps_what_is_known_to_the_bit() -> None:
    one = song(3, known=True)
    assert one.known_latents is not None
    assert one.regenerate is not None
    made = sampler().sample([one], [noise(1, FRAMES)], SAMPLING)[0]
    assert torch.equal(made[~one.regenerate], one.known_latents[~one.regenerate])
    assert not torch.equal(made[one.regenerate], one.known_latents[one.regenerate])


@pytest.mark.slow
def test_compiled_stages_change_a_song_by_rounding_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the graphs run as they were traced: making machine code of them takes a minute."""
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    plain = sampler().sample([song(0)], [noise(1, FRAMES)], Sampling(3))
    compiled = sampler(compile=True).sample([song(0)], [noise(1, FRAMES)], Sampling(3))
    torch.testing.assert_close(compiled, plain, atol=2e-4, rtol=0)


def test_a_single_step_is_the_noise() -> None:
    start = noise(9, FRAMES)
    assert torch.equal(sampler().sample([song(0)], [start], Sampling(steps=1))[0], start)


def test_noise_belongs_to_its_seed() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    assert torch.equal(noise(7, 30), noise(7, 30))
    assert not torch.equal(noise(7, 30), noise(8, 30))
    assert torch.equal(torch.get_rng_state(), before)
    assert noise(7, 4000).std() == pytest.approx(1.0, abs=0.01)


@given(
    steps=st.integers(2, 128),
    sway=st.floats(*SWAY_RANGE, allow_nan=False),
)
def test_time_runs_forward_from_noise_to_data(steps: int, sway: float) -> None:
    grid = time_grid(steps, sway)
    assert len(grid) == steps
    assert (grid[0], grid[-1]) == (0.0, 1.0)
    assert (grid.diff() > 0).all()


@settings(max_examples=30)
@given(
    passages=st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=4),
    frames=st.integers(1, 50),
)
def test_regenerated_frames_are_the_union_of_the_passages(passages: list[tuple[int, int]], frames: int) -> None:
    wanted = [any(start <= frame < end for start, end in passages) for frame in range(frames)]
    assert regenerated_frames(passages, frames).tolist() == wanted


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"cfg_strength": -1.0}, {"cfg_strength": math.inf}, {"cfg_strength": math.nan}, {"sway": -1.1}],
)
def test_impossible_sampling_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="no such sampling"):
        Sampling(**wrong)  # type: ignore[arg-type]


def test_what_does_not_fit_together_is_refused() -> None:
    with_network = sampler()
    with pytest.raises(ValueError, match="one length"):
        with_network.sample([song(0), song(0, 20)], [noise(1, FRAMES), noise(1, 20)], SAMPLING)
    with pytest.raises(ValueError, match="2 songs and 1 noises"):
        with_network.sample([song(0)] * 2, [noise(1, FRAMES)], SAMPLING)
    with pytest.raises(ValueError, match="come together"):
        Conditioning(torch.zeros(4).long(), torch.zeros(512), torch.zeros(512), known_latents=torch.zeros(4, 64))
    with pytest.raises(InputError, match="3 frames and the song 4"):
        Conditioning(
            torch.zeros(4).long(),
            torch.zeros(512),
            torch.zeros(512),
            known_latents=torch.zeros(3, 64),
            regenerate=torch.ones(4).bool(),
        )


def test_a_full_network_wants_a_duration() -> None:
    text = torch.zeros(1, 8, dtype=torch.int64)
    with pytest.raises(ValueError, match="durations"):
        network(SMALL_FULL)(
            torch.zeros(1, 8, 64),
            torch.zeros(1, 8, 64),
            text,
            torch.tensor(0.5),
            torch.zeros(1, 512),
            start_time=torch.zeros(1),
        )
