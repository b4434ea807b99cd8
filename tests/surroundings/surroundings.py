"""Hostile surroundings of commands: where a case happens, and what makes it hostile."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

COMMANDS = (
    *("validate", "plan", "render", "status", "scores", "lineage", "verify", "measure", "export", "doctor"),
    *("albums", "du"),
)
ALL = frozenset(COMMANDS)
WITH_MANIFEST = frozenset({"validate", "plan", "render"})
WRITERS = frozenset({"render"})
WITH_AUDIO = frozenset({"lineage", "measure"})


@dataclass(slots=True)
class Place:
    """Where a case happens: the album's own folders, a folder to stand in, and what belongs to others."""

    root: Path
    home: Path
    manifest: Path
    out: Path
    audio: Path
    work: Path
    user: Path
    environment: dict[str, str]
    folder: str = ""
    acts: list[list[Any]] = field(default_factory=list)
    is_fresh: bool = False

    def arguments(self, command: str, *, as_json: bool) -> list[str]:
        """A command line for this place."""
        album = "small"
        manifest, audio, out = str(self.manifest), str(self.audio), ["--out", str(self.out)]
        given: dict[str, list[str]] = {"validate": [manifest], "plan": [manifest], "render": [*out, manifest]}
        given |= {"status": [album], "scores": [album], "export": [*out, album]}
        given |= {"lineage": [audio], "measure": [audio]}
        words = given.get(command, [])
        options = ["--json"] if as_json else []
        return [command, *options, *words[:-1], "--", *words[-1:]] if words else [command, *options]


Arrange = Callable[[Place], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One hostile surrounding."""

    name: str
    arrange: Arrange
    may_fail: frozenset[str] = frozenset()
    plainly: bool = False
    """Also without ``--json``."""
    without: frozenset[str] = frozenset()
    """Commands that are left out: they would make the whole album anew there."""
    speechless: bool = False
    """What is printed reaches nobody, so that only exit codes are looked at."""


def variables(*, fresh: bool = False, **values: str | None) -> Arrange:
    """Environment variables; None takes one away."""

    def arrange(place: Place) -> None:
        for name, value in values.items():
            place.environment.pop(name, None)
            if value is not None:
                place.environment[name] = value
        place.is_fresh |= fresh

    return arrange


def acting(*acts: list[Any]) -> Arrange:
    """What the process does to itself, or what its parent did to it."""

    def arrange(place: Place) -> None:
        place.acts += acts

    return arrange


def working_folder(**files: str | bytes) -> Arrange:
    """Files of the folder one stands in, ``__`` in their names standing for a dot."""

    def arrange(place: Place) -> None:
        for name, text in files.items():
            data = text if isinstance(text, bytes) else text.encode()
            (place.work / name.replace("__", ".")).write_bytes(data)
        place.is_fresh = True

    return arrange


def home_named(name: str | bytes) -> Arrange:
    """The home lies in a folder of that name."""

    def arrange(place: Place) -> None:
        moved = place.root / os.fsdecode(name)
        place.home.rename(moved)
        place.home = moved
        place.environment["SONGLINE_HOME"] = str(moved)

    return arrange


def home_is(make: Callable[[Path], object]) -> Arrange:
    """Something else lies where the home should be."""

    def arrange(place: Place) -> None:
        shutil.rmtree(place.home)
        make(place.home)

    return arrange


def home_with_modes(folder: int, file: int) -> Arrange:
    """The home and all in it have these modes, and they hold."""

    def arrange(place: Place) -> None:
        for path in sorted(place.home.rglob("*"), reverse=True):
            path.chmod(folder if path.is_dir() else file)
        place.home.chmod(folder)
        place.acts.append(["no_capabilities"])

    return arrange


def album_in(name: str | bytes) -> Arrange:
    """The album's folder has that name."""

    def arrange(place: Place) -> None:
        moved = place.root / os.fsdecode(name)
        place.manifest.parent.rename(moved)
        place.manifest = moved / place.manifest.name

    return arrange


def manifest_named(name: str) -> Arrange:
    """The manifest has that name, and one stands in its folder."""

    def arrange(place: Place) -> None:
        place.manifest.rename(place.manifest.parent / name)
        place.folder, place.manifest = str(place.manifest.parent), Path(name)

    return arrange


def audio_named(name: str | bytes) -> Arrange:
    """The delivered file has that name."""

    def arrange(place: Place) -> None:
        moved = place.audio.parent / os.fsdecode(name)
        place.audio.rename(moved)
        place.audio = moved

    return arrange


def audio_with_too_long_a_name(place: Place) -> None:
    """No file can have the name."""
    place.audio = place.audio.parent / f"{'a' * 300}.mp3"


def manifest_by_link(place: Place) -> None:
    """The manifest is reached by a link from another folder."""
    link = place.root / "linked.yaml"
    link.symlink_to(place.manifest)
    place.manifest = link


def closed_album(place: Place) -> None:
    """The album's folder can be listed and not entered."""
    place.manifest.parent.chmod(0o600)
    place.acts.append(["no_capabilities"])


def closed_working_folder(place: Place) -> None:
    """Nobody may look into the folder one stands in."""
    closed = place.root / "temporary" / "closed"
    closed.mkdir()
    place.folder = str(closed)
    place.acts += [["chmod_here", 0], ["no_capabilities"]]


def home_by_link(place: Place) -> None:
    """The home is reached by a link."""
    link = place.root / "link"
    link.symlink_to(place.home)
    place.environment["SONGLINE_HOME"] = str(link)


def home_relative(place: Place) -> None:
    """The setting is relative to the folder one stands in."""
    place.environment["SONGLINE_HOME"] = os.path.relpath(place.home, place.work)


def home_with_tilde(place: Place) -> None:
    """The setting begins with ``~``."""
    moved = place.user / "songs"
    place.home.rename(moved)
    place.home = moved
    place.environment["SONGLINE_HOME"] = "~/songs"


def home_of_the_platform(place: Place) -> None:
    """Nothing is set."""
    del place.environment["SONGLINE_HOME"]
    place.home = place.user / ".local" / "share" / "songline"
    place.environment |= {"XDG_DATA_HOME": ""}


def closed_output(place: Place) -> None:
    """The release folder cannot be written."""
    place.out.rename(place.root / "elsewhere")
    place.audio = place.root / "elsewhere" / place.audio.relative_to(place.out)
    place.out.mkdir()
    place.out.chmod(0o500)
    place.acts.append(["no_capabilities"])


def modules_of_the_attacker(place: Place) -> None:
    """Python files in the working folder have the names of ours and of what we use."""
    for name in ("json", "flows", "numpy", "catalog", "runpy", "multiprocessing", "sqlite3", "typer", "prefect"):
        (place.work / f"{name}.py").write_text(f"open({str(place.work / 'imported')!r}, 'a').write(__name__)\n")
    place.is_fresh = True


def full_disk(place: Place) -> None:
    """A disk of its own, filled to the last block."""
    disk = place.root / "disk"
    disk.mkdir()
    room = sum(path.stat().st_blocks * 512 for path in place.home.rglob("*")) + (2 << 20)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={room},mode=700", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("NOT TESTED: only root can make a small disk")
    shutil.copytree(place.home, disk / "home")
    place.environment["SONGLINE_HOME"] = str(disk / "home")
    place.home = disk / "home"
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            pass


def proxies(address: str) -> Arrange:
    """Every variable that names a proxy."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    return variables(**dict.fromkeys(names, address))


def with_prefix(prefix: str, **values: str) -> Arrange:
    """The same of variables that share a prefix."""
    return variables(**{f"{prefix}{name}": value for name, value in values.items()})


def several(*arrangements: Arrange) -> Arrange:
    """One after the other."""

    def arrange(place: Place) -> None:
        for each in arrangements:
            each(place)

    return arrange
