"""A backup's folder may hold more than the backup."""

from __future__ import annotations

from pathlib import Path

from catalog.backup.backup import back_up
from catalog.catalog import Catalog


def test_own_files_beside_a_backup_stay(catalog: Catalog, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    back_up(catalog.database, catalog.store, folder)
    own = folder / "catalog-notes.txt"
    own.write_text("mine")
    (tmp_path / "art.png").write_bytes(b"art")
    catalog.add_file(tmp_path / "art.png", media_type="image/png")
    back_up(catalog.database, catalog.store, folder)
    assert own.read_text() == "mine"
    assert len(list(folder.glob("catalog-*.jsonl.gz"))) == 1
