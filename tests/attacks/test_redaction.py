"""What the attacker reads: messages, logs and records, in the hope of a password or a signature in an address."""

from __future__ import annotations

import json
import logging
import traceback
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import given, settings, strategies
from sqlalchemy.exc import DBAPIError

from catalog.catalog import Catalog
from catalog.common.errors import MachineError, ManifestError, error_document
from catalog.common.redaction import redacted, shareable
from catalog.common.settings import SQLITE_FILE
from catalog.models.download import Downloader, Patience
from catalog.models.pull import add, pull
from catalog.models.store import RECORD, ModelStore
from catalog.models.table import read_table
from db.read_only import reading_engine
from flows.inbox.report import shown
from tests.support.commands import songline
from tests.support.models import AT, relaxed_table
from tests.support.services.hub_server import Hub, serving

SECRETS = ("geheim", "sigsig", "toktok", "keykey", "fragfrag")
APACHE = read_table().licences["Apache-2.0"]
QUICK = Patience(tries=0, base_s=0.01, timeout_s=2.0)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(tmp_path / "models", relaxed_table(tmp_path / "table.toml"))


@pytest.mark.parametrize(
    "text",
    [
        "https://ada:geheim@example.org/model.pt?X-Amz-Signature=sigsig&X-Amz-Credential=keykey#fragfrag",
        "https://geheim@example.org/x",
        "postgresql+psycopg://songline:geheim@db.example.org:5432/songline?sslpassword=keykey",
        "postgresql://songline:ge/heim?geheim#x@geheim@db/songline",
        "could not connect: 'https://ada:geheim@example.org:8443/a b'",
        'missing "=" after "postgresql//ada:geheim@db/x" in connection info string',
        "host=db user=ada password=geheim dbname=x",
        "password='geheim' token=\"toktok\" SONGLINE_S3_SECRET_KEY=keykey",
        "GET https://example.org/x?sig=sigsig: 403",
        "HTTPS://ADA:geheim@EXAMPLE.ORG/x?TOKEN=toktok",
        "https://hooks.slack.com/services/T000/B000/toktok is away",
        "https://discord.com/api/webhooks/1/toktok",
        "https://api.telegram.org/bottoktok/sendMessage",
        "slack://toktok/keykey/sigsig/#general",
        "Authorization: Bearer toktoktoktok",
        "HF_TOKEN=hf_toktoktoktoktoktoktok",
        "socks5h://ada:geheim@proxy:1080",
        "https://ada:geheim",
        "(https://example.org/a?token=toktok), https://b:geheim@c/d!",
        '{"password": "geheim", "x": 1}',
        "{'password': 'geheim', 'token': b'toktok'}",
        '{"body": "{\\"password\\": \\"geheim\\"}"}',
        "token: toktok",
        "x-api-key: keykey",
        "Authorization: Basic dTpw:geheim",
        "{'Authorization': 'Basic geheim'}",
        "proxy-authorization: geheim",
        "sent Basic YWRhOmdlaGVpbQ== to it".replace("YWRhOmdlaGVpbQ==", "Z2VoZWltOnBhc3M="),
        "https%3A%2F%2Fada%3Ageheim%40example.org%2Fx",
        "https://proxy/?a",
        "see https%253A%252F%252Fada%253Ageheim%2540example.org",
        "GET https://example.org/x?sig=a|b&tok=toktok: 403",
        "GET https://example.org/x?sig=a<b&tok=toktok",
        'GET https://example.org/x?sig=a"b&tok=toktok',
        "GET https://example.org/x?sig=a b&tok=toktok",
        "'https://example.org/x?sig=a b toktok' is away",
        "ada:ge@heim:geheim@example.org is away",
        "/x?sig=sigsig&signature=sigsig",
    ],
)
def test_an_address_in_any_text_tells_no_secret(text: str) -> None:
    clean = redacted(text)
    assert not any(secret in clean for secret in SECRETS), clean
    assert redacted(clean) == clean
    for error in (MachineError(text, remedy=text, address=text), ManifestError([text])):
        told = json.dumps([str(error), error_document(error), repr(error), list(getattr(error, "faults", []))])
        assert not any(secret in told for secret in SECRETS), told


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/ASLP-lab/DiffRhythm-1_2/resolve/main/cfm_model.pt",
        "http://127.0.0.1:9000/a@b",
        "sqlite:////home/ada/a?b#c/catalog.sqlite3",
        "s3://bucket/prefix",
        "Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        "ada@example.org says: 12:30",
        "gates: clipping_runs = 3",
        "http://HOST:PORT/metrics",
        "http://[::1]:4200/api",
        "the key signature = 4/4, time signature: 3/4, key_signature=Am",
        "Basic training12345 of drums",
        "Basic drum patterns",
        "the standard bearer marches on",
        "Secret: love",
        "SONGLINE_S3_SECRET_KEY: this is not a valid value",
        "tokens: 512, token_count=12",
        "100%3A 50%2F50",
        "https%3A%2F%2Fexample.org%2Fx",
        "(see https://example.org/x), 'https://example.org/y' and \"https://example.org/z\".",
        "album.yaml:3: songs[0].lyrics: 'Basic needs: bread | wine' is too long.",
        "12:30 - Ada & Ben: a song = a day",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redacted(text) == text


PLAIN = "".join(map(chr, range(33, 127)))


@settings(max_examples=60, deadline=None)
@given(password=strategies.text(PLAIN, min_size=1, max_size=20), way=strategies.sampled_from(range(6)))
def test_whatever_a_password_is_made_of_it_is_not_told(password: str, way: int) -> None:
    secret = f"geheim{password}toktok"
    quoted = quote(secret, safe="")
    text = (
        f"before https://ada:{quoted}@example.org/x after",
        f"before https://example.org/x?a={secret} after",
        json.dumps({"password": secret, "after": 1}),
        f"before {{'api_key': {secret!r}}} after",
        f"before {quote(f'https://ada:{quoted}@example.org/x', safe='')} after",
        f"before 'https://example.org/x?a={secret.replace(chr(39), '')}' after",
    )[way]
    clean = redacted(text)
    assert "geheim" not in clean
    assert "toktok" not in clean
    assert "after" in clean
    assert redacted(clean) == clean


WORDS = """Basic bearer key signature time = : | < / , . ( ) 4/4 120 A minor song the drums love of""".split()  # noqa: SIM905


@settings(max_examples=60, deadline=None)
@given(words=strategies.lists(strategies.sampled_from(WORDS), max_size=12))
def test_words_of_music_stay_as_they_are(words: list[str]) -> None:
    text = " ".join(words)
    assert redacted(text) == text


def test_an_address_that_is_given_away_still_opens_and_holds_no_login() -> None:
    assert shareable("https://ada:geheim@example.org:8443/albums?x=sigsig#y") == "https://example.org:8443/albums"


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_a_hubs_refusal_does_not_repeat_the_password_of_its_address(store: ModelStore, status: int) -> None:
    with serving(Hub()) as hub:
        hub.statuses["vae_model.pt"] = [status] * 9
        address = hub.url.replace("http://", "http://ada:geheim@")
        with Downloader(address, QUICK) as fetcher, pytest.raises(MachineError) as caught:
            pull(store, "diffrhythm-vae", fetcher, at=AT, accept=True)
    assert "geheim" not in str(caught.value)
    assert "vae_model.pt" in str(caught.value)


def test_the_address_of_ones_own_model_is_neither_recorded_nor_told_with_its_signature(store: ModelStore) -> None:
    with serving(Hub({"mine.pt": bytes(range(256))})) as hub:
        signed = hub.url.replace("http://", "http://ada:geheim@") + "/mine.pt?X-Amz-Signature=sigsig#fragfrag"
        hub.files["mine.pt?X-Amz-Signature=sigsig"] = hub.files["mine.pt"]
        with Downloader(patience=QUICK) as fetcher:
            add(store, "mine", signed, like="diffrhythm-1.2-base", licence=APACHE, at=AT, downloader=fetcher)
        kept = (store.home("mine") / RECORD).read_text()
        hub.files.clear()
        with Downloader(patience=QUICK) as fetcher, pytest.raises(MachineError) as caught:
            add(store, "other", signed, like="diffrhythm-1.2-base", licence=APACHE, at=AT, downloader=fetcher)
    assert "mine.pt" in kept
    for told in (kept, str(caught.value), repr(caught.value)):
        assert not any(secret in told for secret in SECRETS), told


def test_the_command_tells_no_secret_either(tmp_path: Path) -> None:
    url = "http://ada:geheim@127.0.0.1:9/x.pt?sig=sigsig"
    arguments = ("models", "add", "mine", url, "--like", "diffrhythm-1.2-base", "--licence", "MIT")
    done = songline(*arguments, "--json", home=tmp_path, SONGLINE_HUB_URL="ftp://ada:geheim@hub")
    assert done.returncode == 2
    assert "geheim" not in done.stdout + done.stderr
    done = songline(
        "status", "x", home=tmp_path, SONGLINE_DATABASE_URL="postgresql//ada:geheim@db/x?sslpassword=keykey"
    )
    assert done.returncode == 4
    assert not any(secret in done.stdout + done.stderr for secret in SECRETS), done.stderr


def test_prefects_log_and_the_inboxs_report_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    import_module("prefect")  # from then on its records are cleaned
    logger = logging.getLogger("prefect.worker")
    before, logger.propagate = logger.propagate, True
    prefect = logging.getLogger("prefect")
    also, prefect.propagate = prefect.propagate, True
    try:
        raise ValueError("https://ada:geheim@hub/x?sig=sigsig\x1b]52;c;aGk=\x07")
    except ValueError:
        logger.exception("broke off at %s", "https://ada:geheim@hub/x?sig=sigsig")
    finally:
        logger.propagate, prefect.propagate = before, also
    assert "broke off at https://***@hub/x?***" in caplog.text
    assert not any(secret in caplog.text for secret in SECRETS), caplog.text
    assert "\x1b" not in caplog.text
    assert "geheim" not in shown("https://ada:geheim@hub/x")


def test_an_error_of_the_catalog_repeats_no_lyrics(catalog: Catalog) -> None:
    """Its traceback stands in the report that SONGLINE_DEBUG prints and that people send."""
    asked, given_words = sa.text("SELECT * FROM nothing WHERE words = :words"), {"words": "unreleased"}
    for engine in (catalog.database.engine, reading_engine(catalog.settings.home / SQLITE_FILE)):
        with engine.connect() as connection, pytest.raises(DBAPIError) as caught:
            connection.execute(asked, given_words)
        engine.dispose()
        assert "unreleased" not in "".join(traceback.format_exception(caught.value))
