"""The voice banks: packed without loss beyond their 8 bits, and the committed ones are what flite's voices give."""

from __future__ import annotations

import lzma

import numpy as np
import pytest

from infra.voice_bank.flite import FliteVoice, Question, read_voice
from infra.voice_bank.pack import feature_name, packed
from tasks.engines.guide.voice.bank import BANKS, FEATURES, ORDER, load_bank, unpacked
from tasks.engines.guide.voice.casting import DIGESTS, FLITE_VOICES

MOST_BYTES = 4_000_000


def toy_voice() -> FliteVoice:
    """Two states: one vector, and two that the next phone decides."""
    tree = (
        Question("R:mcep_link.parent.R:segstate.parent.n.name", "t", 2),
        Question("", "", 0, 1),
        Question("", "", 0, 2),
    )
    vectors = np.random.default_rng(1).uniform(0.1, 4, (3, 57, 2))
    return FliteVoice(
        rate_hz=16000,
        warp=0.42,
        sharpening=0.4,
        trees={"a_1": (Question("", "", 0, 0),), "a_2": tree},
        vectors=vectors,
        states={"a": ("a_1", "a_2"), "pau": ()},
        seconds={"a_1": 0.05, "pau": 0.2},
        phones={"a": ("+", "l", "3", "3", "-", "0", "0", "0"), "pau": ("-", *"000000", "-")},
    )


def test_a_voice_comes_back_as_it_was_packed() -> None:
    voice = toy_voice()
    bank = unpacked(packed(voice))
    context: list[str | float] = [0.0] * len(FEATURES)
    assert bank.row("a_1", context) == 0
    assert bank.row("a_2", context) == 2
    context[FEATURES.index("next_phone")] = "t"
    assert bank.row("a_2", context) == 1
    assert np.abs(bank.vectors[:, :ORDER] - voice.vectors[:, 1 : 1 + ORDER, 0]).max() <= 4 / 255
    assert bank.phones["a"]["vlng"] == "l"
    assert bank.seconds == {"a_1": 0.05, "a_2": 0.2}


def test_an_unknown_feature_is_not_packed() -> None:
    assert feature_name("R:mcep_link.parent.R:segstate.parent.p.ph_cvox") == "last_cvox"
    with pytest.raises(KeyError):
        feature_name("R:mcep_link.parent.R:segstate.parent.n.tone")


def test_both_banks_are_the_published_ones_and_small() -> None:
    assert {path.stem for path in BANKS.glob("*.bank")} == set(DIGESTS) == set(FLITE_VOICES)
    assert sum(path.stat().st_size for path in BANKS.glob("*.bank")) <= MOST_BYTES
    for singer in DIGESTS:
        bank = load_bank(singer)
        assert np.isfinite(bank.vectors).all()
        assert set(bank.states) == set(bank.phones)


@pytest.mark.slow
@pytest.mark.parametrize("singer", FLITE_VOICES)
def test_the_committed_bank_is_what_flite_gives(singer: str) -> None:
    try:
        voice = read_voice(FLITE_VOICES[singer])
    except OSError:
        pytest.skip("NOT TESTED: Debian's flite is not installed")
    assert lzma.decompress(packed(voice)) == lzma.decompress((BANKS / f"{singer}.bank").read_bytes())
