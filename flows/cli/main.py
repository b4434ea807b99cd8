"""The ``songline`` command: names, options and help. Implementations are imported when called."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.album_commands import app as album_app
from flows.cli.console.help import CommandsByHeading, Heading, examples
from flows.cli.console.options import AsJson, Manifest, Out, Stage, Start
from flows.cli.lyrics_commands import app as lyrics_app
from flows.cli.model_commands import app as model_app
from flows.cli.pool_commands import app as pool_app
from flows.cli.store_commands import app as store_app
from flows.cli.take_commands import app as take_app
from flows.cli.tool_commands import app as tool_app
from flows.cli.training_commands import app as train_app

app = typer.Typer(
    name="songline",
    cls=CommandsByHeading,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(take_app)
app.add_typer(store_app)
app.add_typer(lyrics_app, rich_help_panel=Heading.MAKE)
app.add_typer(model_app, rich_help_panel=Heading.MAINTAIN)
app.add_typer(pool_app)
app.add_typer(tool_app)
app.add_typer(train_app)
app.add_typer(album_app)


def _show_version(is_requested: bool) -> None:
    if is_requested:
        from importlib.metadata import version

        from flows.console import print_text

        print_text(f"songline {version('songline')}\n")
        raise typer.Exit


@app.callback()
def songline(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print Songline's version and end."),
    ] = False,
) -> None:
    """A production line for songs made by models: from an album manifest to a mastered, catalogued release."""


@app.command(
    rich_help_panel=Heading.MAKE,
    epilog=examples('songline init my-album --title "My Album"', "songline init sung --engine diffrhythm"),
)
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder to write the starter album into.")],
    title: Annotated[str, typer.Option(help="The album's title.")] = "My First Album",
    engine: Annotated[str | None, typer.Option(help="The engine it is for; left out: guide.")] = None,
) -> None:
    """Write a starter album that renders."""
    from flows.cli.album import author

    author.init(folder, title, engine)


@app.command(rich_help_panel=Heading.MAKE, epilog=examples("songline validate my-album/album.yaml"))
def validate(album: Manifest, as_json: AsJson = False) -> None:
    """Check a manifest: every fault at once, with its line.

    Its lyrics, prompts, cover and reference audio are read too. Nothing is made and no catalog is opened.
    """
    from flows.cli.album import author

    author.validate(album, as_json=as_json)


@app.command(rich_help_panel=Heading.MAKE, epilog=examples("songline schema > album.schema.json"))
def schema(
    training: Annotated[
        bool, typer.Option("--training", help="That of a training's manifest in place of an album's.")
    ] = False,
) -> None:
    """Print the manifest's JSON Schema, for editors."""
    if training:
        from flows.cli.training import train

        train.schema()
        return
    from flows.cli.album import author

    author.schema()


@app.command(
    rich_help_panel=Heading.MAKE,
    epilog=examples("songline plan my-album/album.yaml", "songline plan my-album/album.yaml --explain"),
)
def plan(
    album: Manifest,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each song's engine is given: the final text, model, steps.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what is missing, and what making it will take.

    Nothing is made.
    """
    from flows.cli.album import author

    author.plan(album, explain=explain, as_json=as_json)


@app.command(
    "preview-lyrics",
    rich_help_panel=Heading.MAKE,
    epilog=examples("songline preview-lyrics my-album/album.yaml --song last-bus"),
)
def preview_lyrics(
    album: Manifest,
    song: Annotated[str | None, typer.Option(help="Only the song of this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where the words of a sung song fall in time.

    Each line's phonemes are placed as the engine places them; lines that come late or are cut are named.
    """
    from flows.cli.album import retake

    retake.preview(album, song, as_json=as_json)


@app.command(
    rich_help_panel=Heading.MAKE,
    epilog=examples(
        "songline render my-album/album.yaml --out releases", "songline render my-album/album.yaml --until score"
    ),
)
def render(
    album: Manifest,
    out: Out = Path("releases"),
    until: Annotated[Stage | None, typer.Option(help="Stop after this stage.")] = None,
    start: Annotated[Start | None, typer.Option("--from", help="Do finished work from this stage on again.")] = None,
) -> None:
    """Make the album on this machine, from manifest to release.

    Safe to repeat at any time: it continues where it stopped and makes only what is missing. With --from, what is
    finished from that stage on is done again, and compared with what there was.
    """
    from flows.cli.album import render

    render.render(album, out, until.value if until else "release", start.value if start else None)


@app.command(
    rich_help_panel=Heading.LOOK,
    epilog=examples(
        "songline status", "songline status night-bus", "songline status night-bus --watch", "songline status --gpu"
    ),
)
def status(
    album: Annotated[
        str | None, typer.Argument(metavar="ALBUM", help="An album's id, or its manifest; left out: all albums.")
    ] = None,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="What renders cost on each device: songs an hour, share of peak.")
    ] = False,
    follow: Annotated[bool, typer.Option("--watch", help="Follow an album that work pools are making.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how far an album is, or all albums, or the GPUs."""
    if gpu:
        from flows.cli.inspect import devices

        devices.status(album, as_json=as_json)
    elif album is None and follow:
        raise typer.BadParameter("name the album to follow", param_hint="ALBUM")
    elif follow and as_json:
        raise typer.BadParameter(
            "goes on printing lines; ask `songline status ALBUM --json` for one document", param_hint="--watch"
        )
    elif album is None:
        from flows.cli.admin import disk

        disk.albums(as_json=as_json)
    elif follow:
        from flows.cli.album import watch

        watch.watch(album)
    else:
        from flows.cli.inspect import status

        status.status(album, as_json=as_json)


@app.command(
    rich_help_panel=Heading.LOOK,
    epilog=examples('songline lineage "releases/night-bus/mp3_320/01 - Last Bus Home.mp3"'),
)
def lineage(
    artifact: Annotated[str, typer.Argument(metavar="FILE|DIGEST", help="A delivered file, or an artifact's digest.")],
    as_json: AsJson = False,
    prov: Annotated[bool, typer.Option("--prov", help="Print W3C PROV-JSON.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Go on to the recordings that its adapters were trained on.")
    ] = False,
) -> None:
    """Trace a file back to its song, prompt, seed and steps."""
    from flows.cli.inspect import lineage

    lineage.lineage(artifact, as_json=as_json, prov=prov, deep=deep)


@app.command(rich_help_panel=Heading.MAKE, epilog=examples("songline retry night-bus"))
def retry(
    album: Annotated[
        str | None, typer.Argument(metavar="ALBUM", help="An album's id, or its manifest; left out: every album.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put work that failed for good back to planned.

    Only what an album still asks for; the next render does it.
    """
    from flows.cli.album import retry

    retry.retry(album, as_json=as_json)


def main() -> None:
    """Entry point: runs the command, and reports every outcome with one message and one exit code.

    Created files are private to the user, except requested outputs.
    """
    from catalog.common import streams
    from catalog.files.permissions import keep_private
    from catalog.network.proxies import go_past_proxies
    from flows.cli.console.exit import run

    os.environ["PYTHONSAFEPATH"] = "1"  # child processes import no modules from the user's working folder
    keep_private()
    streams.install()
    go_past_proxies()
    sys.exit(run(app, sys.argv[1:]))
