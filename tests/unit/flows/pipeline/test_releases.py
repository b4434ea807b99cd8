"""What the line releases: its stems, an edited release, and files of one's own beside it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.common.digests import digest_bytes
from catalog.release.queries import release_by_key
from tasks.audio.files import read_audio
from tasks.delivery.package.bundle import swap_in
from tasks.delivery.package.export import write_release
from tasks.delivery.package.own_files import BuildFiles
from tests.support.inline_executor import produce
from tests.unit.flows.pipeline.planned_albums import one_song, plan

__all__ = ["one_song"]

pytestmark = pytest.mark.slow


def test_stems_in_a_release_sum_to_its_mix(catalog: Catalog, settings, tmp_path: Path, one_song) -> None:
    planned = plan(catalog, settings, tmp_path, stems="native", **one_song)
    produced, _ = produce(catalog, planned)
    folder = write_release(catalog, release_by_key(catalog.database, produced.release_key), tmp_path / "out").folder
    parts = {path.stem: read_audio(path).samples for path in (folder / "stems" / "01 - Song One").iterdir()}
    mix = parts.pop("mix")
    assert np.max(np.abs(mix - sum(parts.values()))) < 10 ** (-90 / 20)


def test_an_edited_release_is_written_anew(catalog: Catalog, settings, tmp_path: Path, one_song) -> None:
    planned = plan(catalog, settings, tmp_path, **one_song)
    produced, _ = produce(catalog, planned)
    release = release_by_key(catalog.database, produced.release_key)
    folder = write_release(catalog, release, tmp_path / "out").folder
    track = folder / "mp3_320" / "01 - Song One.mp3"
    data = bytearray(track.read_bytes())
    data[-1] ^= 1
    begun_s = int(track.stat().st_mtime)  # a whole minute: an edit within its first second must show as well
    track.write_bytes(bytes(data))
    os.utime(track, ns=(begun_s * 10**9 + 400_000_000,) * 2)
    assert write_release(catalog, release, tmp_path / "out").changed
    assert digest_bytes(track.read_bytes()) == release.files["mp3_320/01 - Song One.mp3"]


def test_own_files_in_a_release_folder_outlive_the_next_build(
    catalog: Catalog, settings, tmp_path: Path, one_song
) -> None:
    produced, _ = produce(catalog, plan(catalog, settings, tmp_path, **one_song))
    out = tmp_path / "out"
    folder = write_release(catalog, release_by_key(catalog.database, produced.release_key), out).folder
    (folder / "notes.txt").write_text("mine")
    (folder / "mp3_320" / "01 - Song One.mp3").write_text("retagged")
    renamed = {"songs": [one_song["songs"][0] | {"title": "Song 1"}]}
    produced, _ = produce(catalog, plan(catalog, settings, tmp_path, **renamed))
    release = release_by_key(catalog.database, produced.release_key)
    written = write_release(catalog, release, out)
    assert written.kept == ("mp3_320/01 - Song One.mp3", "notes.txt")
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        *release.files,
        *written.kept,
    }
    assert not write_release(catalog, release, out).changed  # own files do not make a release another one


def test_a_release_from_another_catalog_says_itself_what_is_its_own(
    catalog: Catalog, settings, tmp_path: Path, one_song
) -> None:
    produced, _ = produce(catalog, plan(catalog, settings, tmp_path, **one_song))
    folder = write_release(catalog, release_by_key(catalog.database, produced.release_key), tmp_path / "out").folder
    (folder / "notes.txt").write_text("mine")
    (folder / "SHA256SUMS").write_text(f"{digest_bytes(b'mine')}  notes.txt\n" + (folder / "SHA256SUMS").read_text())
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "release.json").write_text("{}")
    (own,) = swap_in(tmp_path / "next", folder, builds=BuildFiles({}))
    assert own.place == "notes.txt"
    assert sorted(path.name for path in folder.iterdir()) == ["notes.txt", "release.json"]
