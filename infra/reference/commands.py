"""The commands of ``docs/cli.md``: the output of ``--help``, under the same headings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer
import typer.main

from flows.cli.console.help import Heading, heading_of
from flows.cli.main import app

WIDTH = 100
"""Columns of the help text."""


def root() -> Any:
    """The ``songline`` command as a Click command."""
    return typer.main.get_command(app)


def leaves(group: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command without subcommands, by its words after ``songline``, also in groups such as ``models``."""
    for name in group.list_commands(typer.Context(group)):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from (((name, *words), leaf) for words, leaf in leaves(command))
        else:
            yield (name,), command


def commands() -> str:
    """All commands by their headings, each with its help."""
    group = root()
    parts = []
    for heading in Heading:
        parts.append(f"## {heading.value}")
        for words, command in leaves(group):
            if heading_of(group.commands[words[0]]) == heading:
                name = " ".join(("songline", *words))
                parts.append(f"### {name}\n\n```text\n{help_text(name, command)}\n```")
    return "\n\n".join(parts)


def help_text(name: str, command: Any) -> str:
    """The output of ``NAME --help`` on a wide terminal."""
    context = typer.Context(command, info_name=name, terminal_width=WIDTH)
    text: str = command.get_help(context)
    return text.replace("\b\n", "").rstrip()
