"""The sampling rate that a manifest states for its release: one of two, stored only where it is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.album.document import album_of, manifest_document
from tests.support.manifests import GOOD, faults_of, load


@pytest.mark.parametrize("rate", [44_100, 48_000])
def test_a_stated_rate_reaches_the_album_and_its_document(tmp_path: Path, rate: int) -> None:
    album = load(tmp_path, f"{GOOD}rate: {rate}\n")
    document = manifest_document(album)
    assert album.rate == document["rate"] == album_of(document).rate == rate


def test_left_out_it_leaves_no_trace(tmp_path: Path) -> None:
    album = load(tmp_path, GOOD)
    document = manifest_document(album)
    assert album.rate is None
    assert "rate" not in document
    assert album_of(document).rate is None


@pytest.mark.parametrize("written", ["96000", "44.1", "'44100'", "44100.5", "true"])
def test_another_rate_is_a_fault_with_its_line(tmp_path: Path, written: str) -> None:
    (fault,) = faults_of(tmp_path, f"{GOOD}rate: {written}\n")
    assert fault.startswith(f"album.yaml:{GOOD.count(chr(10)) + 1}: rate: ")
    assert "is not one of 44100 or 48000. Write one of them." in fault
