"""The metrics of the pipeline in Prometheus' format, and the small server that serves them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from ipaddress import ip_address

from prometheus_client import CollectorRegistry, MetricsHandler, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from catalog.common.errors import MachineError
from catalog.monitoring.figures import Counts
from catalog.monitoring.poller import MetricsPoller, MetricsSnapshot

PATH = "/metrics"
SLOWEST_REQUEST_S = 10.0
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})

GAUGES: tuple[tuple[str, str, tuple[str, ...], Callable[[MetricsSnapshot], Counts]], ...] = (
    ("albums", "Submitted albums.", ("state", "priority"), lambda s: s.line.albums),
    ("candidates", "Candidates of active albums.", ("priority", "state"), lambda s: s.line.candidates),
    ("queue_depth", "Renders of active albums that wait for a GPU.", ("priority",), lambda s: s.line.queue),
    ("renders", "Renders of all albums.", ("state",), lambda s: s.line.renders),
    ("steps", "Steps after rendering that are not done.", ("kind", "state"), lambda s: s.line.steps),
    ("steps_done", "Steps after rendering that are done.", ("kind",), lambda s: s.stored.steps_done),
    ("leases", "Leases on work, and those that ran out.", ("work", "state"), lambda s: s.line.leases),
    ("failed_work", "Work that failed for good and waits for a retry.", ("kind", "error"), lambda s: s.line.failed),
    ("artifacts", "Artifacts in the store, by the catalog.", ("media_type",), lambda s: s.stored.artifacts),
    ("stored_bytes", "Bytes in the store, by the catalog.", ("media_type",), lambda s: s.stored.stored_bytes),
)
COUNTERS: tuple[tuple[str, str, tuple[str, ...], Callable[[MetricsSnapshot], Counts]], ...] = (
    (
        "render_seconds",
        "Seconds that devices spent on renders, failed attempts too.",
        ("engine", "device", "outcome"),
        lambda s: s.renders.seconds,
    ),
    ("render_attempts", "Attempts at renders.", ("engine", "device", "outcome"), lambda s: s.renders.attempts),
    ("render_failures", "Failed attempts at renders.", ("error",), lambda s: s.renders.failures),
)


class PipelineCollector:
    """Called by ``prometheus_client`` at every scrape."""

    def __init__(self, poller: MetricsPoller) -> None:
        self._poller = poller

    def collect(self) -> Iterator[Metric]:
        """All metric families; only ``songline_up 0`` while the catalog cannot be read."""
        snapshot = self._poller.see()
        yield GaugeMetricFamily("songline_up", "Whether the catalog can be read.", value=float(snapshot is not None))
        if snapshot is None:
            return
        for name, description, labels, counts in GAUGES:
            gauge = GaugeMetricFamily(f"songline_{name}", description, labels=labels)
            yield _with_samples(gauge, counts(snapshot))
        for name, description, labels, counts in COUNTERS:
            yield _with_samples(CounterMetricFamily(f"songline_{name}", description, labels=labels), counts(snapshot))


def _with_samples(family: GaugeMetricFamily | CounterMetricFamily, counts: Counts) -> Metric:
    for labels, value in sorted(counts.items()):
        family.add_metric(list(labels), value)
    return family


def metrics_text(poller: MetricsPoller) -> bytes:
    """All metrics in Prometheus' text format."""
    return generate_latest(_registry(poller))


def _registry(poller: MetricsPoller) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(PipelineCollector(poller))
    return registry


def metrics_server(poller: MetricsPoller, *, host: str, port: int) -> ThreadingHTTPServer:
    """A server of ``/metrics``, listening but not yet serving. Raises MachineError where the address is in use."""
    try:
        server = ThreadingHTTPServer((host, port), _Handler.factory(_registry(poller)))
    except OSError as error:
        raise MachineError(
            f"the metrics cannot be served on {host}:{port}: {error.strerror}", remedy="Choose another --port or --host"
        ) from error
    server.daemon_threads = True
    return server


class _Handler(MetricsHandler):
    """Answers as ``prometheus_client`` does, with limits that its own server lacks: time, path and host name."""

    timeout = SLOWEST_REQUEST_S
    server_version = "songline"
    sys_version = ""

    def do_GET(self) -> None:  # noqa: N802  (the name is the base class')
        """Answer ``/metrics``, and 404 for other paths.

        On loopback only loopback's host names are accepted: a web page whose own name resolves to this machine (DNS
        rebinding) sends that name.
        """
        if self._is_foreign(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "this is not the server of that name")
        elif self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND, "only /metrics is here")
        else:
            self.path = PATH  # all metrics, whatever the query string requests
            super().do_GET()

    def _is_foreign(self, host: str) -> bool:
        address = str(self.connection.getsockname()[0])
        return ip_address(address).is_loopback and re.sub(r":\d*$", "", host).lower() not in LOOPBACK_NAMES
