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
    from flows.server import deploy as deploying
    from flows.server import notifications as notify
    from flows.server.client import server_client

    with server_client() as client:
        outcomes = deploying.deploy(client, file, settings)
        if lack := notify.missing_block(client, settings):
            warn(str(lack))
    changed = sum(each.verdict != "unchanged" for each in outcomes)
    if as_json:
        print_json({"outcomes": [asdict(each) for each in outcomes], "changed": changed})
        return
    table = SafeTable(show_header=False)
    for each in outcomes:
        said = f" ({', '.join(each.changes)})" if each.changes else ""
        table.add_row(Text(each.verdict, style=STYLES[each.verdict]), each.kind, Text(f"{each.name}{said}"))
    stdout().print(table)
    stdout().print(f"{changed} of {len(outcomes)} changed." if changed else "Nothing had to be changed.")
