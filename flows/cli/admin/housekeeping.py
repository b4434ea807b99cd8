"""``verify``, ``export`` and ``gc``: maintenance of the catalog and the store."""

from __future__ import annotations

import json
import os
import pwd
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from catalog.catalog import open_catalog
from catalog.common import figures
from catalog.common.errors import InputError
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.common.understood import understood
from catalog.housekeeping.lost_artifacts import places_of
from catalog.housekeeping.removal import Removal, bytes_of_old_builds, remove_old_builds
from catalog.housekeeping.repair import Damage, accept, accepted_losses, examine, not_made_again, require_some_whole
from catalog.housekeeping.repair import repair as mend
from catalog.housekeeping.rescue import Rescue, bring_back, require_no_rescue, rescue_for
from catalog.ledger.results import artifact_digests
from catalog.lineage.release import tells_of_the_machine
from catalog.release.queries import current_release
from catalog.store.gc import collect_garbage, require_catalog_of
from flows.cli.admin.disk import end, freed_bytes, removal_document
from flows.cli.admin.lost_artifacts import lost_documents, lost_sentence
from flows.cli.console.kept_files import say_kept
from flows.cli.console.lookup import album_id
from flows.console import print_json, stdout, warn
from tasks.delivery.identify import remember_samples
from tasks.delivery.package.export import write_release

MAX_NAME_CHARACTERS = 200


def verify(*, repair: bool, accept_loss: bool, as_json: bool) -> None:
    """Read every stored byte, the catalog's file included; exits 1 where something is missing or corrupt.

    ``repair`` requeues the steps that made it, as far as a manifest needs it; ``accept_loss`` does so too, and records
    everything that was found missing or corrupt as lost.
    """
    planned, back = 0, list[str]()
    with open_catalog(load_settings()) as catalog:
        if repair or accept_loss:
            catalog.require_writable()
        catalog.database.check()
        accepted_before = accepted_losses(catalog.database)
        artifacts = artifact_digests(catalog.database)
        kept = [digest for digest, pruned in artifacts if not pruned]
        damages = examine(catalog.database, catalog.store, kept)
        rescue = rescue_for(catalog.settings.home, damages)
        with understood():
            places = places_of(catalog.database, damages)
            rest = not_made_again(catalog.database, damages)
        if accept_loss or not repair:
            require_some_whole(kept, damages)
        if accept_loss:
            require_no_rescue(rescue)
            planned = accept(catalog.database, catalog.store, damages, by=_this_person())
        elif repair:
            if rescue:
                back = bring_back(catalog.database, catalog.store, rescue)
            planned = mend(catalog.database, catalog.store, [d for d in damages if d.digest not in back])
        accepted = accepted_losses(catalog.database)
    if as_json:
        print_json(
            {
                "checked": len(kept),
                "missing": [damage.digest for damage in damages if not damage.corrupt],
                "corrupt": [damage.digest for damage in damages if damage.corrupt],
                "pruned": len(artifacts) - len(kept) - len(accepted_before),
                "planned_again": planned,
                "from_backup": back,
                "accepted_as_lost": len(accepted),
                "accepted_now": len(accepted - accepted_before),
                "lost": lost_documents(damages, places),
            }
        )
    else:
        for damage in damages:
            stdout().print(Text(lost_sentence(damage, places[damage.digest])), soft_wrap=True)
        bad = sum(damage.corrupt for damage in damages)
        lost = f"; accepted as lost: {len(accepted)}" if accepted else ""
        stdout().print(f"{counted(len(kept), 'artifact')} checked, {len(damages) - bad} missing, {bad} corrupt{lost}")
        if rescue:
            _tell_rescue(rescue, back)
        if repair or accept_loss:
            stdout().print(_planned_again(planned))
        if not accept_loss:
            left = [damage for damage in damages if damage.digest not in back]
            _advise(left, [damage for damage in rest if damage in left], repaired=repair)
    if damages and not repair and not accept_loss:
        sys.exit(1)


def _tell_rescue(rescue: Rescue, back: Sequence[str]) -> None:
    if back:
        sentence = f"{counted(len(back), 'artifact')} came back from the backup in {rescue.folder}."
    else:
        has = counted(len(rescue.damages), "of them", "of them")
        sentence = f"The backup in {rescue.folder} has {has}; `songline verify --repair` brings them back from there."
    stdout().print(sentence, soft_wrap=True)


def _advise(left: Sequence[Damage], rest: Sequence[Damage], *, repaired: bool) -> None:
    """Print the remedies for the damage that is ``left``; the ``rest`` cannot be restored by any step."""
    if len(left) > len(rest) and not repaired:
        stdout().print("`songline verify --repair` plans again what made them, as far as a manifest asks for it.")
    made = [damage for damage in rest if damage.kind is not None]
    given = len(rest) - len(made)
    records = "`songline verify --accept-loss` records that they are lost."
    if made:
        stdout().print(f"No manifest asks any more for {len(made)} of what is lost: {records}", soft_wrap=True)
    if given:
        said = f"{counted(given, 'lost file was', 'lost files were')} given: `songline render` stores again what its"
        stdout().print(f"{said} manifest names. Of what no manifest names, {records}", soft_wrap=True)


def _this_person() -> str:
    """The user who runs this command, as user@host."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # the user of a container may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"[:MAX_NAME_CHARACTERS]


def _planned_again(count: int) -> str:
    if not count:
        return "0 pieces of work are planned again."
    works = counted(count, "piece of work is", "pieces of work are")
    return f"{works} planned again; `songline render` does {'it' if count == 1 else 'them'}."


def export(album: str, out: Path, *, with_environment: bool = False, as_json: bool) -> None:
    """Write the newest release from the store."""
    settings = load_settings()
    with open_catalog(settings) as catalog:
        found = album_id(album, settings)
        release = current_release(catalog.database, found)
        if release is None:
            raise InputError(f"album {found!r} has no release yet", remedy="Run `songline render` first")
        written = write_release(catalog, release, out, with_environment=with_environment)
    if not as_json and tells_of_the_machine(json.loads((written.folder / "lineage.json").read_bytes())):
        warn("its lineage.json tells of the machine, as an older Songline packed it: `songline render` packs it anew")
    if as_json:
        told = {"album": found, "build": release.build, "folder": str(written.folder), "changed": written.changed}
        print_json({**told, "kept": list(written.kept)})
    else:
        say_kept(written)
        stdout().print(f"Build {release.build}: {written.folder}", soft_wrap=True)


def gc(*, dry_run: bool, keep_builds: int | None, as_json: bool) -> None:
    """Remove the bytes of older builds if requested; then bytes that nothing in the catalog refers to, partially
    written files, and names of dead processes."""
    settings = load_settings()
    old = None
    with open_catalog(settings) as catalog:
        if not dry_run:
            catalog.require_writable()
        require_catalog_of(catalog.database, catalog.store)
        if keep_builds is not None:
            if not dry_run:
                remember_samples(catalog, bytes_of_old_builds(catalog.database, keep_builds))
            old = remove_old_builds(catalog.database, catalog.store, keep_builds, dry_run=dry_run)
        swept = collect_garbage(catalog.database, catalog.store, settings.gc_grace_s, dry_run=dry_run)
    removed = [stored.digest for stored in swept.garbage]
    size = sum(stored.size for stored in swept.garbage)
    if as_json:
        left = [stored.digest for stored in swept.left]
        told = {"removed": removed, "bytes": size, "unfinished": swept.unfinished, "left": left, "dry_run": dry_run}
        print_json({**told, "old_builds": removal_document(old)} if old else told)
    else:
        verb = "would be removed" if dry_run else "removed"
        if old:
            freed = sum(old.freed.values()) if dry_run else freed_bytes(old)
            what = f"The files of {counted(len(old.builds), 'older build')}, and what no album needs, {verb}"
            stdout().print(f"{what} ({figures.size(freed)}).{_what_stays(old)}", soft_wrap=True)
        unneeded = counted(len(removed), "leftover file")
        stdout().print(f"{unneeded} that nothing in the catalog names {verb} ({figures.size(size)}).", soft_wrap=True)
    if swept.trouble:
        warn(f"{len(swept.left)} more could not be removed; the next `songline gc` tries again: {swept.trouble}")
        sys.exit(swept.trouble.exit_code)
    if old:
        end(old)


def _what_stays(old: Removal) -> str:
    """A sentence about what is kept of builds whose files are removed: their lineage."""
    if not old.builds:
        return ""
    return " Their lineage stays: `songline lineage` knows every file that they delivered."
