"""Albums in a row, each disturbed and compared with the same album made in peace in another home."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from catalog.common.digests import digest_file
from tests.soak.families import Family, Hit, Peak, Survival, Victim, await_children, begin
from tests.soak.figures import Row, sizes
from tests.soak.place import Lease, Place, files_of, write_manifest
from tests.soak.stages import KEEPING, LATER_S, PLAN, SOON_S, Card, Deck, Stage

TRIES = 5
HALF = 0.5
START_SHARE = 0.6
"""The share of an album's time in which its command starts; later moments belong to the other stages."""
CODES = {
    Victim.COMMAND: (-9,),
    Victim.GROUP: (-9,),
    Victim.TERM: (143, -15),
    Victim.INT: (130, -2),
    Victim.API: (4, -9),
    Victim.WORKER: (),
}
"""How a command may end after each kill, beside 0 where it was done already."""


@dataclass
class Hurt:
    """The album under way."""

    number: int
    album_id: str
    manifest: Path
    peak: Peak
    in_flight: set[Lease] = field(default_factory=set)
    unseen: int = 0
    running: Family | None = None
    done: bool = False
    history: list[str] = field(default_factory=list)


class Soak:
    """Makes and disturbs. ``findings`` are sentences that each tell of one fault, with how it came about."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.place = Place(folder / "disturbed")
        self.calm = Place(folder / "undisturbed")
        self.chance = random.Random(seed)
        self.deck = Deck(self.chance)
        self.rows: list[Row] = []
        self.findings: list[str] = []
        self.kills: Counter[tuple[str, str]] = Counter()
        self.missed = 0
        self.again = 0
        self.longest = Survival(0.0)
        self._whole: set[str] = set()
        self._seconds: dict[str, float] = {}

    def album(self, number: int, kills: int) -> None:
        """Make one album in peace and once more under ``kills`` kills, and compare."""
        album_id, manifest = write_manifest(self.place.folder, number)
        calm_peak, calm_s = self._in_peace(manifest)
        hurt = Hurt(number, album_id, manifest, Peak())
        began = time.monotonic()
        cards = self.deck.deal(kills)
        for card in (card for card in cards if card.stage is PLAN):
            self._disturb_keeping(hurt, card)
        for card in (card for card in cards if card.stage.makes):
            if hurt.done:
                self._miss(card)
            else:
                self._disturb_making(hurt, card, start_s=calm_s * START_SHARE)
        self._finish(hurt)
        for card in (card for card in cards if card.stage in KEEPING):
            self._disturb_keeping(hurt, card)
        disturbed_s = time.monotonic() - began
        temporary = len(self.place.leftovers())
        self._check(hurt)
        kept = sizes(self.place)
        owners = len(list((self.place.home / "owners").iterdir()))
        self.rows.append(
            Row(number, self.kills.total(), calm_s, disturbed_s, calm_peak, hurt.peak, temporary, owners, *kept)
        )
        shutil.rmtree(self.calm.out / album_id, ignore_errors=True)

    def end(self, *, settle_s: float = 61.0) -> None:
        """Look at the whole in the end: every byte, the backup, and that nothing is left once names are old enough."""
        for arguments in (("verify",), ("backup", self.place.folder / "backup"), ("gc",)):
            self._must(*arguments)
        self._must("backup", self.place.folder / "backup", "--verify")
        time.sleep(settle_s)
        self._must("gc")
        left = self.place.leftovers() + [path.name for path in (self.place.home / "owners").iterdir()]
        if left:
            self._find(f"after the last gc there are left: {', '.join(left)}")

    def _in_peace(self, manifest: Path) -> tuple[Peak, float]:
        peak, began = Peak(), time.monotonic()
        family = begin(self.calm, peak, "render", manifest, "--out", self.calm.out)
        if family.wait() != 0:
            self._find(f"an undisturbed render failed: {_said(self.calm)}")
        seconds = time.monotonic() - began
        self._note_children(self.calm, "an undisturbed render")
        return peak, seconds

    def _disturb_making(self, hurt: Hurt, card: Card, *, start_s: float) -> None:
        before = set(self.place.commits(hurt.album_id).done)
        kind = card.stage.kind
        finished = self.place.finished(kind)
        family = hurt.running or begin(
            self.place, hurt.peak, *card.stage.arguments(self.place, hurt.album_id, hurt.manifest)
        )
        while kind and family.runs() and not (self.place.is_at(kind) or self.place.finished(kind) > finished):
            time.sleep(0.01)
        _pass(family, self.chance.uniform(0.0, LATER_S if kind else start_s))
        if card.victim is Victim.WORKER and (hit := family.hit(card.victim, self.chance)):
            self._count(hurt, card, hit)  # the command goes on, and may be met again
            hurt.running = family
        else:
            hurt.running = None
            hurt.done = self._end_of(hurt, card, family)
        lost = before - set(self.place.commits(hurt.album_id).done)
        if lost:
            self._find(f"{len(lost)} commits are gone after {hurt.history}")

    def _disturb_keeping(self, hurt: Hurt, card: Card) -> None:
        stage = card.stage
        if stage.prepare:
            stage.prepare(self.place, hurt.album_id)
        settings = stage.settings(self.place) if stage.settings else {}
        arguments = stage.arguments(self.place, hurt.album_id, hurt.manifest)
        family = begin(self.place, hurt.peak, *arguments, **settings)
        if stage.writes and self.chance.random() < HALF:
            while family.runs() and not self.place.leftovers():
                time.sleep(0.005)
            _pass(family, self.chance.uniform(0.0, SOON_S))
        else:
            _pass(family, self.chance.uniform(0.0, self._seconds.get(stage.name, 1.0)))
        self._end_of(hurt, card, family)
        began = time.monotonic()
        self._must(*arguments, context=f" after {hurt.history}", **settings)
        self._seconds[stage.name] = time.monotonic() - began
        self._check_kept(hurt, stage, settings)

    def _end_of(self, hurt: Hurt, card: Card, family: Family) -> bool:
        """Kill, and wait for the end of the command and of all it started; gives whether it was done all the same."""
        hit = family.hit(card.victim, self.chance)
        if hit is None:
            self._miss(card)
        else:
            self._count(hurt, card, hit)
        done = self._await(hurt, family, f"{card.stage.name}, {card.victim}", CODES[card.victim] if hit else ())
        hurt.in_flight |= self.place.in_flight()
        return done

    def _await(self, hurt: Hurt, family: Family, name: str, codes: tuple[int, ...]) -> bool:
        """Wait for the end of a command and of its children; it may end with 0 or one of ``codes``. Gives whether it
        ended with 0."""
        code = family.wait()
        if code is None:
            self._find(f"the command never ended: {hurt.history}")
        elif code not in (0, *codes) and not _interrupted_before_us(self.place, code):
            self._find(f"{name}: exit code {code} after {hurt.history}: {_said(self.place)}")
        self._note_children(self.place, name)
        return code == 0

    def _count(self, hurt: Hurt, card: Card, hit: Hit) -> None:
        self.kills[card.stage.name, card.victim.value] += 1
        hurt.history.append(f"{card.stage.name}: {card.victim}")
        hurt.in_flight |= hit.in_flight
        hurt.unseen += hit.unseen

    def _miss(self, card: Card) -> None:
        self.missed += 1
        self.deck.put_back(card)

    def _finish(self, hurt: Hurt) -> None:
        """Run the same command until it is done."""
        for _ in range(TRIES):
            if hurt.done:
                return
            family = hurt.running or begin(self.place, hurt.peak, "render", hurt.manifest, "--out", self.place.out)
            hurt.running = None
            hurt.done = self._await(hurt, family, "the same command again", ())

    def _check(self, hurt: Hurt) -> None:
        with self._told(hurt):
            outside = [name for name in self.place.leftovers() if name.startswith("out")]
            assert not outside, f"left beside the releases: {outside}"
        self._must("gc", context=f" after {hurt.history}")
        with self._told(hurt):
            left = self.place.leftovers()
            assert not left, f"left after gc: {left}"
        with self._told(hurt):
            assert self.place.unnamed() == [], "stored bytes without a row are left after gc"
        with self._told(hurt):
            self._require_whole()
        with self._told(hurt):
            self._require_once(hurt)
        with self._told(hurt):
            self._require_the_same(hurt)

    def _check_kept(self, hurt: Hurt, stage: Stage, settings: dict[str, str]) -> None:
        """What the command of ``stage`` should have left, once it was run to its end."""
        with self._told(hurt):
            if stage.name == "export":
                exported = self.place.folder / "out-exported" / hurt.album_id
                assert files_of(exported) == files_of(self.place.out / hurt.album_id), "export wrote another release"
            elif stage.name == "import":
                done = self.place.run("models", "verify", stage.arguments(self.place, "", Path())[3], **settings)
                assert done.returncode == 0, f"the imported model is not whole: {done.stdout}{done.stderr}"
            elif stage.name == "master file":
                assert (self.place.folder / "masters" / "master.wav").is_file(), "no master was written"

    def _require_whole(self) -> None:
        rows = self.place.rows("SELECT digest FROM artifact WHERE pruned_at IS NULL")
        for digest in {str(digest) for (digest,) in rows} - self._whole:
            path = self.place.stored(digest)
            assert path.is_file(), f"LOST: artifact {digest} has a row and no bytes"
            assert digest_file(path) == digest, f"LOST: the bytes of artifact {digest} are others"
            self._whole.add(digest)
        ((answer,),) = self.place.rows("PRAGMA quick_check")
        assert answer == "ok", f"the catalog is damaged: {answer}"

    def _require_once(self, hurt: Hurt) -> None:
        commits = self.place.commits(hurt.album_id)
        twice = [pair for pair, count in Counter(commits.done).items() if count > 1]
        assert not twice, f"TWICE: committed more than once: {twice}"
        again = sum(fence - 1 for fence in commits.begun.values())
        self.again += again
        allowed = sum(lease.key in commits.begun for lease in hurt.in_flight) + hurt.unseen
        assert again <= allowed, f"TWICE: {again} renders were begun again and {allowed} were in flight"
        ((builds,),) = self.place.rows("SELECT count(*) FROM release WHERE album_id = ?", hurt.album_id)
        assert builds == 1, f"TWICE: the album has {builds} releases"

    def _require_the_same(self, hurt: Hurt) -> None:
        release, calm = self.place.out / hurt.album_id, self.calm.out / hurt.album_id
        ours, theirs = files_of(release), files_of(calm)
        differing = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        assert not differing, f"the release differs from the undisturbed one in {differing}"
        summed = subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=release, check=False)
        assert summed.returncode == 0, "the release does not fit its SHA256SUMS"

    def _must(self, *arguments: str | Path, context: str = "", **settings: str) -> None:
        done = self.place.run(*arguments, **settings)
        if done.returncode != 0:
            words = " ".join(map(str, arguments))
            self._find(f"`{words}` ended with {done.returncode}{context}: {(done.stdout + done.stderr)[-500:]}")

    def _note_children(self, place: Place, after: str) -> None:
        survival = await_children(place)
        if survival.seconds > self.longest.seconds:
            self.longest = Survival(survival.seconds, f"{survival.command_line} (after {after})", survival.endless)
        if survival.endless:
            self._find(f"a child lived on without end: {survival.command_line} (after {after})")

    @contextmanager
    def _told(self, hurt: Hurt) -> Iterator[None]:
        try:
            yield
        except AssertionError as error:
            self._find(f"{hurt.album_id} after {hurt.history}: {error}")

    def _find(self, sentence: str) -> None:
        self.findings.append(sentence)
        print(f"FOUND: {sentence}", flush=True)


def _pass(family: Family, seconds: float) -> None:
    """Let time go by, not longer than the command runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and family.runs():
        time.sleep(0.01)


def _interrupted_before_us(place: Place, code: int) -> bool:
    """Whether Ctrl-C came while Python itself was starting, before any line of Songline: then Python ends with 1."""
    said = (place.folder / "said.txt").read_text(errors="replace").rstrip()
    return code == 1 and said.endswith("KeyboardInterrupt") and "flows/" not in said


def _said(place: Place) -> str:
    return (place.folder / "said.txt").read_text(errors="replace")[-500:].strip()
