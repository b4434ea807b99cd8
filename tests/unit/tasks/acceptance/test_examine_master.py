"""The checklist on written masters: a sound one passes every check, each fault is found by its own and told plainly."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tasks.acceptance.checks import CHECKS, examine, failed
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio, write_wav
from tasks.audio.metering.loudness import measure_loudness
from tests.support.signals.acceptance import RATE, Lines, beats, found, target, written


def test_a_sound_master_passes_every_check(tmp_path: Path) -> None:
    findings = found(tmp_path, beats())
    assert [f"{f.check}: {f.sentence}" for f in findings.values() if f.verdict != "pass"] == []
    assert [name for name in CHECKS if name in findings] == list(findings)
    assert set(CHECKS) - set(findings) == {"gapless", "difference"}
    for finding in findings.values():
        assert finding.sentence.endswith(".")
        json.dumps(finding.as_document(), allow_nan=False)


def _shifted(lines: Lines, seconds: float) -> Lines:
    return np.pad(lines, ((0, 0), (round(seconds * RATE), 0)))


def _hole(lines: Lines) -> Lines:
    lines[:, 2 * RATE : round(2.8 * RATE)] = 0
    return lines


def _flat(lines: Lines) -> Lines:
    return np.clip(lines, -0.2, 0.2)


def _full(lines: Lines) -> Lines:
    lines[0, 5000] = 1.0
    return lines


def _spike(lines: Lines) -> Lines:
    lines[1, round(1.3 * RATE)] += 0.6
    return lines


def _mono_cancels(lines: Lines) -> Lines:
    return np.stack([lines[0], -lines[0]])


def _loud_passage(lines: Lines) -> Lines:
    """48 s, of which the last 3 are 12 dB louder than the rest."""
    return np.concatenate([0.25 * np.tile(lines, (1, 7)), 0.25 * lines[:, 3 * RATE :], lines[:, 3 * RATE :]], axis=1)


FAULTS: dict[str, tuple[Callable[[Lines], Lines], str, str, str]] = {
    "offset": (lambda x: x + 0.001, "dc_offset", "fail", "0.00100"),
    "flat tops": (_flat, "clipping", "fail", "flat tops"),
    "full scale": (_full, "clipping", "fail", "1 sample stands at full scale"),
    "anti-phase": (_mono_cancels, "phase", "fail", "-1.00"),
    "cancelling": (_mono_cancels, "mono_fold_down", "fail", "cancel"),
    "one side": (lambda x: x * np.array([[1], [0]]), "balance", "warn", "Only the left side"),
    "leaning": (lambda x: x * np.array([[0.7], [1]]), "balance", "warn", "right side is"),
    "late": (lambda x: _shifted(x, 0.7), "head_silence", "fail", "0.7"),
    "long end": (lambda x: _shifted(x[:, ::-1], 3.5)[:, ::-1], "tail_silence", "warn", "3.5"),
    "hole": (_hole, "inner_gaps", "fail", "Silence of 0.8 s at 0:02.0."),
    "cut end": (lambda x: x[:, : round(4.01 * RATE)], "abrupt_end", "fail", "without a fade"),
    "cut start": (lambda x: x[:, round(1.01 * RATE) :], "abrupt_start", "fail", "without a fade"),
    "spike": (_spike, "clicks", "fail", "1 click at 0:01.3"),
    "jump": (lambda x: 0.8 * x + 0.1 * (np.arange(x.shape[1]) > 1.37 * RATE), "clicks", "warn", "0.10 of full scale"),
    "one loud passage": (_loud_passage, "short_term_max", "warn", "3 s lie 9"),
    "crushed": (
        lambda x: 0.5 * np.sign(np.sin(2 * np.pi * 100.3 * np.arange(x.shape[1]) / RATE + [[0], [0.1]])),
        "plr",
        "warn",
        "crushed",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_by_its_check(tmp_path: Path, name: str) -> None:
    spoil, check, verdict, words = FAULTS[name]
    finding = found(tmp_path, spoil(beats()))[check]
    assert (finding.verdict, words in finding.sentence) == (verdict, True), finding


@pytest.mark.slow
def test_silence_told_of_is_where_it_is(tmp_path: Path) -> None:
    lines = beats(8)
    for start in (2.0, 5.5):
        lines[:, round(start * RATE) : round((start + 0.6) * RATE)] = 0
    sentence = found(tmp_path, lines)["inner_gaps"].sentence
    assert sentence == "Silence of 0.6 s at 0:02.0; silence of 0.6 s at 0:05.5."


@pytest.mark.slow
def test_loudness_is_held_against_its_target(tmp_path: Path) -> None:
    reading = measure_loudness(Audio.of(beats(), RATE)).integrated_lufs
    lufs = reading.value  # type: ignore[union-attr]
    for goal, may_be_under, verdict in (
        (lufs + 0.05, False, "pass"),
        (lufs + 0.2, False, "fail"),
        (lufs + 0.2, True, "warn"),
        (lufs - 0.2, True, "fail"),
    ):
        finding = found(tmp_path, beats(), target_lufs=goal, loudness_may_be_under=may_be_under)["loudness"]
        assert (finding.verdict, finding.limit) == (verdict, goal), finding
        assert finding.value == pytest.approx(lufs, abs=1e-3)


@pytest.mark.slow
def test_a_peak_over_the_ceiling_fails(tmp_path: Path) -> None:
    peak = found(tmp_path, beats())["true_peak"].value
    assert peak is not None
    assert found(tmp_path, beats(), ceiling_dbtp=peak + 0.001)["true_peak"].verdict == "pass"
    over = found(tmp_path, beats(), ceiling_dbtp=peak - 0.02)["true_peak"]
    assert over.verdict == "fail"
    assert "0.020 dB over" in over.sentence


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"rate": 48000}, {"bits": 16}, {"channels": 1}])
def test_another_format_than_asked_for_fails(tmp_path: Path, change: dict[str, int]) -> None:
    finding = found(tmp_path, beats(), **change)["format"]
    assert finding.verdict == "fail"
    assert "asked for" in finding.sentence


@pytest.mark.slow
def test_another_length_than_asked_for_fails(tmp_path: Path) -> None:
    finding = found(tmp_path, beats(), frames=6 * RATE - 1)["length"]
    assert (finding.verdict, finding.sentence) == ("fail", "264600 frames, +1 from the length asked for.")
    assert "length" not in found(tmp_path, beats(), frames=None)


def test_what_cannot_be_read_fails_to_decode(tmp_path: Path) -> None:
    path = written(tmp_path, beats())
    path.write_bytes(path.read_bytes()[:-100])
    (finding,) = examine(path, target=target(beats()))
    assert (finding.check, finding.verdict) == ("decode", "fail")
    assert "cut short" in finding.sentence


def test_samples_that_are_no_numbers_are_all_that_is_told(tmp_path: Path) -> None:
    lines = beats(1)
    lines[0, 7] = np.nan
    path = tmp_path / "float.wav"
    write_wav(path, Audio.of(lines, RATE), subtype="FLOAT")
    findings = examine(path, target=target(lines))
    assert failed(findings) == ("format", "finite")
    assert "1 samples are not finite" in findings[-1].sentence


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros((2, RATE)),
        np.zeros((2, 0)),
        np.zeros((2, 10)),
        np.full((2, 10), 0.1),
        np.full((1, 3000), 0.1),
        np.full((2, 3000), 1e-6),
    ],
    ids=["silence", "empty", "10 zeros", "10 samples", "mono", "faint"],
)
def test_what_is_too_little_to_judge_fails_and_never_breaks(tmp_path: Path, samples: np.ndarray) -> None:
    findings = found(tmp_path, samples)
    assert findings["loudness"].verdict == "fail"
    assert "Not measurable" in findings["loudness"].sentence


def test_a_file_is_judged_the_same_twice(tmp_path: Path) -> None:
    path = written(tmp_path, beats(2))
    asked = target(beats(2))
    assert examine(path, target=asked) == examine(path, target=asked)
    assert read_audio(path).frames == 2 * RATE


@pytest.mark.slow
def test_silence_before_a_song_that_was_not_to_be_trimmed_is_a_warning(tmp_path: Path) -> None:
    late = _shifted(beats(), 0.7)
    assert found(tmp_path, late)["head_silence"].verdict == "fail"
    assert found(tmp_path, late, trimmed=False)["head_silence"].verdict == "warn"


@pytest.mark.parametrize("seed", range(6))
def test_sides_that_have_nothing_in_common_never_fail_by_the_sign_of_chance(tmp_path: Path, seed: int) -> None:
    rng = np.random.Generator(np.random.PCG64(seed))
    finding = found(tmp_path, 0.1 * rng.standard_normal((2, 3 * RATE)))["phase"]
    assert abs(finding.value or 1) < 0.05
    assert finding.verdict == "warn"


def _voice(lines: Lines) -> Lines:
    """One side, two phrases with a long rest before each and after."""
    time = np.arange(12 * RATE) / RATE
    line = 0.3 * np.sin(2 * np.pi * 330 * time) * np.clip(3 * np.sin(2 * np.pi * time / 6) - 1.5, 0, 1)
    return np.pad(np.stack([line, 0.3 * line]), ((0, 0), (2 * RATE, 4 * RATE)))


PARTS: dict[str, Callable[[Lines], Lines]] = {
    "voice": _voice,
    "one side": lambda x: x * np.array([[1], [0]]),
    "cancelling": _mono_cancels,
    "one loud passage": _loud_passage,
    "silence": lambda x: 0 * x,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PARTS)
def test_what_a_part_lacks_is_no_fault_of_it(tmp_path: Path, name: str) -> None:
    lines = PARTS[name](beats())
    as_song = found(tmp_path, lines)
    assert [finding for finding in as_song.values() if finding.verdict != "pass"]
    as_part = found(tmp_path, lines, part=True)
    assert failed(as_part.values()) == ()
    assert list(as_part) == list(as_song)
    assert as_part["inner_gaps"].verdict == "pass" if "inner_gaps" in as_part else name == "silence"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["offset", "flat tops", "full scale", "cut end", "spike"])
def test_damage_is_a_fault_of_a_part_too(tmp_path: Path, name: str) -> None:
    spoil, check, _, _ = FAULTS[name]
    assert check in failed(found(tmp_path, spoil(beats()), part=True).values())
    assert "true_peak" in failed(found(tmp_path, beats(), part=True, ceiling_dbtp=-20.0).values())
