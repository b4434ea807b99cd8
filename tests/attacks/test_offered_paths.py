"""Paths that an inbox or a model offers: none leads out of its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError, RefusedError
from catalog.inbox.bucket import BucketInbox
from catalog.inbox.folder import FolderInbox
from catalog.models.install import InstallSession
from catalog.models.store import ModelStore
from catalog.store.s3_client import ObjectInfo


class Objects:
    """A bucket whose listing is an attacker's."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def listing(self):
        return iter([ObjectInfo(name, 1, 0.0) for name in self.names])

    def fetch(self, name: str, destination: Path, *, max_bytes: int) -> int:
        return destination.write_bytes(b"x")


def test_an_object_of_an_inbox_is_no_path_outside_of_it(catalog: Catalog) -> None:
    names = ("../evil.yaml", "a/../../evil.yaml", "/evil.yaml", "a\\..\\evil.yaml", "C:evil.yaml", "NUL.yaml")
    inbox = BucketInbox(Objects(*names), "s3://night", scratch=catalog.scratch)
    assert [bool(offered.fault) for offered in inbox.manifests()] == [True] * len(names)


@pytest.mark.parametrize("name", ["../evil.yaml", "/etc/hostname", "a/../../evil.yaml"])
def test_a_manifest_of_a_folder_is_no_path_outside_of_it(name, tmp_path: Path) -> None:
    (tmp_path / "evil.yaml").touch()
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    with pytest.raises(InputError, match="no path of the inbox"), FolderInbox(inbox).opened(name):
        pass


@pytest.mark.parametrize("name", ["../evil.pt", "/tmp/songline-evil.pt", "a/../../../evil.pt"])
def test_a_file_of_a_model_lies_in_its_folder(name, tmp_path: Path) -> None:
    bench = InstallSession(ModelStore(tmp_path / "models"), "mine")
    with pytest.raises(RefusedError):
        bench.place(name)
