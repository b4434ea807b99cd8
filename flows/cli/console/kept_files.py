"""Reports the files that were kept in a release folder because no build had written them in this form."""

from __future__ import annotations

from catalog.common.text import visible
from flows.console import stdout
from tasks.delivery.package.export import Written
from tasks.delivery.package.own_files import OwnFile

LISTED = 10


def print_kept_files(written: Written) -> None:
    """Print a line for each kept file, for the first ones by name."""
    for file in written.own[:LISTED]:
        stdout().print(visible(kept_file_sentence(file), line_breaks=False), soft_wrap=True)
    if len(written.own) > LISTED:
        stdout().print(f"Kept as well: {len(written.own) - LISTED} more")


def kept_file_sentence(file: OwnFile) -> str:
    """The kind of the file, and its present path."""
    is_renamed = file.place != file.path
    if file.was_delivered:
        placement = (
            f"it is {file.place} now, beside the new file" if is_renamed else "no file of this build takes its place"
        )
        return f"Kept your edited copy of {file.path}: {placement}."
    return f"Kept your own file {file.path}{f' as {file.place}' if is_renamed else ''}: no build wrote it."
