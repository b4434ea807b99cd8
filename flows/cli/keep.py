"""``verify``, ``export`` and ``gc``: keeping house."""

from __future__ import annotations

import sys
from pathlib import Path

from catalog.errors import InputError
from catalog.house import open_house
from catalog.queries import artifact_digests, current_release
from catalog.repair import examine, require_some_whole
from catalog.repair import repair as mend
from catalog.settings import load_settings
from catalog.sweep import sweep
from flows.cli.look import album_id
from flows.cli.output import print_json, stdout, warn
from tasks.delivery.export import write_release


def verify(*, repair: bool, as_json: bool) -> None:
    """Read every byte; exits 1 when something is missing or corrupt. ``repair`` plans again what made it."""
    planned = 0
    with open_house(load_settings()) as house:
        artifacts = artifact_digests(house.database)
        kept = [digest for digest, pruned in artifacts if not pruned]
        damages = examine(house.database, house.store, kept)
        if repair:
            planned = mend(house.database, house.store, damages)
        else:
            require_some_whole(kept, damages)
    if as_json:
        print_json(
            {
                "checked": len(kept),
                "missing": [damage.digest for damage in damages if not damage.corrupt],
                "corrupt": [damage.digest for damage in damages if damage.corrupt],
                "pruned": len(artifacts) - len(kept),
                "planned_again": planned,
            }
        )
    else:
        for damage in damages:
            made = f"{damage.role}, made by {damage.kind}" if damage.kind else "given from outside"
            stdout().print(f"{'corrupt' if damage.corrupt else 'missing'} {damage.digest}  {made}")
        bad = sum(damage.corrupt for damage in damages)
        stdout().print(f"{len(kept)} artifacts checked, {len(damages) - bad} missing, {bad} corrupt")
        if repair:
            stdout().print(f"{planned} pieces of work are planned again; `songline render` does them.")
        elif damages:
            stdout().print("`songline verify --repair` plans again what made them.")
    if damages and not repair:
        sys.exit(1)


def export(album: str, out: Path, *, as_json: bool) -> None:
    """Write the newest release from the store."""
    settings = load_settings()
    with open_house(settings) as house:
        found = album_id(album, settings)
        release = current_release(house.database, found)
        if release is None:
            raise InputError(f"album {found!r} has no release yet", remedy="Run `songline render` first")
        written = write_release(house, release, out)
    if as_json:
        print_json({"album": found, "build": release.build, "folder": str(written.folder), "changed": written.changed})
    else:
        stdout().print(f"Build {release.build}: {written.folder}", markup=False, soft_wrap=True)


def gc(*, dry_run: bool, as_json: bool) -> None:
    """Sweep bytes without a row, half-written files, and names of dead processes."""
    settings = load_settings()
    with open_house(settings) as house:
        swept = sweep(house.database, house.store, settings.gc_grace_s, dry_run=dry_run)
    removed = [stored.digest for stored in swept.garbage]
    size = sum(stored.size for stored in swept.garbage)
    if as_json:
        left = [stored.digest for stored in swept.left]
        told = {"removed": removed, "bytes": size, "unfinished": swept.unfinished, "left": left, "dry_run": dry_run}
        print_json(told)
    else:
        verb = "would be removed" if dry_run else "removed"
        stdout().print(f"{len(removed)} artifacts without a row {verb} ({size / 1e6:.1f} MB)")
    if swept.trouble:
        warn(f"{len(swept.left)} more were left, the next `songline gc` tries them again: {swept.trouble}")
        sys.exit(swept.trouble.exit_code)
