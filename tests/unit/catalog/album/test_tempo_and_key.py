"""Keys and tempos, from fields and from prompts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, parse_key, tonic_and_mode
from catalog.common.errors import InputError


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A minor", "A minor"),
        ("a minor", "A minor"),
        ("Am", "A minor"),
        ("F#m", "F# minor"),
        ("f♯ MINOR", "F# minor"),
        ("Bbm", "Bb minor"),
        ("b-flat major", "Bb major"),
        ("G sharp min", "G# minor"),
        ("B", "B major"),
        ("Bb", "Bb major"),
        (" Ebmaj ", "Eb major"),
    ],
)
def test_keys_have_one_form(text: str, key: str) -> None:
    assert parse_key(text) == key
    assert parse_key(key) == key


@pytest.mark.parametrize("text", ["", "H minor", "A dorian", "Amm", "CM", "C major minor", "minor", "A##", "A minor x"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is not a key"):
        parse_key(text)


def test_tonics_are_pitch_classes() -> None:
    assert tonic_and_mode("C major") == (0, "major")
    assert tonic_and_mode("F# minor") == (6, "minor")
    assert tonic_and_mode("Cb major") == (11, "major")
    assert tonic_and_mode("B# minor") == (0, "minor")


@pytest.mark.parametrize(
    ("prompt", "key"),
    [
        ("indie pop, 96 BPM, A minor, warm synths", "A minor"),
        ("warm, F# major", "F# major"),
        ("folk, a minor, slow", "A minor"),
        ("Bbm house", "Bb minor"),
        ("in E-flat major with strings", "Eb major"),
        ("Key: Em, rock", "E minor"),
        ("rock in Em", "E minor"),
        ("in c minor", "C minor"),
        ("D major, then B minor", "D major"),
        ("a ballad in a minor key", None),
        ("a major hit", None),
        ("A major-label sound", None),
        ("who I Am today", None),
        ("drum and bass", None),
        ("c#m7 chords", None),
        ("", None),
        (None, None),
    ],
)
def test_keys_are_read_from_prompts(prompt: str | None, key: str | None) -> None:
    assert key_from_prompt(prompt) == key


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("indie pop, 96 BPM, A minor", 96.0),
        ("96.5bpm", 96.5),
        ("120-bpm stomp", 120.0),
        ("tempo: 88, slow", 88.0),
        ("BPM=174", 174.0),
        ("128 beats per minute", 128.0),
        ("90-100 BPM", 95.0),
        ("5 bpm or 90 bpm", 90.0),
        ("1996 BPM", None),
        ("tempo 400", None),
        ("80s synth, 808 drums", None),
        ("", None),
        (None, None),
    ],
)
def test_tempos_are_read_from_prompts(prompt: str | None, bpm: float | None) -> None:
    assert bpm_from_prompt(prompt) == bpm


@given(st.text(max_size=60))
def test_any_prompt_gives_a_sound_reading_or_none(prompt: str) -> None:
    bpm, key = bpm_from_prompt(prompt), key_from_prompt(prompt)
    assert bpm is None or 30 <= bpm <= 300
    assert key is None or parse_key(key) == key


@given(st.sampled_from("ABCDEFG"), st.sampled_from(["", "#", "b"]), st.sampled_from(["major", "minor"]))
def test_every_key_is_found_again_in_a_prompt(tonic: str, accidental: str, mode: str) -> None:
    key = f"{tonic}{accidental} {mode}"
    assert key_from_prompt(f"soul, {key}, 90 BPM") == key
