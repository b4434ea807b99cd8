"""The command behind ``make stack``: the production services of one machine as plain processes on loopback."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from catalog.common.errors import MachineError, SonglineError
from infra.stack.files import StackPaths, locked


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    options = _parser().parse_args(arguments)
    paths = StackPaths(options.folder.absolute())
    try:
        return _run(options, paths)
    except SonglineError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except (OSError, ImportError) as error:
        machine_error = MachineError(
            f"the stack cannot be changed: {error}", remedy="Run `make stack`, which installs it"
        )
        sys.stderr.write(f"error: {machine_error}\n")
        return machine_error.exit_code


def _run(options: argparse.Namespace, paths: StackPaths) -> int:
    if options.command == "status":
        from infra.stack.status import status

        return status(paths, print_line=_print)
    with locked(paths):
        if options.command == "up":
            from infra.stack.up import up

            up(paths, gpus=options.gpus, print_line=_print)
            _print(f"Reach it with: set -a; . {paths.environment}; set +a")
        else:
            from infra.stack.down import down

            down(paths, print_line=_print)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.stack", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--folder", type=Path, default=Path(".songline"), help="where the stack keeps everything")
    parser.add_argument(
        "--gpus",
        default=os.environ.get("GPUS"),
        help="devices with commas between, one worker each; empty: one worker without a GPU; left out: as before",
    )
    return parser


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
