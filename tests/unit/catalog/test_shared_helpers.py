"""Small helpers that several packages share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from catalog.common.errors import MachineError
from catalog.common.figures import clock, size
from catalog.common.packages import missing_packages, require_installed
from catalog.common.text import first_of
from catalog.files.whole_file import written_beside


@pytest.mark.parametrize(
    ("seconds", "short", "long"),
    [(0, "0:00", "0:00"), (59.6, "1:00", "1:00"), (80, "1:20", "1:20"), (3725, "62:05", "1:02:05")],
)
def test_times_are_told_to_the_second(seconds: float, short: str, long: str) -> None:
    assert clock(seconds) == short
    assert clock(seconds, with_hours=True) == long


@pytest.mark.parametrize(
    ("count", "told"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (1_250_000_000, "1.2 GB")]
)
def test_sizes_are_told_in_the_largest_unit(count: int, told: str) -> None:
    assert size(count) == told


def test_a_long_list_is_told_by_its_beginning() -> None:
    assert first_of(["a", "b"]) == "a, b"
    assert first_of(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"


def test_packages_that_lack_are_named_with_the_extras_that_bring_them() -> None:
    assert missing_packages(["json", "no_such_package"]) == ["no_such_package"]
    require_installed(["json"], component="it", extras=("stems",))
    with pytest.raises(MachineError) as caught:
        require_installed(["no_such_package", "json"], component="the engine", extras=("one", "two"))
    assert caught.value.what == "the engine needs packages that are not installed: no_such_package"
    assert caught.value.remedy == "Run `make engine`, or install Songline with its extras `one` and `two`"


def test_a_file_written_beside_takes_the_place_only_where_all_went_well(tmp_path: Path) -> None:
    place = tmp_path / "song.wav"
    place.write_bytes(b"old")

    def fail() -> None:
        with written_beside(place) as partial:
            partial.write_bytes(b"half")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert (os.listdir(tmp_path), place.read_bytes()) == (["song.wav"], b"old")
    with written_beside(place) as partial:
        assert partial.suffix == ".wav", "writers tell the format by it"
        partial.write_bytes(b"new")
    assert (os.listdir(tmp_path), place.read_bytes()) == (["song.wav"], b"new")
