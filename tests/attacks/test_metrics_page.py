"""A web page tries to read the line's figures from a monitor's page on this machine."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing

import pytest

from catalog.catalog import Catalog
from catalog.monitoring.poller import MetricsPoller
from flows.server.metrics import metrics_server

ASK = """async address => {
    try { return (await fetch(address)).status; } catch (error) { return 0; }
}"""


@pytest.fixture
def figures(catalog: Catalog, settings):
    """The port of the page while it is served."""
    with (
        closing(MetricsPoller(settings)) as watch,
        metrics_server(watch, host="127.0.0.1", port=0) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def status(port: int, host: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    with closing(connection):
        connection.request("GET", "/metrics", headers={"Host": host})
        return connection.getresponse().status


def test_a_page_whose_name_was_turned_to_this_machine_reads_no_figures(foreign_page, figures) -> None:
    page_at = f"http://rebound.test:{figures}/"
    foreign_page.route(page_at, lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
    foreign_page.goto(page_at)
    assert foreign_page.evaluate(ASK, f"{page_at}metrics") == 421
    assert foreign_page.evaluate(ASK, f"http://127.0.0.1:{figures}/metrics") == 0


def test_a_monitor_on_this_machine_still_reads_them(figures) -> None:
    for host in (f"127.0.0.1:{figures}", f"localhost:{figures}", "localhost", f"[::1]:{figures}"):
        assert status(figures, host) == 200
    for host in ("", "rebound.test", f"127.0.0.1.rebound.test:{figures}", "127.0.0.2", "localhost.:1"):
        assert status(figures, host) == 421
