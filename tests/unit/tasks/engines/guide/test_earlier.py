"""The recipes of revision 1 stay what they were, so that its finished takes stay in their albums."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from catalog.common.settings import Settings
from tasks.engines.guide.engine import GuideEngine
from tests.support.guide_songs import recipe, song

INSTRUMENTS = {
    "soundfont": "82475b91a76de15cb28a104707d3247ba932e228bada3f47bba63c6b31aaf7a1",
    "numpy": "2.4.6",
    "pedalboard": "0.9.26",
    "scipy": "1.17.1",
}
"""Those with which the digests were recorded."""

CHOSEN = {"groove": "ballad", "vocals": "flute", "swing": 0.25, "density": 0.3, "reverb": 0.0}
BARE = {
    "bpm": None,
    "key": None,
    "prompt": "soul ballad, 72 BPM, Eb major, electric piano",
    "language": "de",
    "length_s": 12.5,
}
MADE_BY_REVISION_1 = [
    ({}, "f8d383855566859d9e9c46ddda726df5c15638003be8e8e52adec7d02b482ed7"),
    ({"settings": CHOSEN}, "22dd83cccf23f1ff1ff5b6a954a51ea275e499a65df08ae5fbb25109631f3c7e"),
    (BARE, "629508b6b76245014f0e9809cfb1dc91f2850d685eb50dd172509505c0eb1d89"),
    ({"lines": ()}, "c63c8c5ab58fce93e04d626d905e654ad0e15027907e47975cf82447ccc640b8"),
]


@pytest.mark.parametrize(("changes", "digest"), MADE_BY_REVISION_1)
def test_the_earlier_recipe_is_that_of_revision_1(changes: dict[str, Any], digest: str) -> None:
    engine = GuideEngine(Settings())
    (earlier,) = engine.earlier(song(**changes), recipe(seed=7, **changes))
    assert (earlier.revision, set(earlier.inputs["instruments"])) == (1, set(INSTRUMENTS))
    assert replace(earlier, inputs={**earlier.inputs, "instruments": INSTRUMENTS}).digest == digest


def test_revision_1_knew_no_genres() -> None:
    changes = {"settings": {"genre": "trap"}}
    assert GuideEngine(Settings()).earlier(song(**changes), recipe(**changes)) == ()
