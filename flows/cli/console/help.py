"""The layout of ``songline --help``: commands under headings, and examples below a command's options."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from typer.core import TyperGroup


class Heading(StrEnum):
    """The headings of the list of commands, in the order in which they are shown."""

    MAKE = "Make an album"
    CHOOSE = "Choose takes"
    LOOK = "Look"
    FINISH = "Finish and deliver"
    TRAIN = "Train a sound"
    MAINTAIN = "Maintain"
    FARM = "Farm"


class CommandsByHeading(TyperGroup):
    """A group that lists its commands under their headings (``rich_help_panel``), without loading rich."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of the commands, by heading and then in the order of registration."""
        order = {heading.value: place for place, heading in enumerate(Heading)}
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: order[heading_of(self.commands[name])])

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each heading; ``formatter`` is Click's ``HelpFormatter``."""
        names = [name for name in self.list_commands(ctx) if not self.commands[name].hidden]
        width = max(len(name) for name in names)
        room = formatter.width - 6 - width
        for heading in Heading:
            rows = [
                (name.ljust(width), self.commands[name].get_short_help_str(room))
                for name in names
                if heading_of(self.commands[name]) == heading
            ]
            with formatter.section(heading.value):
                formatter.write_dl(rows)


def heading_of(command: Any) -> str:
    """The heading of a Click command. Raises ValueError where it has none: no command may be left out of the help."""
    heading = getattr(command, "rich_help_panel", None)
    if heading not in set(Heading):
        raise ValueError(f"the command {command.name!r} stands under no heading of the help")
    return str(heading)


def examples(*commands: str) -> str:
    """The text below a command's options: one command a line, which Click does not wrap (its mark is ``\\b``)."""
    return "\n".join(["\b", "Examples:", *(f"  {command}" for command in commands)])
