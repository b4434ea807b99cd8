"""The finishing tools and ``judges``: options and help. Implementations are imported when called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console.help import Heading, examples
from flows.cli.console.options import AsJson

app = typer.Typer(rich_markup_mode=None)


@app.command(
    rich_help_panel=Heading.FINISH,
    epilog=examples("songline measure *.wav", "songline measure song.wav --json --series"),
)
def measure(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Audio files: WAV, FLAC, MP3, OGG, Opus.")],
    series: Annotated[
        bool, typer.Option("--series", help="With --json: momentary and short-term loudness each 20 ms.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure loudness, range and true peak of any files.

    Loudness by EBU R 128 and BS.1770-5, true peak 8 times oversampled, and the peak-to-loudness ratio. What cannot
    be measured says why. A file that cannot be read does not keep the others from being measured: it stands in its
    place without readings, its error is printed, and the exit code is 2.
    """
    from flows.cli.audio import measure_master

    measure_master.measure(files, series=series, as_json=as_json)


@app.command(
    rich_help_panel=Heading.FINISH,
    epilog=examples(
        "songline master mix.wav master.wav --profile apple",
        "songline master mix.wav master.flac --target -11 --reference loved.flac",
    ),
)
def master(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Any audio file, mono or stereo, at any rate.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The master: .wav or .flac, 24 bits, of IN's rate.")],
    profile: Annotated[
        str | None,
        typer.Option(
            help="streaming, apple, loud, dynamic, broadcast, or custom, which needs --target [default: streaming]."
        ),
    ] = None,
    target: Annotated[float | None, typer.Option(help="Integrated loudness in LUFS, in place of a profile's.")] = None,
    ceiling: Annotated[
        float | None, typer.Option(help="True-peak ceiling in dBTP [default: -1; -2 for targets above -12 LUFS].")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(metavar="TRACK", help="A track whose spectrum is brought nearer to.")
    ] = None,
    tone: Annotated[
        str | None, typer.Option(help="Spectrum to be brought nearer to, such as pop; none leaves it alone.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Master any file to a loudness under a true-peak ceiling.

    The sound is cleaned, balanced, compressed and limited. Rate and length stay, to the sample; mono becomes stereo.
    The meter's readings before and after are printed, and what the acceptance checks find, which does not stop it. An
    older OUT is replaced; IN is never touched. Where it refuses (silent, too_short, invalid, target_unreachable) the
    exit code is 3 and nothing is written; what cannot be read or used is exit code 2.
    """
    from flows.cli.audio import measure_master

    options = {"profile": profile, "target_lufs": target, "ceiling_dbtp": ceiling, "tone": tone}
    measure_master.master(source, out, cli_options=options, reference=reference, as_json=as_json)


@app.command(
    rich_help_panel=Heading.FINISH,
    epilog=examples(
        "songline separate song.wav --out stems", "songline separate song.wav --out stems --two-stems vocals"
    ),
)
def separate(
    source: Annotated[Path, typer.Argument(metavar="IN", help="An audio file, mono or stereo, at any rate.")],
    out: Annotated[Path, typer.Option("--out", help="Folder that gets the stems; older ones in it are replaced.")],
    model: Annotated[str, typer.Option(help="htdemucs, htdemucs_ft (slower, better) or htdemucs_6s.")] = "htdemucs",
    two_stems: Annotated[
        str | None, typer.Option("--two-stems", help="Only this stem, such as vocals, and all the rest.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Take any song apart into float stems.

    A residual file makes their sum the song again, to the sample.
    """
    from flows.cli.audio import separate

    separate.separate(source, out, model=model, two_stems=two_stems, as_json=as_json)


@app.command(rich_help_panel=Heading.CHOOSE, epilog=examples("songline judges"))
def judges(as_json: AsJson = False) -> None:
    """List the judges: what each reads and what it needs.

    Judges are models that score takes, beside the built-in metrics.
    """
    from flows.cli.inspect import judges

    judges.judges(as_json=as_json)
