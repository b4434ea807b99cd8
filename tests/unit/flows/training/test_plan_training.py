"""The files of a training are stored as they were checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.digests import digest_file
from catalog.common.errors import InputError
from catalog.lyrics.lyrics import Lyrics
from catalog.training.style import Previews, Recording, Style, StyleSong
from flows.training.plan_training import store_training
from tests.unit.tasks.training.steps.test_document import document


def style_of(audio: Path, vector: Path) -> Style:
    song = StyleSong(
        "one",
        audio,
        digest_file(audio),
        Recording(1.0, ""),
        Lyrics(()),
        "en",
        style=vector,
        style_digest=digest_file(vector),
    )
    return Style("my-style", "base", "mine", False, None, (song,), {}, Previews((), 0, 1, 8))


@pytest.mark.parametrize("changed", [None, "one.wav", "vector.npy"])
def test_a_file_that_changes_after_its_check_is_told(catalog: Catalog, tmp_path: Path, changed: str | None) -> None:
    for name in ("one.wav", "vector.npy"):
        (tmp_path / name).write_bytes(name.encode())
    style = style_of(tmp_path / "one.wav", tmp_path / "vector.npy")
    if changed is None:
        stored = store_training(catalog, style, document())
        assert catalog.store.local(stored).read_bytes() == document().to_bytes()
        return
    (tmp_path / changed).write_bytes(b"another take")
    with pytest.raises(InputError, match=f"{changed} was changed after"):
        store_training(catalog, style, document())
