"""The commands for albums and their disk use: names, options and help. Implementations are imported when called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console.help import Heading, examples
from flows.cli.console.options import AlbumName, AsJson, Out

app = typer.Typer(rich_markup_mode=None)


class SingerVoice(StrEnum):
    """The voices that sing demos."""

    ALTO = "alto"
    TENOR = "tenor"


@app.command(
    rich_help_panel=Heading.MAKE,
    epilog=examples(
        'songline sing words.txt --style "indie pop"',
        'songline sing words.txt --style "jazz ballad, piano" --bpm 76 --voice tenor --seeds 1 --out demos',
    ),
)
def sing(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Your words: plain text, or LRC with times.")],
    style: Annotated[str, typer.Option(help="How it should sound, in words.")] = "indie pop",
    bpm: Annotated[
        float | None, typer.Option(min=30, max=300, help="Tempo; left out: one that is usual in the style.")
    ] = None,
    key: Annotated[str | None, typer.Option(help="Key, such as 'A minor'; left out: chosen for the words.")] = None,
    voice: Annotated[SingerVoice | None, typer.Option(help="Who sings; left out: the style's, else both.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of the words; left out: English, or what their letters say.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, max=16, help="How many demos.")] = 3,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for all of it; left out: named by the file.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
) -> None:
    """Sing plain words as demos, in a minute.

    Times the words, writes an album with a song for each demo, renders it and opens its page.
    """
    from flows.cli.album import sing as command

    wishes = command.Wishes(style, bpm, key, voice.value if voice else None, language, seeds)
    command.sing(file, wishes, out=out, show=not no_browser)


@app.command(rich_help_panel=Heading.LOOK, epilog=examples("songline desk", "songline desk night-bus/album.yaml"))
def desk(
    manifests: Annotated[
        list[Path] | None,
        typer.Argument(metavar="ALBUM", help="Manifests of albums that a button may render.", show_default=False),
    ] = None,
    out: Out = Path("releases"),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of 127.0.0.1 that it listens on; 0: any that is free.")
    ] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page.")] = False,
) -> None:
    """Open the catalog in the browser: hear, choose, follow.

    The app answers this machine only, and only who has the link that is printed. It runs until you end it with Ctrl-C.
    """
    from flows.desk.serve import serve

    serve(manifests or [], out, port=port, show=not no_browser)


@app.command(rich_help_panel=Heading.LOOK, epilog=examples("songline albums"))
def albums(as_json: AsJson = False) -> None:
    """List all albums: state, builds, last release."""
    from flows.cli.admin import disk

    disk.albums(as_json=as_json)


@app.command(rich_help_panel=Heading.LOOK, epilog=examples("songline du", "songline du night-bus"))
def du(
    album: Annotated[
        str | None, typer.Argument(metavar="ALBUM", help="Only this album, by its id or its manifest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what takes disk, by album and kind.

    Bytes that albums share are counted once; models, backups and free space stand beside them.
    """
    from flows.cli.admin import disk

    disk.du(album, as_json=as_json)


@app.command(rich_help_panel=Heading.MAINTAIN, epilog=examples("songline remove night-bus --dry-run"))
def remove(
    album: AlbumName,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Remove an album and all that no other album needs.

    Release folders that were written stay.
    """
    from flows.cli.admin import disk

    disk.remove(album, dry_run=dry_run, is_confirmed=yes, as_json=as_json)


@app.command(
    rich_help_panel=Heading.MAINTAIN,
    epilog=examples(
        "songline prune night-bus --keep winners,picks,top:2 --dry-run", "songline prune first second --keep winners"
    ),
)
def prune(
    albums: Annotated[list[str], typer.Argument(metavar="ALBUM...", help="Albums, by id or manifest.")],
    keep: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="What stays of each song, with commas: winners, picks, top:N (the N best ranked takes). Winners and "
            "picks stay in any case.",
        ),
    ],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and remove nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Drop the audio of takes that are not kept.

    Scores, decisions, recipes and latents stay, and `songline rerun` brings a take back. What a release is made from,
    takes that were added from elsewhere, takes that no decision has judged, and what another album needs stays too.
    """
    from flows.cli.admin import disk

    disk.prune(albums, keep, dry_run=dry_run, as_json=as_json)


@app.command(rich_help_panel=Heading.MAINTAIN, epilog=examples("songline gc", "songline gc --keep-builds 2"))
def gc(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and remove nothing.")] = False,
    keep_builds: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Remove the files of older builds first: each album keeps those of this many, and of its current "
            "build; what no album needs is removed too. Only bytes are removed: scores, decisions and the lineage of "
            "every delivered file stay.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Remove stored files that nothing in the catalog names.

    After a grace period (SONGLINE_GC_GRACE_S). With --keep-builds also the files of older builds.
    """
    from flows.cli.admin import housekeeping

    housekeeping.gc(dry_run=dry_run, keep_builds=keep_builds, as_json=as_json)
