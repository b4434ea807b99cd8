from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import CatalogError
from catalog.common.settings import Settings
from catalog.files import owners


def run_and_kill(settings, body):
    script = f"""
        import os, pathlib
        from catalog.catalog import connect_catalog
        from catalog.common.settings import Settings
        settings = Settings(home=pathlib.Path({str(settings.home)!r}), database_url={settings.database_url!r})
        catalog = connect_catalog(settings)
        {body}
        os.kill(os.getpid(), 9)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_scratch_is_empty_and_gone_afterwards(catalog: Catalog) -> None:
    with catalog.scratch() as folder:
        assert list(folder.iterdir()) == []
        (folder / "half").write_bytes(b"x")
    assert not folder.exists()


@pytest.mark.slow
@pytest.mark.both_databases
def test_what_a_killed_process_left_is_swept_by_the_next(settings) -> None:
    killed = run_and_kill(
        settings, "kept = catalog.scratch(); folder = kept.__enter__(); (folder / 'half').write_bytes(b'x')"
    )
    assert killed.returncode == -9, killed.stderr
    scratch = settings.home / "scratch"
    assert len(list(scratch.iterdir())) == 1
    with open_catalog(settings) as catalog, catalog.scratch() as mine:
        with open_catalog(settings):
            assert list(scratch.iterdir()) == [mine]
        assert mine.exists()


@pytest.mark.slow
def test_dead_names_are_swept_once_they_are_old(settings) -> None:
    run_and_kill(settings, "pass")
    folder = settings.home / "owners"
    (name,) = [path.name for path in folder.iterdir()]
    assert owners.is_dead(folder, name)
    owners.remove_dead_owners(folder)
    assert (folder / name).exists()
    os.utime(folder / name, (0, 0))
    owners.remove_dead_owners(folder)
    assert not (folder / name).exists()
    assert owners.is_dead(folder, name)


def test_a_living_owner_and_one_of_another_host_are_not_dead(settings) -> None:
    with open_catalog(settings) as catalog:
        (living,) = catalog.owners_folder.iterdir()
        assert not owners.is_dead(catalog.owners_folder, living.name)
        assert not owners.is_dead(catalog.owners_folder, "elsewhere:1:abcd")


def test_a_home_that_is_a_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    with pytest.raises(CatalogError, match="SONGLINE_HOME"), open_catalog(Settings(home=tmp_path / "home")):
        pass


def test_a_file_that_is_no_catalog_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog.sqlite3").write_bytes(b"not a database, but long enough to be read as one" * 10)
    with pytest.raises(CatalogError, match="is damaged: its first bytes"), open_catalog(Settings(home=tmp_path)):
        pass
