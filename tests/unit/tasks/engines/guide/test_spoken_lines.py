"""Lines that espeak-ng speaks for the singer: the same samples every time, whatever was spoken before."""

from __future__ import annotations

import pytest

from catalog.common.errors import MachineError
from tasks.engines.guide.words import espeak
from tasks.engines.guide.words.espeak import espeak_spoken

pytestmark = pytest.mark.slow


LINE = "Luzes da rua cantam no fio"


def test_a_line_is_the_same_whatever_was_spoken_before() -> None:
    (first,) = espeak_spoken((LINE,), "pt-BR")
    other, again = espeak_spoken(("Uma frase bem diferente", LINE), "pt-BR")
    assert again == first
    assert len(first.samples) > 20_000
    assert other != first


def test_a_line_that_takes_too_long_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(espeak, "LONGEST_S", -1.0)
    with pytest.raises(MachineError, match="timed out"):
        espeak_spoken((LINE,), "es")
