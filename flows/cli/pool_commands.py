"""The commands for work pools: names, options and help. Implementations are imported when called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.album.inbox import inbox
from flows.cli.console.help import Heading, examples
from flows.cli.console.options import AlbumName, AsJson, Manifest, Stage
from flows.cli.inspect.metrics import metrics

app = typer.Typer(rich_markup_mode=None)


class Queue(StrEnum):
    """The queues of every pool, in order of priority."""

    URGENT = "urgent"
    NORMAL = "normal"
    BATCH = "batch"


@app.command(rich_help_panel=Heading.FARM, epilog=examples("songline deploy"))
def deploy(
    file: Annotated[
        Path | None, typer.Option("--file", help="A deployment file; left out: the one that came with Songline.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make or update pools and deployments on Prefect's server.

    Work pools, queues, limits, deployments and the automation for silent runs. Safe to repeat.
    """
    from flows.cli.admin import deploy

    deploy.deploy(file, as_json=as_json)


@app.command(
    rich_help_panel=Heading.FARM, epilog=examples("songline worker --pool cpu", "songline worker --pool gpu --limit 1")
)
def worker(
    pool: Annotated[str, typer.Option(help="The work pool to take runs from: cpu or gpu.")],
    name: Annotated[str | None, typer.Option(help="Its name on the Prefect server; left out: one is made up.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Runs at once; 1 where it renders on a device. Left out: no limit.")
    ] = None,
    with_healthcheck: Annotated[
        bool, typer.Option("--with-healthcheck", help="Answer on PREFECT_WORKER_WEBSERVER_PORT while it polls.")
    ] = False,
) -> None:
    """Run what a work pool asks for, until stopped.

    It runs Songline's own flows and nothing else.
    """
    from flows.cli.album import submissions

    submissions.worker(pool, name=name, limit=limit, with_healthcheck=with_healthcheck)


@app.command(
    rich_help_panel=Heading.FARM,
    epilog=examples("songline submit album.yaml --priority urgent", "songline submit album.yaml --max-gpu-minutes 60"),
)
def submit(
    album: Manifest,
    priority: Annotated[
        Queue, typer.Option(help="Queue of its runs: urgent before normal before batch. Runs that wait move to it.")
    ] = Queue.NORMAL,
    until: Annotated[Stage | None, typer.Option(help="Stop after this stage.")] = None,
    max_gpu_minutes: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="Hand out no more rendering than this, then pause the album. Judging what is rendered is not counted.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have the album made on work pools.

    Safe to repeat: it continues where it stopped.
    """
    from flows.cli.album import submissions

    submissions.submit(
        album,
        priority=priority.value,
        until=until.value if until else "release",
        max_gpu_minutes=max_gpu_minutes,
        as_json=as_json,
    )


@app.command(rich_help_panel=Heading.FARM)
def pause(album: AlbumName, as_json: AsJson = False) -> None:
    """Begin nothing new of an album; running work is finished."""
    from flows.cli.album import submissions

    submissions.pause(album, as_json=as_json)


@app.command(rich_help_panel=Heading.FARM, epilog=examples("songline resume night-bus --max-gpu-minutes 60"))
def resume(
    album: AlbumName,
    max_gpu_minutes: Annotated[
        float | None, typer.Option(min=0.1, help="A new budget, counted from now; left out: the old one again.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a paused, cancelled or failed album."""
    from flows.cli.album import submissions

    submissions.resume(album, max_gpu_minutes=max_gpu_minutes, as_json=as_json)


@app.command(rich_help_panel=Heading.FARM)
def cancel(album: AlbumName, as_json: AsJson = False) -> None:
    """Stop a submitted album and its runs; what is made stays."""
    from flows.cli.album import submissions

    submissions.cancel(album, as_json=as_json)


app.command(
    rich_help_panel=Heading.FARM,
    short_help="Submit the new and changed albums of an inbox.",
    epilog=examples(
        "songline inbox --dry-run",
        "songline inbox --max-gpu-minutes 240 --window 22:00-06:00 --time-zone Europe/Berlin",
    ),
)(inbox)
app.command(
    short_help="Print or serve figures for Prometheus.",
    rich_help_panel=Heading.FARM,
    epilog=examples("songline metrics", "songline metrics --serve"),
)(metrics)
