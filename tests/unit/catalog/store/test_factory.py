from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.common.errors import InputError, StoreError
from catalog.common.settings import Settings, load_settings
from catalog.store.factory import store_of
from catalog.store.local import FolderStore
from catalog.store.s3 import S3Store

BUCKET = {
    "SONGLINE_STORE_URL": "s3://songs/night/bus",
    "SONGLINE_S3_ENDPOINT": "http://127.0.0.1:1",
    "SONGLINE_S3_ACCESS_KEY": "the-access-key",
    "SONGLINE_S3_SECRET_KEY": "the-secret-key",
}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def set_all(**changes):
        for name, value in ({"SONGLINE_HOME": str(tmp_path)} | BUCKET | changes).items():
            monkeypatch.setenv(name, value)
        return load_settings()

    return set_all


def test_a_folder_is_the_default(tmp_path: Path) -> None:
    assert isinstance(store_of(Settings(home=tmp_path)), FolderStore)


def test_a_bucket_is_chosen_by_its_url_and_a_house_opens_without_reaching_it(bucket) -> None:
    with open_catalog(bucket()) as catalog:
        assert isinstance(catalog.store, S3Store)


def test_missing_credentials_are_told(bucket) -> None:
    with pytest.raises(StoreError, match="Set SONGLINE_S3_ACCESS_KEY and SONGLINE_S3_SECRET_KEY"):
        store_of(bucket(SONGLINE_S3_SECRET_KEY=""))


def test_a_client_that_is_not_installed_is_told(bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = bucket()
    for name in ("catalog.store.s3", "catalog.store.s3_client"):
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "minio", None)
    with pytest.raises(StoreError, match=r"pip install 'songline\[s3\]'"):
        store_of(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SONGLINE_STORE_URL", "s3://the-access-key:the-secret-key@songs"),
        ("SONGLINE_STORE_URL", "http://songs"),
        ("SONGLINE_STORE_URL", "s3://songs/../other?secret=the-secret-key"),
        ("SONGLINE_STORE_URL", "s3://songs/.."),
        ("SONGLINE_STORE_URL", "s3://S"),
        ("SONGLINE_S3_ENDPOINT", "http://the-access-key:the-secret-key@127.0.0.1"),
        ("SONGLINE_S3_ENDPOINT", "127.0.0.1:9000"),
    ],
)
def test_what_is_wrong_is_told_without_repeating_it(bucket, name, value) -> None:
    with pytest.raises(InputError, match=name) as caught:
        bucket(**{name: value})
    said = f"{caught.value!s} {caught.value!r} {caught.value.__cause__!s} {caught.value.__cause__!r}"
    assert "the-secret-key" not in said


def test_settings_never_show_the_credentials(bucket) -> None:
    settings = bucket()
    shown = f"{settings!r} {settings!s} {settings.model_dump()} {json.dumps(settings.model_dump(mode='json'))}"
    assert "the-secret-key" not in shown
    assert "the-access-key" not in shown
    assert settings.s3_secret_key.get_secret_value() == "the-secret-key"


@pytest.mark.slow
def test_only_who_uses_a_bucket_pays_for_its_client() -> None:
    script = "import sys, catalog.catalog; sys.exit('minio' in sys.modules or 'urllib3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
