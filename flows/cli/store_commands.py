"""The commands for stored bytes, backups and this machine: names, options, help. Implementations are imported when
called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console.help import Heading, examples
from flows.cli.console.options import AlbumName, AsJson, Out

app = typer.Typer(rich_markup_mode=None)


@app.command(rich_help_panel=Heading.MAINTAIN, epilog=examples("songline verify", "songline verify --repair"))
def verify(
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Bring lost bytes back from the newest backup, and plan again what made the others, where a manifest "
            "asks for them.",
        ),
    ] = False,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Record that what was found missing or corrupt is lost, and plan again what a manifest asks for.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read every stored byte and compare it with its digest."""
    from flows.cli.admin import housekeeping

    housekeeping.verify(repair=repair, accept_loss=accept_loss, as_json=as_json)


@app.command(
    rich_help_panel=Heading.FINISH,
    epilog=examples("songline export night-bus --out releases", "songline export night-bus --build 3 --out older"),
)
def export(
    album: AlbumName,
    out: Out = Path("releases"),
    build: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="An older build by its number; see `songline releases`.")
    ] = None,
    with_environment: Annotated[
        bool,
        typer.Option("--with-environment", help="Add environment.json: machine, packages and runs that made it."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write the album's newest release from the store."""
    from flows.cli.admin import housekeeping

    housekeeping.export(album, out, build=build, with_environment=with_environment, as_json=as_json)


@app.command(rich_help_panel=Heading.LOOK, epilog=examples("songline releases night-bus"))
def releases(album: AlbumName, as_json: AsJson = False) -> None:
    """List an album's builds: when each was packed, its size."""
    from flows.cli.inspect import releases

    releases.releases(album, as_json=as_json)


@app.command(
    rich_help_panel=Heading.LOOK,
    epilog=examples(
        "songline diff night-bus", "songline diff night-bus@3 night-bus@5", "songline diff releases/night-bus night-bus"
    ),
)
def diff(
    older: Annotated[str, typer.Argument(metavar="A", help="A release: ALBUM@BUILD, an album, or a release folder.")],
    newer: Annotated[
        str | None, typer.Argument(metavar="[B]", help="Another; left out: A's current build and the one before.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed between two releases, and why."""
    from flows.cli.inspect import releases

    releases.diff(older, newer, as_json=as_json)


@app.command(rich_help_panel=Heading.FINISH, epilog=examples("songline link night-bus --files 'flac24/*' --hours 24"))
def link(
    album: AlbumName,
    files: Annotated[str, typer.Option(help="Which files of the release, such as 'flac24/*'.")] = "mp3_320/*",
    hours: Annotated[float, typer.Option(min=0.01, max=168, help="How many hours the links are valid.")] = 24.0,
    as_json: AsJson = False,
) -> None:
    """Make download links to a release that expire.

    The files are downloaded from the bucket. Whoever has a link needs no password.
    """
    from flows.cli.inspect import links

    links.link(album, files, hours=hours, as_json=as_json)


@app.command(
    rich_help_panel=Heading.FINISH,
    epilog=examples("songline share night-bus --out pages", "songline share night-bus@3 --link --days 2 --downloads"),
)
def share(
    release: Annotated[str, typer.Argument(metavar="RELEASE", help="An album's current build, or ALBUM@BUILD.")],
    out: Annotated[Path, typer.Option("--out", help="Folder that gets the page, in a folder named by the album.")] = (
        Path("shared")
    ),
    as_link: Annotated[
        bool, typer.Option("--link", help="In place of a folder: a page in the store's bucket, with a link to it.")
    ] = False,
    days: Annotated[float, typer.Option(min=0.01, max=7, help="How many days the link is valid.")] = 7.0,
    downloads: Annotated[bool, typer.Option("--downloads", help="Offer the files of every deliverable, too.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List the album's pages in the bucket.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Remove the album's pages from the bucket.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make a page of a release to send to listeners.

    It plays the album and says nothing of prompts, takes, scores or notes. A folder can be opened from disk or put on
    any web server; a link into the bucket expires.
    """
    from flows.cli.inspect import share

    if show or end:
        (share.share_end if end else share.share_list)(release, as_json=as_json)
    elif as_link:
        share.share_link(release, days=days, downloads=downloads, as_json=as_json)
    else:
        share.share_folder(release, out, downloads=downloads, as_json=as_json)


@app.command(rich_help_panel=Heading.MAINTAIN, epilog=examples("songline backup /mnt/backup/songline"))
def backup(
    folder: Annotated[Path, typer.Argument(metavar="DEST", help="Folder of the backup; an older one is updated.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Write nothing: read every byte of the backup that is there.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Copy the catalog and every byte it names to a folder.

    Only what is new is copied.
    """
    from flows.cli.admin import backup

    (backup.verify if verify else backup.backup)(folder, as_json=as_json)


@app.command(rich_help_panel=Heading.MAINTAIN, epilog=examples("songline restore /mnt/backup/songline"))
def restore(
    folder: Annotated[Path, typer.Argument(metavar="SRC", help="Folder of a backup.")], as_json: AsJson = False
) -> None:
    """Bring a backup back into an empty catalog and store.

    The settings say which database and store these are.
    """
    from flows.cli.admin import backup

    backup.restore(folder, as_json=as_json)


@app.command(rich_help_panel=Heading.MAINTAIN, epilog=examples("songline doctor"))
def doctor(
    precision: Annotated[
        bool,
        typer.Option("--precision", help="Sample networks with int8 and fp8 weights, too; on a CPU this takes long."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Check this machine: what it has, what is missing.

    What is missing is named with the way to get it.
    """
    from flows.cli.admin import doctor

    doctor.doctor(precision=precision, as_json=as_json)
