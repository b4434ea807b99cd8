"""A store of models of the test's own, and what is done to it."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.models.download import Downloader
from catalog.models.install import install_session
from catalog.models.pull import add
from catalog.models.store import ModelStore, remove_model
from catalog.models.table import read_table
from tests.support.models import AT, relaxed_table

DATA = {"vocab.json": b"{}", "vocal.npy": b"npy", "pinyin_2_bpmf.txt": b"p", "polychar.txt": b"c"}
APACHE = read_table().licences["Apache-2.0"]


@pytest.fixture
def store(tmp_path: Path):
    return ModelStore(tmp_path / "models", relaxed_table(tmp_path / "table.toml"))


def own(store, name, path, **more):
    with Downloader() as downloader:
        return add(
            store, name, str(path), like="diffrhythm-1.2-base", licence=APACHE, at=AT, downloader=downloader, **more
        )


def remove(store, name, *, forget=False):
    with install_session(store, name) as place:
        remove_model(place.home, forget=forget)


def damage(path, content=b"damaged"):
    path.chmod(0o644)
    path.write_bytes(content)
