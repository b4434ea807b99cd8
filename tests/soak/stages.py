"""The stages that are disturbed: the command of each, the moment to wait for, and who can be killed there."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.soak.families import ALONE, Victim
from tests.soak.place import RELEASE, Place
from tests.support.models import relaxed_table

MODEL = "diffrhythm-1.2-full"
LEASED = ("render", "score", "select", "master", "accept", "draw", "separate", "encode", "pack")
SOON_S = 0.1
"""How long after a half-written file was seen its command is killed at most."""
LATER_S = 0.4
"""How long after a piece of work was seen to begin it is killed at most; the work of the small albums takes as long."""


@dataclass(frozen=True, slots=True)
class Stage:
    """``makes`` says that the command makes the album and may be killed again and again before it is done. The stage
    has begun when work of ``kind`` is under way or was done; where it is empty, it has with the command, and is killed
    at a random moment of the time that it takes; where it ``writes``, half of the kills come soon after the first
    half-written file is there."""

    name: str
    arguments: Callable[[Place, str, Path], Sequence[str | Path]]
    victims: tuple[Victim, ...] = ALONE
    makes: bool = False
    writes: bool = False
    kind: str = ""
    prepare: Callable[[Place, str], None] | None = None
    settings: Callable[[Place], dict[str, str]] | None = None


class Card(NamedTuple):
    """One kill to come."""

    stage: Stage
    victim: Victim


def _render(place: Place, album_id: str, manifest: Path) -> Sequence[str | Path]:
    return ("render", manifest, "--out", place.out)


def _fresh_export(place: Place, album_id: str) -> None:
    shutil.rmtree(place.folder / "out-exported" / album_id, ignore_errors=True)


def _new_model(place: Place, album_id: str) -> None:
    """A model's file of other bytes than before, and no trace of the one before."""
    folder = place.folder / "weights" / MODEL
    folder.mkdir(parents=True, exist_ok=True)
    relaxed_table(place.folder / "table.toml")
    (folder / "cfm_model.pt").write_bytes(album_id.encode() * 2_000_000)
    shutil.rmtree(place.home / "models" / MODEL, ignore_errors=True)


def _mix(place: Place, album_id: str) -> None:
    """The unmastered first song of the album that was just made."""
    (place.folder / "masters").mkdir(exist_ok=True)
    mix = next((place.out / album_id).glob("stems/*/mix.wav"))
    shutil.copyfile(mix, place.folder / "masters" / "mix.wav")
    (place.folder / "masters" / "master.wav").unlink(missing_ok=True)


MAKING = (
    Stage("start", _render, tuple(Victim), makes=True),
    *(Stage(kind, _render, tuple(Victim), makes=True, kind=kind) for kind in LEASED),
    Stage("deliver", _render, (*ALONE, Victim.GROUP), makes=True, kind=RELEASE),
)
"""In the order in which an album passes them."""
PLAN = Stage("plan", lambda place, album, manifest: ("plan", manifest))
KEEPING = (
    Stage(
        "export",
        lambda place, album, manifest: ("export", album, "--out", place.folder / "out-exported"),
        writes=True,
        prepare=_fresh_export,
    ),
    Stage("verify", lambda place, album, manifest: ("verify",)),
    Stage("gc", lambda place, album, manifest: ("gc",)),
    Stage("backup", lambda place, album, manifest: ("backup", place.folder / "backup"), writes=True),
    Stage(
        "import",
        lambda place, album, manifest: ("models", "import", place.folder / "weights", MODEL, "--accept"),
        writes=True,
        prepare=_new_model,
        settings=lambda place: {"SONGLINE_MODELS_TABLE": str(place.folder / "table.toml")},
    ),
    Stage(
        "master file",
        lambda place, album, manifest: (
            "master",
            place.folder / "masters" / "mix.wav",
            place.folder / "masters" / "master.wav",
        ),
        writes=True,
        prepare=_mix,
    ),
)
STAGES = (PLAN, *MAKING, *KEEPING)


class Deck:
    """All pairs of stage and victim, shuffled by the seed and dealt again and again, so that each comes as often."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._cards = self._shuffled()
        self._back: list[Card] = []

    def deal(self, count: int) -> list[Card]:
        """The next cards in the order in which their stages come; those put back come first."""
        dealt = [self._back.pop(0) if self._back else next(self._cards) for _ in range(count)]
        return sorted(dealt, key=lambda card: STAGES.index(card.stage))

    def put_back(self, card: Card) -> None:
        """A card whose moment was missed."""
        self._back.append(card)

    def _shuffled(self) -> Iterator[Card]:
        while True:
            cards = [Card(stage, victim) for stage in STAGES for victim in stage.victims]
            self._chance.shuffle(cards)
            yield from cards
