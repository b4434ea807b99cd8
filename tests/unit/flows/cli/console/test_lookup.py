"""What a command says of an album that it cannot find, or that has no release."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError
from flows.cli.console.lookup import require_release
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album


def test_an_unknown_album_is_told_from_one_without_a_release(catalog: Catalog, tmp_path: Path) -> None:
    album = read_album(write_album(tmp_path / "album", album_document()), catalog.settings)
    declare_album(catalog, album)
    with pytest.raises(InputError, match=f"'{album.id}' has no release yet"):
        require_release(catalog.database, album.id)
    with pytest.raises(InputError, match=f"no album 'nobody' is in the catalog. Known albums: {album.id}"):
        require_release(catalog.database, "nobody")
