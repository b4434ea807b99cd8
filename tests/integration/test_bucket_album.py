"""An album whose bytes lie in a bucket, through to its release; and what the commands say of them."""

from __future__ import annotations

import json
import urllib.request
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pytest

from catalog.catalog import open_catalog
from catalog.ledger.results import artifact_digests
from catalog.plan.plan import set_current_release
from catalog.release.queries import release_by_key
from catalog.store.base import object_name
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.delivery.package.export import write_release
from tests.support.albums import album_document, write_album
from tests.support.commands import files_of, songline
from tests.support.inline_executor import produce


@pytest.fixture
def variables(moto):
    """What sets the bucket for a command."""
    return {
        "SONGLINE_STORE_URL": f"s3://{moto.bucket().name}/line",
        "SONGLINE_S3_ENDPOINT": moto.endpoint,
        "SONGLINE_S3_ACCESS_KEY": moto.access_key,
        "SONGLINE_S3_SECRET_KEY": moto.secret_key,
    }


def test_an_album_in_a_bucket_goes_to_its_release_on_any_machine(moto, tmp_path: Path, variables) -> None:
    bucket = variables["SONGLINE_STORE_URL"].split("/")[2]
    home = tmp_path / "home"
    settings = moto.settings(home, bucket)
    document = album_document(songs=album_document()["songs"][:1], stems="native")
    with open_catalog(settings) as catalog:
        planned = declare_album(catalog, read_album(write_album(tmp_path / "album", document), settings))
        produced, executor = produce(catalog, planned)
        assert produced.failures == {}
        assert len(executor.rendered) == 2
        written = write_release(catalog, release_by_key(catalog.database, produced.release_key), tmp_path / "out")
        kept = {digest for digest, _ in artifact_digests(catalog.database)}
        assert {each.digest for each in catalog.store.listing()} == kept
    assert not (home / "store").exists()

    checked = songline("verify", "--json", home=home, **variables)
    assert checked.returncode == 0, checked.stderr
    told = json.loads(checked.stdout)
    assert (told["checked"], told["missing"], told["corrupt"]) == (len(kept), [], [])

    shared = {"database_url": f"sqlite:///{settings.catalog_place}"}
    elsewhere = moto.settings(tmp_path / "elsewhere", bucket).model_copy(update=shared)
    with open_catalog(elsewhere) as catalog:
        there = write_release(catalog, release_by_key(catalog.database, produced.release_key), tmp_path / "there")
    assert files_of(there.folder) == files_of(written.folder)

    with open_catalog(settings) as catalog:
        set_current_release(catalog.database, "small", produced.release_key)
    links = songline("link", "small", "--hours", "0.5", "--json", home=home, **variables)
    assert links.returncode == 0, links.stderr
    ((path, address),) = json.loads(links.stdout)["links"].items()
    with urllib.request.urlopen(address) as response:
        assert response.read() == (written.folder / path).read_bytes()
        assert quote(path.rpartition("/")[2]) in response.headers["Content-Disposition"]
    assert moto.secret_key not in links.stdout
    unknown = songline("link", "small", "--files", "ogg/*", home=home, **variables)
    assert unknown.returncode == 2
    assert "mp3_320" in unknown.stderr

    damaged = min(kept)
    moto.client().put_object(bucket, f"line/{object_name(damaged)}", BytesIO(b"noise"), 5)
    found = songline("verify", "--json", home=home, **variables)
    assert found.returncode == 1
    assert json.loads(found.stdout)["corrupt"] == [damaged]
    for done in (checked, found):
        assert moto.secret_key not in done.stdout + done.stderr


def test_a_bucket_that_cannot_be_reached_is_told_and_the_exit_code_says_environment(tmp_path: Path, variables) -> None:
    away = variables | {"SONGLINE_S3_ENDPOINT": "http://127.0.0.1:1", "SONGLINE_S3_PATIENCE_S": "0.3"}
    told = songline("gc", "--json", home=tmp_path / "home", **away)
    assert told.returncode == 4
    document = json.loads(told.stderr)
    assert document["kind"] == "store"
    assert "cannot be reached" in document["error"]
    assert "SONGLINE_S3_ENDPOINT" in document["remedy"]
    assert variables["SONGLINE_S3_SECRET_KEY"] not in told.stdout + told.stderr
