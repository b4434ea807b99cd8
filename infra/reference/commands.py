"""The commands of ``docs/cli.md``, from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from flows.cli.console.help import Heading, heading_of
from flows.cli.main import app
from infra.reference.tables import table


def root() -> Any:
    """The ``songline`` command as Click has it."""
    return typer.main.get_command(app)


def leaves(group: Any, path: str = "songline") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its full name, also those of groups such as ``songline models``."""
    context = typer.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from leaves(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def commands() -> str:
    """All commands by their headings."""
    group = root()
    parts = []
    for heading in Heading:
        parts.append(f"## {heading.value}")
        for path, command in leaves(group):
            if heading_of(group.commands[path.split()[1]]) == heading:
                parts.append(_command(path, command))
    return "\n\n".join(parts)


def _command(path: str, command: Any) -> str:
    names = [_name(parameter) for parameter in _arguments(command)]
    parts = [f"### {path}", f"`{' '.join([path, *names, '[OPTIONS]'])}`", _prose(command.help)]
    rows = [(f"`{_name(argument)}`", _meaning(argument)) for argument in _arguments(command)]
    rows += [(_flags(option), _meaning(option)) for option in command.params if option.param_type_name == "option"]
    if rows:
        parts.append(table(("", "what it is"), rows))
    if command.epilog:
        lines = [line.strip() for line in command.epilog.splitlines()[2:]]
        parts.append("\n".join(["```sh", *lines, "```"]))
    return "\n\n".join(parts)


def _arguments(command: Any) -> list[Any]:
    return [parameter for parameter in command.params if parameter.param_type_name == "argument"]


def _name(argument: Any) -> str:
    name = argument.metavar or argument.name.upper()
    return name if argument.required or name.startswith("[") else f"[{name}]"


def _flags(option: Any) -> str:
    flags = ", ".join(f"`{flag}`" for flag in (*option.opts, *option.secondary_opts))
    return flags if option.is_flag else f"{flags} {_takes(option)}"


def _takes(option: Any) -> str:
    choices = getattr(option.type, "choices", None)
    if choices:
        return " \\| ".join(str(getattr(choice, "value", choice)) for choice in choices)
    kinds = {"int": "N", "float": "NUMBER", "path": "PATH", "file": "PATH"}
    return option.metavar or kinds.get(option.type.name.split()[0].rstrip("e").replace("integ", "int"), "TEXT")


def _meaning(parameter: Any) -> str:
    facts = []
    if parameter.required:
        facts.append("required")
    if parameter.param_type_name == "option" and not parameter.is_flag and parameter.default not in (None, ""):
        facts.append(f"default: {getattr(parameter.default, 'value', parameter.default)}")
    least, most = (getattr(parameter.type, bound, None) for bound in ("min", "max"))
    if least is not None and most is not None:
        facts.append(f"{least:g} to {most:g}")
    elif least is not None:
        facts.append(f"{least:g} or more")
    return (parameter.help or "").rstrip(".") + (f" ({'; '.join(facts)})" if facts else "")


def _prose(text: str | None) -> str:
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
