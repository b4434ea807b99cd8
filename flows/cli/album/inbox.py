"""``inbox``: runs the scheduled submission of the inbox by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from flows.inbox.parameters import InboxParameters
    from flows.inbox.report import InboxReport


def inbox(
    place: Annotated[
        str,
        typer.Argument(metavar="PLACE", help="Folder, or s3://BUCKET/PREFIX; left out: the setting SONGLINE_INBOX."),
    ] = "",
    priority: Annotated[str, typer.Option(help="Queue of the albums: urgent, normal or batch.")] = "batch",
    until: Annotated[str, typer.Option(help="Stage to stop after: score, select, master or release.")] = "release",
    max_gpu_minutes: Annotated[
        float | None, typer.Option(help="GPU minutes of all albums together, for twelve hours or the window.")
    ] = None,
    window: Annotated[str | None, typer.Option(help="Hours to submit in, such as 22:00-06:00.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Zone of these hours, such as Europe/Berlin.")] = None,
    gpus: Annotated[int, typer.Option(help="Devices that render at once, for what the hours hold.")] = 1,
    max_albums: Annotated[int | None, typer.Option(help="Albums to submit at most.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be taken.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Submit the new and changed albums of an inbox, and leave a report in it. Exits 1 where a manifest has faults."""
    from catalog.common.errors import MachineError
    from flows.console import print_json, stdout

    parameters = _parse_parameters(
        place=str(Path(place).absolute()) if place and "://" not in place else place,
        priority=priority,
        until=until,
        max_gpu_minutes=max_gpu_minutes,
        window=window,
        time_zone=time_zone,
        gpus=gpus,
        max_albums=max_albums,
    )
    report = _run(parameters, dry_run=dry_run)
    if as_json:
        print_json(report.document())
    else:
        stdout().print(report.text(), soft_wrap=True, end="")
    if report.trouble:
        raise MachineError(report.trouble.rstrip("."), remedy="Run it again to take what was left")
    if report.of("faulty"):
        sys.exit(1)


def _parse_parameters(**fields: Any) -> InboxParameters:
    from pydantic import ValidationError

    from catalog.common.errors import InputError
    from flows.inbox.parameters import InboxParameters

    try:
        return InboxParameters(**fields)
    except ValidationError as error:
        first_error = error.errors()[0]
        option = (
            f"--{'-'.join(str(part) for part in first_error['loc']).replace('_', '-')}"
            if first_error["loc"]
            else "the options"
        )
        raise InputError(f"{option}: {first_error['msg']}", remedy="See `songline inbox --help`") from error


def _run(parameters: InboxParameters, *, dry_run: bool) -> InboxReport:
    from catalog.catalog import open_catalog
    from catalog.common.settings import load_settings
    from flows.inbox.run import run_inbox

    with open_catalog(load_settings()) as catalog:
        if dry_run:
            return run_inbox(catalog, parameters, submit=None)
        from flows.orchestration.submissions import submit_album

        return run_inbox(catalog, parameters, submit=submit_album)
