"""The message to people about an album, through a block of a real Prefect server to a webhook of the test's own."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

SECRET = "hidden-in-the-address"


class Webhook(BaseHTTPRequestHandler):
    """Keeps what it is sent; refuses at ``/refuse``."""

    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append(sent)  # type: ignore[attr-defined]
        self.send_response(403 if self.path.startswith("/refuse") else 200)
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def webhook():
    server = HTTPServer(("127.0.0.1", 0), Webhook)
    server.heard = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def block(prefect_server, webhook):
    """Saves a webhook block of a name; gives the setting that names it."""
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    def save(name, path="/"):
        address = f"http://127.0.0.1:{webhook.server_port}{path}?token={SECRET}"
        made = CustomWebhookNotificationBlock(
            name=name, url=address, json_data={"title": "{{subject}}", "text": "{{body}}"}, allow_private_urls=True
        )
        made.save(name, overwrite=True, _sync=True)  # type: ignore[call-arg]
        return f"custom-webhook/{name}"

    with prefect_server.here():
        yield save


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.told = []

    def emit(self, record):
        self.told.append(record.getMessage())


@pytest.fixture
def warned():
    """Notifies, and gives what was logged meanwhile."""
    from flows.server.notifications import notify

    def run(settings, setting):
        kept, logger = Kept(), logging.getLogger("prefect.songline")
        logger.addHandler(kept)
        chosen = settings.model_copy(update={"notify": setting})
        asyncio.run(notify(chosen, subject="Night Bus is finished", body="12 songs"))
        logger.removeHandler(kept)
        return kept.told

    return run


def test_a_block_gets_one_message(settings, block, warned, webhook) -> None:
    assert warned(settings, block("studio")) == []
    assert webhook.heard == [{"title": "Night Bus is finished", "text": "12 songs"}]


def test_nobody_is_told_where_nobody_is_named(settings, warned) -> None:
    assert warned(settings, "") == []


def test_a_refusal_is_logged_without_the_address(settings, block, warned, webhook) -> None:
    (told,) = warned(settings, block("deaf", "/refuse"))
    assert told == "nobody was notified through the block custom-webhook/deaf: HTTPStatusError"
    assert len(webhook.heard) == 1


def test_a_block_that_is_missing_is_logged(settings, block, warned) -> None:
    (told,) = warned(settings, "slack-webhook/nowhere")
    assert told.startswith("nobody was notified through the block slack-webhook/nowhere: ")


def test_what_is_wrong_with_the_block_is_told_beforehand(settings, block) -> None:
    from prefect.blocks.system import Secret

    from flows.server.client import server_client
    from flows.server.notifications import missing_block

    Secret(value="x").save("nothing-to-say", overwrite=True, _sync=True)  # type: ignore[call-arg]
    with server_client() as client:

        def told(setting):
            lack = missing_block(client, settings.model_copy(update={"notify": setting}))
            return lack and lack.what

        assert told("") is None
        assert told(block("studio")) is None
        assert told("slack-webhook/nowhere") == "the Prefect server has no block slack-webhook/nowhere"
        assert told("secret/nothing-to-say") == "the block secret/nothing-to-say sends no notifications"
