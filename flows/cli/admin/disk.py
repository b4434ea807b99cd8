"""``albums``, ``du``, ``remove`` and ``prune``: lists albums, shows their disk use, removes and thins them out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import InputError, SonglineError
from catalog.common.figures import size
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.common.understood import understood
from catalog.housekeeping.artifact_kinds import KINDS
from catalog.housekeeping.disk_use import DiskUse, disk_use
from catalog.housekeeping.kept_takes import KeepRule
from catalog.housekeeping.pruning import Prune, plan_prune, prune_albums
from catalog.housekeeping.removal import Removal, plan_removal, remove_album
from catalog.monitoring.album_list import AlbumEntry, albums_of
from catalog.plan.plan import delivered_release
from catalog.plan.storage import stored_plan
from flows.cli.console.lookup import album_id
from flows.console import SafeTable, print_json, stdout, warn

SHOWN = tuple(kind for kind in KINDS if kind not in ("inputs", "other"))
"""The kinds with a column of their own; the others are small."""


def albums(*, as_json: bool) -> None:
    """List every album with its state."""
    with open_catalog(load_settings()) as catalog, understood():
        entries = [_with_surveyed_state(catalog, entry) for entry in albums_of(catalog.database)]
    if as_json:
        print_json({"albums": [asdict(entry) for entry in entries]})
        return
    if not entries:
        stdout().print("There is no album yet: `songline init FOLDER` writes one to start from.")
        return
    table = SafeTable("album", "title", "state", "songs", "candidates", "build", "builds kept", "released")
    for entry in entries:
        table.add_row(*_row(entry))
    stdout().print(table)


def _with_surveyed_state(catalog: Catalog, entry: AlbumEntry) -> AlbumEntry:
    """An album with selected winners, with its state as ``status ALBUM`` shows it: a survey checks whether its masters
    and files exist too, and whether the delivered release is up to date."""
    from flows.pipeline.survey import survey

    if entry.state not in ("decided", "released"):
        return entry
    try:
        status = survey(catalog, stored_plan(catalog.database, entry.id))
    except SonglineError:
        return entry  # the survey is not possible on this machine, for example where a model is missing
    state = status.state(delivered_release(catalog.database, entry.id)[0])
    return replace(entry, state="decided" if state == "unfinished" else state)


def _row(entry: AlbumEntry) -> Sequence[Text | str]:
    build = "-" if entry.build is None else str(entry.build)
    day = datetime.fromtimestamp(entry.released_at, UTC).date().isoformat() if entry.released_at else "-"
    return (
        Text(entry.id),
        Text(entry.title),
        entry.state,
        *map(str, (entry.songs, entry.candidates)),
        build,
        str(entry.builds),
        day,
    )


def du(album_name: str | None, *, as_json: bool) -> None:
    """Print the disk use by album and kind."""
    settings = load_settings()
    with open_catalog(settings) as catalog, understood():
        use = disk_use(catalog, album_id(album_name, settings) if album_name else None)
    if as_json:
        print_json(_document(use))
        return
    table = SafeTable("album", "all", "its own", *SHOWN)
    for column in table.columns[1:]:
        column.justify = "right"
    for album in use.albums:
        kinds = (size(album.kinds[kind]) for kind in SHOWN)
        table.add_row(Text(album.id), size(album.bytes), size(album.own_bytes), *kinds)
    stdout().print(table)
    for line in _lines(use):
        stdout().print(line, soft_wrap=True)


def _document(use: DiskUse) -> dict[str, Any]:
    return {
        "albums": [asdict(album) for album in use.albums],
        "store": {
            "bytes": sum(use.store.values()),
            "kinds": dict(use.store),
            "shared_bytes": use.shared,
            "unassigned_bytes": use.unassigned,
            "garbage_bytes": use.garbage,
        },
        **{f"{name}_bytes": count for name, count in use.other_folders.items()},
        "free_bytes": use.free,
    }


def _lines(use: DiskUse) -> list[str]:
    """Lines below the table, with what it does not show."""
    lines = [f"Store: {size(sum(use.store.values()))}, each artifact counted once."]
    if use.shared:
        lines.append(f"Several albums share {size(use.shared)}: it is part of each one's `all`, and of no album's own.")
    if use.unassigned:
        lines.append(
            f"In no album's release or takes: {size(use.unassigned)}; `songline gc --keep-builds N` removes what no "
            "manifest asks for any more of it."
        )
    if use.garbage:
        lines.append(f"Garbage: {size(use.garbage)}; `songline gc` removes it.")
    other_use = ", ".join(f"{name} {size(count)}" for name, count in use.other_folders.items() if count)
    lines += [f"Beside the store: {other_use}."] if other_use else []
    return [*lines, f"Free: {size(use.free)}."]


def remove(album_name: str, *, dry_run: bool, is_confirmed: bool, as_json: bool) -> None:
    """Remove an album after printing what is removed and what is kept."""
    settings = load_settings()
    with open_catalog(settings) as catalog, understood():
        album = album_id(album_name, settings)
        removal = plan_removal(catalog.database, album)
        if not as_json:
            for line in _removal_lines(album, removal):
                stdout().print(line, soft_wrap=True)
        if not dry_run:
            if not is_confirmed and not _confirm(album, as_json=as_json):
                stdout().print("Nothing was removed.")
                return
            catalog.require_writable()
            removal = remove_album(catalog.database, catalog.store, album)
    if as_json:
        print_json({"album": album, **removal_document(removal), "dry_run": dry_run})
    elif not dry_run:
        stdout().print(f"Removed {album}: {size(freed_bytes(removal))} freed.")
    exit_if_incomplete(removal)


def _removal_lines(album: str, removal: Removal) -> list[str]:
    kinds = ", ".join(f"{kind} {size(count)}" for kind, count in removal.freed.items() if count) or "nothing"
    counts = (
        counted(removal.songs, "song"),
        counted(removal.candidates, "candidate"),
        counted(len(removal.builds), "build"),
    )
    lines = [f"{album}: {', '.join(counts)}, with all scores and decisions.", f"Its own bytes: {kinds}."]
    if removal.shared_bytes:
        lines.append(f"Other albums need {size(removal.shared_bytes)} of it, which stay.")
    return [*lines, "Its manifest, and release folders that were written, are not touched."]


def _confirm(album: str, *, as_json: bool) -> bool:
    """Ask for confirmation at the terminal. Raises InputError where there is no terminal."""
    if as_json or not sys.stdin.isatty():
        raise InputError(f"{album} is not removed without a yes", remedy="Add --yes, or --dry-run to see what would go")
    return input("Remove it? [y/N] ").strip().lower() in ("y", "yes")


def removal_document(removal: Removal) -> dict[str, Any]:
    """The removed items, or those that would be removed, as JSON."""
    return {
        "songs": removal.songs,
        "candidates": removal.candidates,
        "builds": [{"album": album, "build": build} for album, build in removal.builds],
        "bytes": sum(removal.freed.values()),
        "kinds": dict(removal.freed),
        "shared_bytes": removal.shared_bytes,
        "left": [stored_object.digest for stored_object in removal.collected.not_removed] if removal.collected else [],
    }


def freed_bytes(removal: Removal) -> int:
    """Bytes that were actually freed."""
    return sum(stored_object.size for stored_object in removal.collected.garbage) if removal.collected else 0


def prune(album_names: Sequence[str], keep: str, *, dry_run: bool, as_json: bool) -> None:
    """Drop the audio of the albums' candidates that ``keep`` does not name, or with ``dry_run`` only print it."""
    settings = load_settings()
    rule = KeepRule.from_text(keep)
    with open_catalog(settings) as catalog, understood():
        names = list(dict.fromkeys(album_id(name, settings) for name in album_names))
        if dry_run:
            pruned = plan_prune(catalog.database, names, rule)
        else:
            catalog.require_writable()
            pruned = prune_albums(catalog.database, catalog.store, names, rule)
    if as_json:
        print_json({**_prune_document(pruned), "keep": keep, "dry_run": dry_run})
    else:
        _print_prune(pruned, dry_run=dry_run)
    exit_if_incomplete(pruned)


def _prune_document(pruned: Prune) -> dict[str, Any]:
    left = pruned.collected.not_removed if pruned.collected else ()
    return {
        "albums": list(pruned.albums),
        "dropped": list(pruned.dropped),
        "kept": pruned.kept,
        "shared": list(pruned.shared),
        "artifacts": len(pruned.artifacts),
        "bytes": sum(pruned.freed.values()),
        "kinds": dict(pruned.freed),
        "left": [stored_object.digest for stored_object in left],
    }


def _print_prune(pruned: Prune, *, dry_run: bool) -> None:
    verb = "would be dropped" if dry_run else "dropped"
    takes, files = counted(len(pruned.dropped), "take"), counted(len(pruned.artifacts), "file")
    bytes_ = size(sum(pruned.freed.values()))
    stdout().print(f"The audio of {takes} {verb}: {files}, {bytes_}. {pruned.kept} keep theirs.", soft_wrap=True)
    for name in pruned.dropped:
        stdout().print(Text(f"  {name}"))
    if pruned.shared:
        count_text = counted(len(pruned.shared), "more stays", "more stay")
        stdout().print(f"{count_text}, since another album, a release or a kept retake needs its audio.")
    if pruned.dropped and not dry_run:
        stdout().print("Scores, decisions and recipes stay; `songline rerun TAKE` brings a take back.", soft_wrap=True)


def exit_if_incomplete(removal: Removal | Prune) -> None:
    """Report bytes that could not be removed, and exit with the code of the error that prevented it."""
    if removal.collected and removal.collected.error:
        warn(f"the rows are gone, and not all bytes: `songline gc` removes the rest. {removal.collected.error}")
        sys.exit(removal.collected.error.exit_code)
