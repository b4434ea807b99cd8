"""``songline models``: names, options and help. Implementations are imported when called."""

from __future__ import annotations

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
