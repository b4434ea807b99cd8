"""The ``songline`` command: names, options and help. What a command does is loaded when it is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.album_commands import app as keep_app
from flows.cli.console.options import AlbumName, AsJson, Manifest, Out, Stage
from flows.cli.model_commands import app as models_app
from flows.cli.pool_commands import app as farm_app
from flows.cli.store_commands import app as store_app
from flows.cli.tool_commands import app as finish_app

app = typer.Typer(
    name="songline",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.add_typer(store_app)
app.add_typer(models_app)
app.add_typer(farm_app)
app.add_typer(finish_app)
app.add_typer(keep_app)


def _tell_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        from flows.console import print_text

        print_text(f"songline {version('songline')}\n")
        raise typer.Exit


@app.callback()
def songline(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print Songline's version and end.")
    ] = False,
) -> None:
    """A production line for songs made by models: from an album manifest to a mastered, catalogued release."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="Folder to write the starter album into.")],
    title: Annotated[str, typer.Option(help="The album's title.")] = "My First Album",
    engine: Annotated[str | None, typer.Option(help="The engine it is for; left out: guide.")] = None,
) -> None:
    """Write a starter album that renders."""
    from flows.cli.album import author

    author.init(folder, title, engine)


@app.command()
def validate(album: Manifest, as_json: AsJson = False) -> None:
    """Check a manifest, its lyrics, prompts and references: every fault at once, with its line."""
    from flows.cli.album import author

    author.validate(album, as_json=as_json)


@app.command()
def schema() -> None:
    """Print the manifest's JSON Schema, for editors."""
    from flows.cli.album import author

    author.schema()


@app.command()
def plan(
    album: Manifest,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show what each song's engine is given: the final text, model, steps.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what is new, what exists, and what making it will take; make nothing."""
    from flows.cli.album import author

    author.plan(album, explain=explain, as_json=as_json)


@app.command("preview-lyrics")
def preview_lyrics(
    album: Manifest,
    song: Annotated[str | None, typer.Option(help="Only the song of this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show where each line's phonemes fall in a song that is sung, and which lines come late or are cut."""
    from flows.cli.album import retake as sing

    sing.preview(album, song, as_json=as_json)


@app.command()
def render(
    album: Manifest,
    out: Out = Path("releases"),
    until: Annotated[Stage | None, typer.Option(help="Stop after this stage.")] = None,
) -> None:
    """Make the album here, from manifest to release. Safe to repeat: it continues where it was."""
    from flows.cli.album import render as make

    make.render(album, out, until.value if until else "release")


@app.command()
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
    """How far each song of an album is, how all albums stand, or how well the devices are used."""
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
        from flows.cli.inspect import status as standing

        standing.status(album, as_json=as_json)


@app.command()
def scores(album: AlbumName, as_json: AsJson = False) -> None:
    """Every candidate's metrics, gates and rank, and the sentence that explains it."""
    from flows.cli.inspect import lookup as look

    look.scores(album, as_json=as_json)


@app.command()
def select(
    album: Manifest,
    policy: Annotated[
        Path | None, typer.Option(help="A policy file: what stands under `selection` in a manifest.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Store the decisions; the next render uses them.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Go back from an applied policy to the manifest's own.")] = False,
    as_json: AsJson = False,
) -> None:
    """Replay the selection under another policy, old winners beside new ones, without rendering."""
    from flows.cli.album import select as choose

    choose.select(album, policy, apply=apply, undo=undo, as_json=as_json)


@app.command()
def lineage(
    what: Annotated[str, typer.Argument(metavar="FILE|DIGEST", help="A delivered file, or an artifact's digest.")],
    as_json: AsJson = False,
    prov: Annotated[bool, typer.Option("--prov", help="Print W3C PROV-JSON.")] = False,
) -> None:
    """From a file back to its song, prompt, seed, and every step on the way."""
    from flows.cli.inspect import lineage as tracing

    tracing.lineage(what, as_json=as_json, prov=prov)


@app.command()
def rerun(
    candidate: Annotated[str, typer.Argument(help="A candidate's id, or its beginning.")], as_json: AsJson = False
) -> None:
    """Render a candidate again and compare: identical, within tolerance, or different."""
    from flows.cli.album import render as make

    make.rerun(candidate, as_json=as_json)


@app.command()
def retake(
    candidate: Annotated[str, typer.Argument(help="A candidate's id, or its beginning.")],
    start: Annotated[str, typer.Option("--from", help="Where the passage begins: 0:45, or seconds.")],
    end: Annotated[str, typer.Option("--to", help="Where it ends.")],
    seeds: Annotated[int, typer.Option(min=1, max=256, help="How many takes of the passage.")] = 4,
    lyrics: Annotated[
        Path | None, typer.Option(help="LRC with new words; only its lines in the passage count.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that gets the takes as WAV files, to listen to.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sing a passage of a candidate again; everything outside it stays, sample for sample."""
    from flows.cli.album import retake as sing

    sing.retake(candidate, start, end, seeds=seeds, lyrics=lyrics, out=out, as_json=as_json)


@app.command()
def retry(
    album: Annotated[
        str | None, typer.Argument(metavar="[ALBUM]", help="An album's id, or its manifest; left out: every album.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put work that failed for good, and that albums still ask for, back to planned; the next render does it."""
    from flows.cli.album import retry as again

    again.retry(album, as_json=as_json)


def main() -> None:
    """Entry point: runs the command; every way it can end comes to one message and one exit code.

    What it makes is private to the user, except what they asked for.
    """
    from catalog.common import streams
    from catalog.files.permissions import keep_private
    from catalog.network.proxies import go_past_proxies
    from flows.cli.console import exit as ending

    os.environ["PYTHONSAFEPATH"] = "1"  # no child of ours takes modules from the folder that the user stands in
    keep_private()
    streams.install()
    go_past_proxies()
    sys.exit(ending.run(app, sys.argv[1:]))
