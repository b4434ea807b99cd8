"""``songline train``: names, options and help. The implementation is imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console.help import Heading, examples
from flows.cli.console.options import AsJson

app = typer.Typer(rich_markup_mode=None)


@app.command(
    rich_help_panel=Heading.TRAIN,
    epilog=examples("songline train my-style.yaml", "songline train my-style.yaml --dry-run"),
)
def train(
    style: Annotated[Path, typer.Argument(metavar="STYLE", help="The training's manifest (YAML or JSON).")],
    name: Annotated[
        str | None, typer.Option(help="The adapter's name among the models; left out: the manifest's.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder that gets card, loss curve and previews, in a folder of its name.")
    ] = Path("trainings"),
    preview: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Render the previews every N steps; left out: as the manifest says."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and say what it will take.")] = False,
    submit: Annotated[bool, typer.Option("--submit", help="Have a worker of the pool gpu train it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train a sound of your own: an adapter for DiffRhythm.

    The songs are checked first, all faults at once. Safe to repeat at any time: it goes on from its newest checkpoint,
    to the same result. Recordings, rights and parameters stay in the lineage of everything made with the adapter.
    """
    from flows.cli.training import train as training

    training.train(style, out, name=name, preview=preview, dry_run=dry_run, submit=submit, as_json=as_json)
