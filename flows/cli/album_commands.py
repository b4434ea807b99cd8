"""The commands of albums and their disk: names, options and help. What a command does is loaded when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.cli.console.options import AlbumName, AsJson

app = typer.Typer(rich_markup_mode=None)


@app.command()
def albums(as_json: AsJson = False) -> None:
    """Every album with its state, its builds and when it was released."""
    from flows.cli.admin import disk

    disk.albums(as_json=as_json)


@app.command()
def du(
    album: Annotated[
        str | None, typer.Argument(metavar="ALBUM", help="Only this album, by its id or its manifest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What takes disk: by album and kind, with bytes that albums share, models, backups, and what is free."""
    from flows.cli.admin import disk

    disk.du(album, as_json=as_json)


@app.command()
def remove(
    album: AlbumName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove an album from the catalog, with all that no other album needs. Written release folders stay."""
    from flows.cli.admin import disk

    disk.remove(album, dry_run=dry_run, is_agreed=yes, as_json=as_json)


@app.command()
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would go.")] = False,
    keep_builds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Remove the files of older builds first: each album keeps those of this many, and of the one it "
            "stands at; what no album needs goes too. Bytes alone go: scores, decisions and the lineage of every "
            "delivered file stay.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove leftover files that nothing in the catalog names, after a grace period."""
    from flows.cli.admin import housekeeping as keep

    keep.gc(dry_run=dry_run, keep_builds=keep_builds, as_json=as_json)
