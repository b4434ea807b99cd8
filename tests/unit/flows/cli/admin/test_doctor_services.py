"""What `songline doctor` says of services that are well, wrong, silent or not there; real ones, looked at only."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from db.session import SCHEMA_REVISION, open_database
from flows.cli.admin.doctor_services import database, prefect, store
from tests.support.services.faulty_gateway import faulty_gateway
from tests.support.services.processes import free_port

LONGEST_S = 30.0
"""For six looks on a busy machine; by the settings' own patience they would take minutes."""


@pytest.fixture
def look(settings):
    """Looks at one kind of service under changed settings; gives the checks by their names."""

    def looked(service, **changes):
        return {check.name: check for check in service(settings.model_copy(update=changes))}

    return looked


@contextmanager
def silent_port():
    """A port where connections are taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def in_bucket(service, name="well", **changes):
    return service.variables(name) | changes


def test_nothing_is_said_of_services_that_are_not_set(look, prefect_server) -> None:
    assert look(database) == look(store) == {}
    with prefect_server.here(url=None):
        assert look(prefect) == {}


def test_a_catalog_on_a_server_is_looked_at_and_left_as_it_is(look, postgres) -> None:
    url = postgres.new_database()
    check = look(database, database_url=url)["PostgreSQL"]
    assert (check.verdict, "no catalog yet" in check.found) == ("note", True)
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    assert sa.inspect(engine).get_table_names() == []

    open_database(url).close()
    check = look(database, database_url=url)["PostgreSQL"]
    assert check.verdict == "ok"
    assert re.fullmatch(
        rf"\d+\.\d+ at 127.0.0.1:{postgres.port}/songline_\d+, answers in \d+ ms; schema {SCHEMA_REVISION}, writable",
        check.found,
    )

    def stands_at(revision):
        with engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE alembic_version SET version_num = '{revision}'"))
        return look(database, database_url=url)["PostgreSQL"]

    older, newer = stands_at("0001"), stands_at("9999")
    assert (older.verdict, "schema 0001" in older.found) == ("note", True)
    assert (newer.verdict, newer.remedy) == ("missing", "Upgrade Songline")


def test_a_user_who_may_not_write_is_told(look, postgres) -> None:
    url = postgres.new_catalog()
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP ROLE IF EXISTS reader"))
        connection.execute(sa.text("CREATE ROLE reader LOGIN PASSWORD 'readerpw'"))
        connection.execute(sa.text("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader"))
    reader = re.sub("//.*@", "//reader:readerpw@", url)
    check = look(database, database_url=reader)["PostgreSQL"]
    assert (check.verdict, "may not write" in check.found) == ("missing", True)
    assert "readerpw" not in f"{check.found}{check.remedy}"


def test_a_wrong_password_of_the_database_is_told_without_it(look, postgres) -> None:
    check = look(database, database_url=postgres.url().replace(postgres.password, "wrongpw"))["PostgreSQL"]
    assert (check.verdict, "password authentication failed" in check.found) == ("missing", True)
    assert "wrongpw" not in f"{check.found}{check.remedy}"


def test_a_store_is_written_read_and_left_empty(look, moto) -> None:
    check = look(store, **in_bucket(moto))["store"]
    assert check.verdict == "ok"
    assert re.fullmatch(rf"s3://well/line at {moto.endpoint}; written, read and removed in \d+ ms", check.found)
    assert list(moto.client().list_objects("well", recursive=True)) == []


def test_wrong_credentials_of_the_store_are_told_without_them(look, minio) -> None:
    check = look(store, **in_bucket(minio, s3_secret_key=SecretStr("wrongsecret")))["store"]
    assert check.verdict == "missing"
    assert check.found.endswith("refuses the secret key")
    assert "SONGLINE_S3_SECRET_KEY" in check.remedy
    assert "wrongsecret" not in f"{check.found}{check.remedy}"


def test_a_store_that_may_not_be_emptied_is_told(look, moto) -> None:
    refused = (403, "AccessDenied")
    with faulty_gateway(moto.endpoint, lambda method, path: refused if method == "DELETE" else "") as gateway:
        check = look(store, **in_bucket(moto, s3_endpoint=gateway.endpoint))["store"]
    assert (check.verdict, "does not allow this" in check.found) == ("missing", True)


def test_a_clock_that_is_wrong_is_told(look, moto, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    monkeypatch.setattr("flows.cli.admin.doctor_services.time.time", lambda: now() + 120)
    check = look(store, **in_bucket(moto, name="late"))["store"]
    assert check.verdict == "note"
    assert re.search(r"its clock and ours are 1[12]\d s apart", check.found)


def test_services_that_are_silent_or_gone_are_given_up_soon(look, moto, prefect_server) -> None:
    with silent_port() as silent, ThreadPoolExecutor() as threads:
        began = time.monotonic()
        for port in (free_port(), silent):
            catalog = threads.submit(look, database, database_url=f"postgresql://a:b@127.0.0.1:{port}/c")
            bucket = threads.submit(look, store, **in_bucket(moto, s3_endpoint=f"http://127.0.0.1:{port}"))
            with prefect_server.here(url=f"http://127.0.0.1:{port}/api"):
                found = look(prefect) | catalog.result() | bucket.result()
            assert [check.verdict for check in found.values()] == ["missing"] * 3
            assert "cannot be reached" in found["Prefect server"].found
    assert time.monotonic() - began < LONGEST_S


def test_a_prefect_server_is_looked_at_with_what_is_on_it(look, prefect_server, settings) -> None:
    from flows.server.client import server_client
    from flows.server.deploy import deploy
    from flows.server.deployment_file import default_deployment_file, read_deployment_file

    with prefect_server.here(), server_client() as client:
        for pool in ("gpu", "cpu"):
            if pool in {each.name for each in client.read_work_pools()}:
                client.delete_work_pool(pool)
        found = look(prefect)
        assert found["Prefect server"].verdict == "ok"
        assert (found["work pool gpu"].found, found["work pool gpu"].remedy) == ("not there", "Run `songline deploy`")

        deploy(client, read_deployment_file(default_deployment_file()), settings)
        client.send_worker_heartbeat("cpu", "worker-cpu", heartbeat_interval_seconds=30)
        found = look(prefect, notify="slack-webhook/nowhere")
        assert found["deployments"].found == "all 6 there"
        assert found["work pool cpu"].found == "1 worker online"
        assert found["work pool gpu"].found == "no worker is online, of 0 known"
        assert (found["notifications"].verdict, "no block" in found["notifications"].found) == ("note", True)

    with prefect_server.here(auth="songline:wrongpw"):
        (check,) = look(prefect).values()
    assert (check.verdict, check.remedy) == ("missing", "Set PREFECT_API_AUTH_STRING as the server has it")


def test_the_command_shows_the_services_and_no_secret(
    prefect_server, moto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from flows.cli.admin import doctor

    secret = {"SONGLINE_S3_ACCESS_KEY": "anaccesskey", "SONGLINE_S3_SECRET_KEY": "asecretkey"}
    bucket = {"SONGLINE_STORE_URL": "s3://shown", "SONGLINE_S3_ENDPOINT": moto.endpoint, **secret}
    for name, value in {"SONGLINE_HOME": str(tmp_path), **bucket}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(doctor, "CHECKS", ())
    with prefect_server.here(), contextlib.suppress(SystemExit):
        doctor.doctor(precision=False, as_json=True)
    said = capsys.readouterr().out
    checks = {check["name"]: check["verdict"] for check in json.loads(said)["checks"]}
    assert checks["store"] == checks["Prefect server"] == "ok"
    assert not any(word in said for word in (*secret.values(), prefect_server.auth))


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SONGLINE_STORE_URL", "s3://Big_Bucket", "this is not a valid value: Artifact store, s3://BUCKET or"),
        ("SONGLINE_NOTIFY", "slack", "this is not a valid value: Notification block that is sent finished"),
        ("SONGLINE_INBOX", "ftp://somewhere", "write a folder's path, s3://BUCKET or s3://BUCKET/PREFIX"),
        ("SONGLINE_RUN_HISTORY_DAYS", "0", "Input should be greater than 0"),
    ],
)
def test_a_wrong_setting_is_told_in_words(monkeypatch: pytest.MonkeyPatch, variable, value, told) -> None:
    from catalog.common.errors import InputError
    from catalog.common.settings import load_settings

    monkeypatch.setenv(variable, value)
    with pytest.raises(InputError, match=f"^{variable}: {re.escape(told)}") as caught:
        load_settings()
    assert caught.value.remedy == f"Correct {variable} in the environment, or unset it"
