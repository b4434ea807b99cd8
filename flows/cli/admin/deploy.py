"""``deploy``: brings the Prefect server to what the deployment file declares."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.text import Text

from catalog.common.settings import load_settings
from flows.console import SafeTable, print_json, stdout, warn
from flows.server.deployment_file import default_deployment_file, read_deployment_file

STYLES = {"made": "green", "updated": "yellow", "unchanged": "dim"}


def deploy(path: Path | None, *, as_json: bool) -> None:
    """Deploy everything in the file; prints a line for each object."""
    settings = load_settings()
    file = read_deployment_file(path or default_deployment_file())
    from flows.server import deploy, notifications
    from flows.server.client import server_client

    with server_client() as client:
        outcomes = deploy.deploy(client, file, settings)
        if problem := notifications.missing_block(client, settings):
            warn(str(problem))
    changed_count = sum(outcome.verdict != "unchanged" for outcome in outcomes)
    if as_json:
        print_json({"outcomes": [asdict(outcome) for outcome in outcomes], "changed": changed_count})
        return
    table = SafeTable(show_header=False)
    for outcome in outcomes:
        change_text = f" ({', '.join(outcome.changes)})" if outcome.changes else ""
        table.add_row(
            Text(outcome.verdict, style=STYLES[outcome.verdict]), outcome.kind, Text(f"{outcome.name}{change_text}")
        )
    stdout().print(table)
    stdout().print(f"{changed_count} of {len(outcomes)} changed." if changed_count else "Nothing had to be changed.")
