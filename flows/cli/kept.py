"""What a command says of the files that stayed in a release folder because no build had written them."""

from __future__ import annotations

from catalog.text import visible
from flows.cli.output import stdout
from tasks.delivery.export import Written

LISTED = 10


def say_kept(written: Written) -> None:
    """A line for each file that was kept, the first ones by name."""
    for path in written.kept[:LISTED]:
        stdout().print(f"Kept, as no build wrote it: {visible(str(path), line_breaks=False)}", soft_wrap=True)
    if len(written.kept) > LISTED:
        stdout().print(f"Kept as well: {len(written.kept) - LISTED} more")
