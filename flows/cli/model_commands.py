"""``songline models``: names, options and help. Implementations are imported when called."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.cli.console.help import examples

app = typer.Typer(
    name="models",
    help="Get, list and check models for engines and judges.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Accept = Annotated[bool, typer.Option("--accept", help="Accept the licences; once for each model.")]


class ExportForm(StrEnum):
    """The forms that a model can be exported to."""

    ONNX = "onnx"


class ExportPrecision(StrEnum):
    """The precisions of an exported network."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"


class ExportRope(StrEnum):
    """How the position tables of an exported network are rounded."""

    FLOAT16 = "float16"
    EXACT = "exact"


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List every model: role, licence, size, whether it is here."""
    from flows.cli.admin import models

    models.list_models(as_json=as_json)


@app.command(
    epilog=examples("songline models pull diffrhythm-1.2-base diffrhythm-vae diffrhythm-data muq-mulan-large --accept")
)
def pull(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="The models to fetch.")],
    accept: Accept = False,
    as_json: AsJson = False,
) -> None:
    """Fetch models, or what is damaged of them.

    A download that was cut is continued."""
    from flows.cli.admin import models

    models.pull(names, accept=accept, as_json=as_json)


@app.command()
def verify(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Left out: all that are here.")] = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Sample networks with int8 and fp8 weights, too; on a CPU this takes long.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read every byte of the models and compare digests."""
    from flows.cli.admin import models

    models.verify(names or [], deep=deep, as_json=as_json)


@app.command("import", epilog=examples("songline models import /mnt/models --accept"))
def import_models(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Another machine's model folder, or one of downloaded files.")
    ],
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME...", help="Left out: all that it holds.")] = None,
    accept: Accept = False,
    as_json: AsJson = False,
) -> None:
    """Take models from a folder, without internet.

    Every file is checked as in a pull."""
    from flows.cli.admin import models

    models.import_models(folder, names or [], accept=accept, as_json=as_json)


@app.command(
    epilog=examples(
        "songline models add my-base my-base.safetensors --like diffrhythm-1.2-base --licence Apache-2.0",
        "songline models add my-style my-style/ --like diffrhythm-1.2-base --licence own --commercial",
    )
)
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name of your choice: small letters, digits, dots, hyphens.")
    ],
    origin: Annotated[
        str, typer.Argument(metavar="FILE|FOLDER|URL", help="Your checkpoint, or a LoRA adapter (file or folder).")
    ],
    like: Annotated[
        str, typer.Option(help="The model whose place it takes or that it adapts, such as diffrhythm-1.2-base.")
    ],
    licence: Annotated[str, typer.Option(help="The id of its licence, such as Apache-2.0.")],
    commercial: Annotated[
        bool | None,
        typer.Option(
            "--commercial/--no-commercial", help="Whether it allows commercial use, for a licence of your own."
        ),
    ] = None,
    sha256: Annotated[str | None, typer.Option("--sha256", help="The digest that the file must have.")] = None,
    as_json: AsJson = False,
) -> None:
    """Register a checkpoint or a LoRA adapter of your own."""
    from flows.cli.admin import models

    models.add(name, origin, like=like, licence=licence, commercial=commercial, sha256=sha256, as_json=as_json)


@app.command()
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model to take away.")],
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget also its first digests and the licence's acceptance.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take a model's files away."""
    from flows.cli.admin import models

    models.remove(name, forget=forget, as_json=as_json)


@app.command(
    epilog=examples(
        "songline models export diffrhythm-1.2-base --to onnx --out base-onnx",
        "songline models export diffrhythm-1.2-base --to onnx --out studio-onnx --adapters my-style:0.8",
        "songline models export --check base-onnx",
    )
)
def export(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A DiffRhythm network; the decoder comes with it.")
    ] = None,
    to: Annotated[ExportForm | None, typer.Option("--to", help="The form to write.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The folder to write.")] = None,
    adapters: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME[:WEIGHT]", help="An adapter to merge, with its weight (1); may be repeated."),
    ] = None,
    dtype: Annotated[
        ExportPrecision | None, typer.Option(help="Precision of the network's layers; float32 unless given.")
    ] = None,
    rope: Annotated[
        ExportRope | None, typer.Option(help="Position tables as published (float16), or exact; as in a manifest.")
    ] = None,
    check: Annotated[
        Path | None, typer.Option("--check", metavar="DIR", help="Compare an exported folder with torch instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Export a network and its decoder, for programs without torch.

    The folder is written whole or not at all. An older export in its place is replaced.
    """
    from flows.cli.admin import model_export

    options = {"NAME": name, "--to": to, "--out": out, "--adapters": adapters, "--dtype": dtype, "--rope": rope}
    if check is not None:
        given = [option for option, value in options.items() if value]
        model_export.check(check, given=given, as_json=as_json)
        return
    chosen = model_export.ExportOptions(
        adapters=adapters or [],
        dtype="float16" if dtype == ExportPrecision.FLOAT16 else "float32",
        rope="exact" if rope == ExportRope.EXACT else "float16",
    )
    model_export.export(name, chosen, to=to, out=out, as_json=as_json)
