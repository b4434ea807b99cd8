"""Somebody who may write where releases go puts a link in the place of a folder, between a look and a write."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.common.errors import MachineError
from tasks.delivery.package import bundle, own_files
from tasks.delivery.package.bundle import swap_in
from tasks.delivery.package.own_files import BuildFiles, Carrying, open_folder

NONE = BuildFiles({})


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """A folder of the victim's that others may not enter, though they may read its files."""
    folder = tmp_path / "private"
    folder.mkdir(0o700)
    (folder / "unreleased.wav").write_text("secret")
    return folder


def release(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "release.json").write_text("{}")
    return folder


def swapped(folder: Path, private: Path) -> Callable[[], None]:
    """What the attacker does: the folder is renamed, and a link has its name."""

    def swap() -> None:
        folder.rename(folder.with_name("moved"))
        folder.symlink_to(private)

    return swap


def before(monkeypatch: pytest.MonkeyPatch, place: object, name: str, attack: Callable[[], None]) -> None:
    """Have the attack happen once, at the last moment before a function of ours is called."""
    ours, waiting = getattr(place, name), [attack]

    def called(*arguments: object, **options: object) -> object:
        if waiting:
            waiting.pop()()
        return ours(*arguments, **options)

    monkeypatch.setattr(place, name, called)


def test_a_link_in_the_place_of_the_old_release_hands_no_private_files_on(
    tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, staging = release(tmp_path / "out" / "album"), release(tmp_path / "staging")
    before(monkeypatch, bundle, "_carry_present", swapped(old, private))
    with pytest.raises(MachineError, match="cannot be put in place"):
        swap_in(staging, old, builds=NONE)
    assert os.listdir(staging) == ["release.json"]
    assert os.listdir(private) == ["unreleased.wav"]


def test_a_link_that_is_swapped_out_hands_no_private_files_on(
    tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (private / "release.json").write_text("{}")
    old, staging = release(tmp_path / "out" / "album"), release(tmp_path / "staging")
    before(monkeypatch, bundle, "_take_place", swapped(old, private))
    with pytest.raises(MachineError, match="cannot be put in place"):
        swap_in(staging, old, builds=NONE)
    assert not list((tmp_path / "out").rglob("unreleased*"))
    assert sorted(os.listdir(private)) == ["release.json", "unreleased.wav"]


def test_a_link_in_the_place_of_the_new_release_takes_no_files_elsewhere(
    tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, staging = release(tmp_path / "out" / "album"), release(tmp_path / "staging")
    place_taken = bundle._take_place

    def attacked(staging: Path, destination: Path) -> Path:
        (destination / ".bash_login").write_text("attack")
        aside = place_taken(staging, destination)
        swapped(destination, private)()
        return aside

    monkeypatch.setattr(bundle, "_take_place", attacked)
    with pytest.raises(MachineError, match="cannot be put in place"):
        swap_in(staging, old, builds=NONE)
    assert os.listdir(private) == ["unreleased.wav"]


def test_a_link_in_the_place_of_a_folder_inside_is_not_entered(
    tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = release(tmp_path / "album"), release(tmp_path / "new")
    (old / "notes").mkdir()
    (old / "notes" / "mine.txt").write_text("own")
    mark, attack = own_files._mark, swapped(old / "notes", private)

    def attacked(file: Path) -> object:
        found = mark(file)
        if file.name == "notes":
            attack()
        return found

    monkeypatch.setattr(own_files, "_mark", attacked)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        Carrying(NONE).carry(old, new)
    assert not list(new.rglob("unreleased.wav"))


def test_an_open_folder_stays_the_one_that_it_was(tmp_path: Path, private: Path) -> None:
    folder = release(tmp_path / "album")
    with open_folder(folder) as now:
        swapped(folder, private)()
        assert os.listdir(now) == ["release.json"]
