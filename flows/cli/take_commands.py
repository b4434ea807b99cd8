"""The commands for takes: names, options and help. Implementations are imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console.help import Heading, examples
from flows.cli.console.options import AlbumName, AsJson, Manifest

app = typer.Typer(rich_markup_mode=None)
take_app = typer.Typer(
    name="take", help="Bring takes that were made elsewhere.", no_args_is_help=True, rich_markup_mode=None
)


@app.command(
    rich_help_panel=Heading.CHOOSE,
    epilog=examples("songline scores night-bus", "songline scores night-bus --history last-bus"),
)
def scores(
    album: AlbumName,
    history: Annotated[
        str | None,
        typer.Option(
            metavar="SONG", help="In place of scores: the song's takes and retakes, and what was decided when, by whom."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show each take's metrics, gates, rank and explanation."""
    from flows.cli.inspect import lookup

    if history is not None:
        lookup.history(album, history, as_json=as_json)
        return
    lookup.scores(album, as_json=as_json)


@app.command(
    rich_help_panel=Heading.CHOOSE,
    epilog=examples(
        "songline select album.yaml --policy other.yaml",
        "songline select album.yaml --policy other.yaml --apply",
        "songline select album.yaml --undo",
    ),
)
def select(
    album: Manifest,
    policy: Annotated[
        Path | None, typer.Option(help="A policy file: it takes the place of the manifest's whole `selection`.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Store the decisions; the next render uses them.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Go back from an applied policy to the manifest's own.")] = False,
    as_json: AsJson = False,
) -> None:
    """Choose again under another policy, without rendering.

    Old winners are shown beside new ones. Nothing is stored unless --apply is given.
    """
    from flows.cli.album import select

    select.select(album, policy, apply=apply, undo=undo, as_json=as_json)


Candidate = Annotated[str, typer.Argument(metavar="CANDIDATE", help="A candidate's id, or its beginning.")]
Note = Annotated[str | None, typer.Option(help="Why, in your own words; it is kept with your name.")]


@app.command(
    rich_help_panel=Heading.CHOOSE,
    epilog=examples("songline pick last-bus-43", 'songline pick last-bus-43 --note "the warmer voice"'),
)
def pick(candidate: Candidate, note: Note = None, as_json: AsJson = False) -> None:
    """Choose a take yourself, whatever the policy says.

    Your pick stays when seeds or policies change, until you take it back with `unpick` or pick another take of the
    song. The next render finishes it.
    """
    from flows.cli.album import reviews

    reviews.review(candidate, "pick", note, as_json=as_json)


@app.command(rich_help_panel=Heading.CHOOSE, epilog=examples("songline unpick last-bus-43"))
def unpick(candidate: Candidate, note: Note = None, as_json: AsJson = False) -> None:
    """Take back a pick or a rejection.

    The policy decides again.
    """
    from flows.cli.album import reviews

    reviews.review(candidate, "withdraw", note, as_json=as_json)


@app.command(
    rich_help_panel=Heading.CHOOSE,
    epilog=examples("songline reject last-bus-43", 'songline reject last-bus-43 --note "out of tune in the bridge"'),
)
def reject(candidate: Candidate, note: Note = None, as_json: AsJson = False) -> None:
    """Never choose a take, whatever its scores.

    `unpick` takes the rejection back.
    """
    from flows.cli.album import reviews

    reviews.review(candidate, "reject", note, as_json=as_json)


@app.command(rich_help_panel=Heading.CHOOSE, epilog=examples('songline note last-bus-43 "try the second verse again"'))
def note(
    candidate: Candidate,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The note; it is kept with your name.")],
    as_json: AsJson = False,
) -> None:
    """Write a note on a take; it changes no decision."""
    from flows.cli.album import reviews

    reviews.review(candidate, "note", text, as_json=as_json)


@app.command(
    rich_help_panel=Heading.CHOOSE, epilog=examples("songline taste", "songline taste --policy 0.3 > taste.yaml")
)
def taste(
    policy: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            min=0.01,
            max=1.0,
            help="Print it for a policy instead, with this share of the score, to go below `selection`.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what your picks and votes say of your taste, by metric.

    A model of all picks and votes in the catalog: how much each metric counts, how well it predicts those of songs that
    it has not seen, and what each metric predicts alone. It needs 30 of them.
    """
    from flows.cli.inspect import taste

    taste.taste(share=policy, as_json=as_json)


@app.command(rich_help_panel=Heading.CHOOSE, epilog=examples("songline rerun last-bus-43"))
def rerun(
    candidate: Candidate,
    as_json: AsJson = False,
) -> None:
    """Render a take again and compare it with the stored one.

    The answer is: identical, within tolerance, or different.
    """
    from flows.cli.album import render

    render.rerun(candidate, as_json=as_json)


@app.command(
    rich_help_panel=Heading.CHOOSE,
    epilog=examples(
        "songline retake last-bus-43 --from 0:45 --to 0:52 --seeds 8",
        "songline retake last-bus-43 --from 0:45 --to 0:52 --lyrics new.lrc --out retakes",
    ),
)
def retake(
    candidate: Candidate,
    start: Annotated[str, typer.Option("--from", help="Where the passage begins: 0:45, or seconds.")],
    end: Annotated[str, typer.Option("--to", help="Where it ends.")],
    seeds: Annotated[int, typer.Option(min=1, max=256, help="How many takes of the passage.")] = 4,
    lyrics: Annotated[
        Path | None,
        typer.Option(
            help="New words: LRC, of which the lines in the passage count, or as many plain lines. Where the song's "
            "words have no times: all words of the song, with the new ones among them."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder that gets the takes as WAV files, to listen to.")] = None,
    as_json: AsJson = False,
) -> None:
    """Sing a passage of a take again; the rest stays.

    Outside the passage every sample stays as it is. The new takes compete with the others at the next render.
    """
    from flows.cli.album import retake

    retake.retake(candidate, start, end, seeds=seeds, lyrics=lyrics, out=out, as_json=as_json)


@take_app.callback()
def _take() -> None:
    """Bring takes that were made elsewhere."""


@take_app.command(
    epilog=examples(
        'songline take add night-bus last-bus bounce.wav --origin "Live session" --licence proprietary --commercial',
        'songline take add album.yaml last-bus idea.mp3 --origin "another generator" --licence CC-BY-NC-4.0',
    )
)
def add(
    album: AlbumName,
    song: Annotated[str, typer.Argument(metavar="SONG", help="The song's id in the manifest.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A mix: WAV, FLAC, MP3, OGG …, mono or stereo.")],
    origin: Annotated[str, typer.Option(metavar="TEXT", help="What made it; releases name it.")],
    licence: Annotated[str, typer.Option(metavar="ID", help="The id of the licence that it comes under.")],
    commercial: Annotated[
        bool | None,
        typer.Option("--commercial/--no-commercial", help="Whether its licence allows it to be sold."),
    ] = None,
    lyrics: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its words and their times, where they are not the song's.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Add a take that was made elsewhere to a song.

    It competes with the rendered takes: it is checked, scored, and where it wins mastered, split and released. Its
    file stays in the store as it is. Adding a file again changes nothing.
    """
    from flows.cli.album import take

    take.add(
        album,
        song,
        file,
        origin=origin,
        licence=licence,
        commercial=commercial,
        lyrics=lyrics,
        as_json=as_json,
    )


app.add_typer(take_app, rich_help_panel=Heading.CHOOSE)
