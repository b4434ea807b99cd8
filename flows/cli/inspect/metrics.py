"""``metrics``: prints or serves the pipeline's metrics for Prometheus."""

from __future__ import annotations

from contextlib import closing
from typing import Annotated

import typer


def metrics(
    serve: Annotated[bool, typer.Option("--serve", help="Answer at http://HOST:PORT/metrics until stopped.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0: any that is free.")] = 9464,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
) -> None:
    """Print figures in Prometheus' format, or serve them: queue, candidates, GPU seconds, failures."""
    from catalog.common.settings import load_settings
    from catalog.monitoring.poller import MetricsPoller
    from flows.console import print_text, stdout, warn
    from flows.server.metrics import metrics_server, metrics_text

    with closing(MetricsPoller(load_settings())) as poller:
        if not serve:
            print_text(metrics_text(poller).decode())
            if poller.trouble:
                warn(f"the catalog cannot be read: {poller.trouble}")
            return
        with metrics_server(poller, host=host, port=port) as server:
            stdout().print(f"http://{host}:{server.server_address[1]}/metrics", soft_wrap=True)
            server.serve_forever()
