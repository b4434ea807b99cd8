"""Lines that espeak-ng speaks for the singer: the same samples every time, whatever was spoken before."""

from __future__ import annotations

import pytest

from tasks.engines.guide.words.espeak import espeak_spoken

pytestmark = pytest.mark.slow


def test_a_line_is_the_same_whatever_was_spoken_before() -> None:
    first = espeak_spoken("Luzes da rua cantam no fio", "pt-BR")
    espeak_spoken.cache_clear()
    espeak_spoken("Ein ganz anderer Satz", "de")
    assert espeak_spoken("Luzes da rua cantam no fio", "pt-BR") == first
    assert len(first.samples) > 20_000
