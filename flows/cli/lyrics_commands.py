"""``songline lyrics``: names, options and help. Implementations are imported when called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console.help import examples
from flows.cli.console.options import AsJson

app = typer.Typer(
    name="lyrics",
    help="Words and their times: LRC from plain text, subtitles.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LyricsFile = Annotated[Path, typer.Argument(metavar="FILE", help="LRC, enhanced LRC, SRT, VTT, or plain text.")]
OutFile = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write it to this file; left out: it is printed.")
]
Language = Annotated[str, typer.Option(help="Language of the words, by which syllables are counted.")]
Length = Annotated[float | None, typer.Option(min=1, max=3600, metavar="S", help="Length of the song in seconds.")]


class LyricsForm(StrEnum):
    """The forms that lyrics can be written in."""

    LRC = "lrc"
    ENHANCED_LRC = "enhanced-lrc"
    SRT = "srt"
    VTT = "vtt"
    TXT = "txt"


@app.command(
    epilog=examples(
        "songline lyrics time words.txt --bpm 96 --out words.lrc",
        "songline lyrics time words.txt --bpm 96 --length 95 --language de",
    )
)
def time(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Plain text; marks such as [Verse] and empty lines part it.")
    ],
    bpm: Annotated[float, typer.Option(min=30, max=300, help="Tempo in beats per minute, in bars of four.")],
    length: Annotated[
        float | None,
        typer.Option(min=1, max=3600, metavar="S", help="Length of the song in seconds; left out: what it needs."),
    ] = None,
    language: Language = "en",
    key: Annotated[str | None, typer.Option(help="Key, such as 'A minor', noted in a tag of the file.")] = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Give plain words singable times, as LRC to edit.

    Lines begin on bars and get as many as their syllables need; between sections instrumental bars stand. The same
    words, tempo and length always give the same times.
    """
    from flows.cli.lyrics import time

    time.time(file, out, bpm=bpm, length_s=length, language=language, key=key, as_json=as_json)


@app.command(epilog=examples("songline lyrics check words.lrc --length 95 --bpm 96"))
def check(
    file: LyricsFile,
    length: Length = None,
    language: Language = "en",
    bpm: Annotated[float | None, typer.Option(min=30, max=300, help="Tempo, to see which lines miss a bar.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show faults, sections, and how fast each line is sung.

    Lines above six syllables a second are marked. Length and tempo left out are those of the file's tags. The exit
    code is 1 where there is a fault.
    """
    from flows.cli.lyrics import check

    check.check(file, length_s=length, language=language, bpm=bpm, as_json=as_json)


@app.command(
    epilog=examples(
        "songline lyrics shift words.lrc --by -0.5 --out earlier.lrc",
        "songline lyrics shift words.lrc --by 2 --from 1:10 --out later.lrc",
    )
)
def shift(
    file: LyricsFile,
    by: Annotated[float, typer.Option(min=-3600, max=3600, metavar="S", help="Seconds later; negative: earlier.")],
    start: Annotated[str | None, typer.Option("--from", metavar="T", help="Only lines from here: 0:45.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="T", help="Only lines before this time.")] = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Move lines earlier or later.

    A line that would begin before the song, or not after the one before it, is a fault.
    """
    from flows.cli.lyrics import move

    move.shift(file, out, by_s=by, start=start, end=end, as_json=as_json)


@app.command(
    epilog=examples(
        "songline lyrics stretch words.lrc --from-bpm 90 --to-bpm 96 --out faster.lrc",
        "songline lyrics stretch words.lrc --factor 1.02 --anchor 0:10",
    )
)
def stretch(
    file: LyricsFile,
    factor: Annotated[float | None, typer.Option(min=0.1, max=10, help="1.02: two percent slower.")] = None,
    from_bpm: Annotated[float | None, typer.Option(min=30, max=300, help="The tempo that the times are for.")] = None,
    to_bpm: Annotated[float | None, typer.Option(min=30, max=300, help="The tempo that they are to be for.")] = None,
    anchor: Annotated[str | None, typer.Option(metavar="T", help="The time that stays; left out: 0.")] = None,
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Stretch all times by a factor, or from one tempo to another."""
    from flows.cli.lyrics import move

    move.stretch(file, out, factor=move.stretch_factor(factor, from_bpm, to_bpm), anchor=anchor, as_json=as_json)


@app.command(
    epilog=examples(
        "songline lyrics convert words.lrc --to vtt --length 95 --out words.vtt",
        "songline lyrics convert subtitles.srt --to lrc --out words.lrc",
    )
)
def convert(
    file: LyricsFile,
    to: Annotated[LyricsForm, typer.Option("--to", help="The form to write.")],
    length: Annotated[
        float | None,
        typer.Option(min=1, max=3600, metavar="S", help="Length of the song in seconds, where its last line ends."),
    ] = None,
    language: Language = "en",
    out: OutFile = None,
    as_json: AsJson = False,
) -> None:
    """Write lyrics in another form: subtitles, or times for words.

    The times of single words in enhanced LRC are estimated from syllables. Plain text has words and marks only.
    """
    from flows.cli.lyrics import convert

    convert.convert(file, out, to=to.value, length_s=length, language=language, as_json=as_json)
