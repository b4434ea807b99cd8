"""Crops, tokens, and random numbers that belong to one item of one step."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from torch import Tensor  # noqa: E402

from tasks.engines.diffrhythm.network.frames import FRAME_RATE  # noqa: E402
from tasks.training.items import (  # noqa: E402
    Item,
    Line,
    TrainingSong,
    cut_crop,
    draw_item,
    generator_for,
    step_items,
)
from tests.support.training.songs import TINY, three_songs, tuneful_song  # noqa: E402


def line(frame: int, *tokens: int) -> Line:
    return frame / FRAME_RATE + 1e-3, tokens


WORDS = [line(10, 20, 21), line(40, 30, 31), line(60, 40, 41), line(90, 50, 51)]


def crop_of(lines: list[Line], *, start: int, length: int, song_frames: int = 120) -> tuple[int, list]:
    crop = cut_crop(lines, song_frames=song_frames, start=start, length=length)
    assert crop.start == start
    return crop.frames, crop.runs


def test_a_whole_song_is_not_cut() -> None:
    frames, runs = crop_of(WORDS, start=0, length=200)
    assert frames == 120
    assert runs == [[10, [20, 21, 2]], [40, [30, 31, 2]], [60, [40, 41, 2]], [90, [50, 51, 2]]]


def test_tokens_are_shifted_by_the_crops_start() -> None:
    assert crop_of(WORDS, start=35, length=55) == (55, [[5, [30, 31, 2]], [25, [40, 41, 2]]])


def test_a_line_that_runs_past_the_end_is_left_out_and_the_crop_ends_where_it_begins() -> None:
    assert crop_of(WORDS, start=35, length=50) == (25, [[5, [30, 31, 2]]])


def test_a_line_before_a_rest_ends_there() -> None:
    with_rest = [*WORDS[:3], line(70), WORDS[3]]
    assert crop_of(with_rest, start=35, length=50) == (50, [[5, [30, 31, 2]], [25, [40, 41, 2]]])


def test_a_line_that_began_before_the_crop_is_left_out() -> None:
    assert crop_of(WORDS, start=11, length=29) == (29, [])


def test_a_crop_is_not_cut_to_next_to_nothing() -> None:
    """A line at the crop's beginning, such as one before a long solo, stays although it may be sung past its end."""
    assert crop_of(WORDS, start=55, length=30) == (30, [[5, [40, 41, 2]]])


def test_the_last_line_lasts_until_the_song_ends() -> None:
    assert crop_of(WORDS, start=50, length=60) == (40, [[10, [40, 41, 2]]])
    assert crop_of(WORDS, start=50, length=70) == (70, [[10, [40, 41, 2]], [40, [50, 51, 2]]])


def test_lines_after_the_songs_end_cut_nothing() -> None:
    assert crop_of(WORDS, start=0, length=50, song_frames=50) == (50, [[10, [20, 21, 2]], [40, [30, 31, 2]]])


def test_every_frame_of_a_line_is_found_again() -> None:
    """No rounding of a time moves a line by a frame, wherever the crop starts."""
    for first in range(2000, 2300):
        start_s = first / FRAME_RATE + 1e-9
        crop = cut_crop([(start_s, (9,))], song_frames=4000, start=1990, length=2010)
        assert crop.runs == [[first - 1990, [9, 2]]]


def test_a_song_without_words_is_all_filler() -> None:
    song = replace(tuneful_song("instrumental", seed=1), lines=())
    item = draw_item(song, generator_for(1), TINY)
    assert item.frames == TINY.crop_frames
    assert item.text.count_nonzero() == 0


def same(one: Item, other: Item) -> bool:
    tensors = ("latent", "noise", "text", "style")
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in tensors) and (
        (one.time, one.start_time, one.frames) == (other.time, other.start_time, other.frames)
    )


def test_items_follow_from_seed_and_step_alone() -> None:
    songs = three_songs()
    items = step_items(songs, TINY, 5)
    torch.manual_seed(1)
    assert all(map(same, items, step_items(songs, TINY, 5)))
    assert not same(items[0], step_items(songs, TINY, 6)[0])
    assert not same(items[0], step_items(songs, replace(TINY, seed=1), 5)[0])


def test_items_do_not_depend_on_how_a_step_is_split() -> None:
    """Batch and accumulation count only by their product."""
    apart = step_items(three_songs(), replace(TINY, batch=1, accumulation=4), 3)
    together = step_items(three_songs(), replace(TINY, batch=4, accumulation=1), 3)
    assert len(apart) == 4
    assert all(map(same, apart, together))


def test_the_generators_seed_is_of_63_bits() -> None:
    seed = generator_for(7, 1, 0).initial_seed()
    assert 2**32 < seed < 2**63
    assert seed == generator_for("7/1/0").initial_seed()


def test_every_song_comes_once_in_each_round() -> None:
    songs = [tuneful_song(str(number), seed=number) for number in range(5)]
    for number, song in enumerate(songs):
        song.style.fill_(float(number))
    parameters = replace(TINY, batch=5, drop_style=0.0)
    rounds = [[int(item.style[0]) for item in step_items(songs, parameters, step)] for step in range(1, 6)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in rounds)
    assert len({tuple(order) for order in rounds}) > 1


def test_latents_are_drawn_anew_from_the_moments() -> None:
    song = replace(tuneful_song("song", seed=1, frames=16), scales=torch.full((64, 16), 1.0))
    one, other = (draw_item(song, generator_for("draw", number), TINY).latent for number in range(2))
    deviation = torch.nn.functional.softplus(torch.tensor(1.0)) + 1e-4
    assert (one - song.means.T).std().item() == pytest.approx(deviation.item(), rel=0.1)
    assert not torch.equal(one, other)


def test_padding_is_zero_in_the_latent_and_noise_elsewhere() -> None:
    item = draw_item(tuneful_song("short", seed=1, frames=10), generator_for(2), TINY)
    assert item.frames == 10
    assert item.elements == 640
    assert item.latent[10:].count_nonzero() == 0
    assert item.noise[10:].count_nonzero() > 0
    assert item.text[10:].count_nonzero() == 0


def test_words_and_style_are_dropped_per_item_and_independently() -> None:
    song = tuneful_song("song", seed=1, frames=16)
    parameters = replace(TINY, drop_words=0.2, drop_style=0.5)
    items = [draw_item(song, generator_for("drops", number), parameters) for number in range(2000)]
    wordless = [bool(item.text.count_nonzero() == 0) for item in items]
    styleless = [bool(item.style.count_nonzero() == 0) for item in items]
    assert sum(wordless) / 2000 == pytest.approx(0.2, abs=0.04)
    assert sum(styleless) / 2000 == pytest.approx(0.5, abs=0.05)
    both = sum(words and style for words, style in zip(wordless, styleless, strict=True))
    assert both / 2000 == pytest.approx(0.1, abs=0.03)


def test_a_drop_changes_nothing_else() -> None:
    song = tuneful_song("song", seed=1)
    kept = draw_item(song, generator_for(3), replace(TINY, drop_words=0.0, drop_style=0.0))
    dropped = draw_item(song, generator_for(3), replace(TINY, drop_words=1.0, drop_style=1.0))
    assert dropped.text.count_nonzero() == dropped.style.count_nonzero() == 0
    assert same(replace(dropped, text=kept.text, style=kept.style), kept)


def test_crops_reach_the_whole_song_and_tell_their_start() -> None:
    song = tuneful_song("song", seed=1, frames=20)
    items = [draw_item(song, generator_for("starts", number), TINY) for number in range(200)]
    assert {round(item.start_time * 20) for item in items} == {0, 1, 2, 3, 4}
    assert all(0 < item.time < 1 for item in items)


@pytest.mark.parametrize(
    "part", [{"means": torch.zeros(63, 9)}, {"scales": torch.zeros(64, 8)}, {"style": torch.zeros(511)}]
)
def test_a_song_of_other_shapes_is_refused(part: dict[str, Tensor]) -> None:
    song: dict = {"means": torch.zeros(64, 9), "scales": torch.zeros(64, 9), "style": torch.zeros(512), **part}
    with pytest.raises(ValueError, match="not"):
        TrainingSong("song", lines=(), **song)
