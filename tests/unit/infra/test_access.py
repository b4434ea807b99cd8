"""Who may do what in database and store, on real servers."""

from __future__ import annotations

import io
import secrets
from pathlib import Path

import psycopg
import pytest
from minio import Minio
from minio.error import S3Error

from catalog.common.errors import MachineError
from catalog.common.settings import Settings
from db.errors import DatabaseUnusable
from db.server_check import inspect_server
from db.session import SCHEMA_REVISION, open_database
from flows.cli.admin import doctor_services
from infra.access.bucket import Account, make_bucket_user, policy
from infra.access.database import make_databases
from tests.support.services.postgres_server import postgres_server


@pytest.fixture(scope="module")
def server():
    with postgres_server() as running:
        yield running


def url_of(server, password, *, role="songline", database="songline"):
    return f"postgresql://{role}:{password}@127.0.0.1:{server.port}/{database}"


@pytest.mark.slow
def test_databases_roles_and_tables_are_made_and_made_again(server) -> None:
    # A stack from before there was an owner: workers own everything.
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("CREATE ROLE songline LOGIN PASSWORD 'old'")
        admin.execute("CREATE DATABASE songline OWNER songline")
    open_database(url_of(server, "old")).close()
    with psycopg.connect(url_of(server, "old")) as worker:
        worker.execute("INSERT INTO artifact (digest, size, media_type, created_at) VALUES ('d', 1, 'x', 0)")
    for _ in range(2):
        make_databases(server.url(), catalog_password="new", prefect_password="theirs")
    with psycopg.connect(url_of(server, "new"), autocommit=True) as worker:
        assert worker.execute("SELECT count(*) FROM artifact").fetchone() == (1,)
        assert worker.execute("DELETE FROM artifact").statusmessage == "DELETE 1"
        worker.execute("SELECT setval(pg_get_serial_sequence('decision', 'id'), 7)")  # as a restored backup does
        for refused in ("DROP TABLE artifact", "CREATE TABLE mine (a int)", "DELETE FROM alembic_version"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                worker.execute(refused)
    found = inspect_server(url_of(server, "new"), patience_s=5.0)
    assert (found.revision, found.may_write) == (SCHEMA_REVISION, True)
    open_database(url_of(server, "new")).close()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url_of(server, "", role="songline_owner"))
    for role, password, database in (("songline", "new", "prefect"), ("prefect", "theirs", "songline")):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(url_of(server, password, role=role, database=database))
    with psycopg.connect(url_of(server, "theirs", role="prefect", database="prefect")) as own:
        own.execute("CREATE TABLE theirs (a int)")


@pytest.mark.slow
def test_workers_are_sent_to_the_owner_of_an_older_schema(server) -> None:
    make_databases(server.url(), catalog_password="new", prefect_password="theirs")
    worker = url_of(server, "new")
    with psycopg.connect(url_of(server, server.password, role="postgres"), autocommit=True) as admin:
        admin.execute("UPDATE alembic_version SET version_num = '0005'")
        try:
            with pytest.raises(DatabaseUnusable, match=f"schema 0005 and must be brought to {SCHEMA_REVISION}") as told:
                open_database(worker)
            (check,) = doctor_services.database(Settings(database_url=worker))
        finally:
            admin.execute(f"UPDATE alembic_version SET version_num = '{SCHEMA_REVISION}'")
    assert "python -m infra.access" in told.value.remedy
    assert (check.verdict, check.remedy) == ("missing", told.value.remedy)
    assert f"schema 0005 must be brought to {SCHEMA_REVISION}, which only its owner may do" in check.found
    (check,) = doctor_services.database(Settings(database_url=worker))
    assert check.verdict == "ok"


@pytest.mark.slow
def test_a_wrong_administrator_is_told_without_the_password(server) -> None:
    with pytest.raises(MachineError, match="administrator's password") as told:
        make_databases(
            server.url().replace(server.password, "guessed"), catalog_password="a-secret", prefect_password="b"
        )
    assert "guessed" not in str(told.value)
    assert "a-secret" not in str(told.value)


def test_a_policy_reaches_below_its_prefixes_only() -> None:
    buckets, objects = policy(["s3://songs/line", "s3://songs/inbox/", "s3://night"])["Statement"]
    assert buckets["Resource"] == ["arn:aws:s3:::songs", "arn:aws:s3:::night"]
    below = ["arn:aws:s3:::songs/line/*", "arn:aws:s3:::songs/inbox/*", "arn:aws:s3:::night/*"]
    assert objects["Resource"] == below
    assert not any("*" in action or "Policy" in action for each in (buckets, objects) for action in each["Action"])


def test_the_stores_user_works_in_its_places_and_the_line_with_it(minio, tmp_path: Path) -> None:
    bucket = f"songs-{secrets.token_hex(4)}"
    root, user = Account(minio.access_key, minio.secret_key), Account(secrets.token_hex(20), secrets.token_hex(20))
    for _ in range(2):
        make_bucket_user(minio.endpoint, root=root, user=user, locations=[f"s3://{bucket}/line", "s3://the-inbox"])
    client = Minio(
        minio.endpoint.removeprefix("http://"), access_key=user.name, secret_key=user.secret, secure=False, region="x"
    )
    client.put_object("the-inbox", "album.yaml", io.BytesIO(b"x"), 1)
    with pytest.raises(S3Error, match="AccessDenied"):
        client.put_object(bucket, "elsewhere", io.BytesIO(b"x"), 1)
    told = minio.variables(bucket) | {"s3_access_key": user.name, "s3_secret_key": user.secret}
    settings = Settings(home=tmp_path).model_copy(update=Settings(**told).model_dump(include=set(told)))
    from catalog.store.factory import store_of

    store = store_of(settings)
    digest = store.put_bytes(b"some bytes").digest
    assert store.put_bytes(b"some bytes").digest == digest  # known bytes are dated anew
    big = tmp_path / "big"
    big.write_bytes(secrets.token_bytes(17 << 20))
    large = store.put(big).digest  # in parts
    assert {each.digest for each in store.listing()} == {digest, large}
    assert store.verify(digest)
    assert store.verify(large)
    assert store.presign(digest, 60).startswith(minio.endpoint)
    assert store.sweep_unfinished(0.0) == 0
    store.delete(digest)
    assert store.stat(digest) is None


def test_a_wrong_root_is_told_without_a_secret(minio) -> None:
    with pytest.raises(MachineError, match="MINIO_ROOT_PASSWORD") as told:
        make_bucket_user(
            minio.endpoint,
            root=Account(minio.access_key, "guessed"),
            user=Account("worker-1", "s" * 20),
            locations=["s3://x-y-z"],
        )
    assert "guessed" not in str(told.value)
