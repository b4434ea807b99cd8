"""Blocks of samples for the player: they join without a gap, at any rate, and begin where the take begins."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from catalog.audition.sounds import Sound
from catalog.common.errors import ArtifactLost, InputError
from catalog.store.local import FolderStore
from flows.desk.audition import pcm
from flows.desk.audition.pcm import PcmReader
from tasks.audio.audio import Audio
from tasks.delivery.curves import waveform_peaks

Stored = tuple[PcmReader, FolderStore]


@pytest.fixture
def stored(tmp_path: Path) -> Stored:
    store = FolderStore(tmp_path / "store")
    return PcmReader(store), store


def put(store: FolderStore, folder: Path, samples: NDArray[np.floating], rate: int, subtype: str = "FLOAT") -> Sound:
    path = folder / "audio.wav"
    soundfile.write(path, samples, rate, subtype=subtype)
    return Sound(store.put(path).digest)


def whole(reader: PcmReader, sound: Sound, rate: int) -> NDArray[np.float32]:
    blocks: list[NDArray[np.float32]] = []
    while (block := reader.block(sound, rate, len(blocks))).shape[1]:
        blocks.append(block)
    return np.concatenate(blocks, axis=1)


def test_blocks_are_the_file_bit_for_bit(stored: Stored, tmp_path: Path) -> None:
    reader, store = stored
    samples = np.random.default_rng(1).uniform(-1, 1, (2 * 44_100 + 777, 2)).astype(np.float32)
    sound = put(store, tmp_path, samples, 44_100)
    assert np.array_equal(whole(reader, sound, 44_100), samples.T)
    assert reader.frames(sound, 44_100) == len(samples)
    assert reader.block(sound, 44_100, 99).shape == (2, 0)


def test_one_channel_is_heard_on_both_and_faults_are_silent(stored: Stored, tmp_path: Path) -> None:
    reader, store = stored
    mono = np.array([0.5, np.nan, -np.inf, -0.25] * 5_000, dtype=np.float32)
    heard = whole(reader, put(store, tmp_path, mono, 8_000), 8_000)
    assert np.array_equal(heard[0], heard[1])
    assert heard[0, :4].tolist() == [0.5, 0.0, 0.0, -0.25]


@pytest.mark.parametrize(("rate", "played"), [(44_100, 48_000), (48_000, 44_100), (32_000, 44_100), (22_050, 48_000)])
def test_resampled_blocks_join_and_keep_the_time(stored: Stored, tmp_path: Path, rate: int, played: int) -> None:
    reader, store = stored
    times = np.arange(3 * rate + 11) / rate
    sound = put(store, tmp_path, np.sin(2 * np.pi * 997 * times), rate)
    heard = whole(reader, sound, played)[0]
    inside = slice(played // 10, 3 * played - played // 10)
    expected = np.sin(2 * np.pi * 997 * np.arange(heard.size) / played)
    assert np.abs(heard[inside] - expected[inside]).max() < 1e-4  # a slip of one sample would give 0.13


def test_a_master_begins_where_it_was_cut(stored: Stored, tmp_path: Path) -> None:
    reader, store = stored
    samples = np.arange(1, 12_001, dtype=np.float32) / 20_000
    cut = put(store, tmp_path, samples, 8_000)
    master = Sound(cut.digest, head_s=0.25)
    heard = whole(reader, master, 8_000)[0]
    assert not heard[:2_000].any()
    assert np.array_equal(heard[2_000:], samples)
    assert reader.frames(master, 8_000) == 14_000


def test_a_waveform_is_that_of_a_release_page(stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, store = stored
    monkeypatch.setattr(pcm, "READ_FRAMES", 1_000)  # parts that reach over several reads
    samples = np.random.default_rng(2).normal(0, 0.2, (100_003, 2)).astype(np.float32)
    shape = reader.shape(put(store, tmp_path, samples, 16_000).digest)
    peaks = waveform_peaks(Audio.of(samples.T, 16_000))
    assert (shape.rate_hz, shape.frames) == (16_000, 100_003)
    low, high = zip(*peaks, strict=True)
    assert np.allclose([pair[0] for pair in shape.peaks], np.minimum(low, 0), atol=0.002)
    assert np.allclose([pair[1] for pair in shape.peaks], np.maximum(high, 0), atol=0.002)


def test_many_threads_read_more_files_than_stay_open(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, store = stored
    monkeypatch.setattr(pcm, "MOST_OPEN", 2)
    reader = PcmReader(store)
    sounds = [put(store, tmp_path, np.full(16_000, 0.05 * nth), 8_000) for nth in range(1, 9)]
    with ThreadPoolExecutor(8) as pool:
        blocks = list(pool.map(lambda nth: reader.block(sounds[nth % 8], 8_000, nth % 2), range(400)))
    assert all(np.allclose(block, 0.05 * (nth % 8 + 1)) for nth, block in enumerate(blocks))


def test_rates_that_no_player_has_and_lost_bytes_are_refused(stored: Stored, tmp_path: Path) -> None:
    reader, store = stored
    sound = put(store, tmp_path, np.ones(8_000), 8_000)
    for rate in (0, -44_100, 10**9):
        with pytest.raises(InputError):
            reader.block(sound, rate, 0)
    with pytest.raises(ArtifactLost):
        reader.block(Sound("f" * 64), 44_100, 0)
