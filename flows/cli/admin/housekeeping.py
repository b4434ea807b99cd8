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
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.common.understood import understood
from catalog.housekeeping.lost_artifacts import places_of
from catalog.housekeeping.removal import Removal, bytes_of_old_builds, remove_old_builds
from catalog.housekeeping.repair import Damage, accept, accepted_losses, examine, not_made_again, require_some_whole
from catalog.housekeeping.repair import repair as repair_artifacts
from catalog.housekeeping.rescue import Rescue, bring_back, require_no_rescue, rescue_for
from catalog.ledger.results import artifact_digests
from catalog.lineage.release import describes_the_machine
from catalog.release.builds import release_of_build
from catalog.store.gc import collect_garbage, require_catalog_of
from flows.cli.admin.disk import exit_if_incomplete, freed_bytes, removal_document
from flows.cli.admin.lost_artifacts import lost_documents, lost_sentence
from flows.cli.console.kept_files import print_kept_files
from flows.cli.console.lookup import album_id, require_release
from flows.console import print_json, stdout, warn
from tasks.delivery.identify import remember_samples
from tasks.delivery.package.export import write_release

MAX_NAME_CHARACTERS = 200


def verify(*, repair: bool, accept_loss: bool, as_json: bool) -> None:
    """Read every stored byte, the catalog's file included; exits 1 where something is missing or corrupt.

    ``repair`` requeues the steps that made it, where a manifest needs it; ``accept_loss`` does so too, and records
    everything that was found missing or corrupt as lost.
    """
    requeued_count, restored_digests = 0, list[str]()
    with open_catalog(load_settings()) as catalog:
        if repair or accept_loss:
            catalog.require_writable()
        catalog.database.check()
        earlier_losses = accepted_losses(catalog.database)
        artifacts = artifact_digests(catalog.database)
        kept_digests = [digest for digest, is_pruned in artifacts if not is_pruned]
        damages = examine(catalog.database, catalog.store, kept_digests)
        rescue = rescue_for(catalog.settings.home, damages)
        with understood():
            places = places_of(catalog.database, damages)
            irreparable_damages = not_made_again(catalog.database, damages)
        if accept_loss or not repair:
            require_some_whole(kept_digests, damages)
        if accept_loss:
            require_no_rescue(rescue)
            requeued_count = accept(catalog.database, catalog.store, damages, by=_current_user())
        elif repair:
            if rescue:
                restored_digests = bring_back(catalog.database, catalog.store, rescue)
            requeued_count = repair_artifacts(
                catalog.database,
                catalog.store,
                [lost_artifact for lost_artifact in damages if lost_artifact.digest not in restored_digests],
            )
        all_losses = accepted_losses(catalog.database)
    if as_json:
        print_json(
            {
                "checked": len(kept_digests),
                "missing": [damage.digest for damage in damages if not damage.corrupt],
                "corrupt": [damage.digest for damage in damages if damage.corrupt],
                "pruned": len(artifacts) - len(kept_digests) - len(earlier_losses),
                "planned_again": requeued_count,
                "from_backup": restored_digests,
                "accepted_as_lost": len(all_losses),
                "accepted_now": len(all_losses - earlier_losses),
                "lost": lost_documents(damages, places),
            }
        )
    else:
        for damage in damages:
            stdout().print(Text(lost_sentence(damage, places[damage.digest])), soft_wrap=True)
        corrupt_count = sum(damage.corrupt for damage in damages)
        loss_note = f"; accepted as lost: {len(all_losses)}" if all_losses else ""
        stdout().print(
            f"{counted(len(kept_digests), 'artifact')} checked, {len(damages) - corrupt_count} missing, "
            f"{corrupt_count} corrupt{loss_note}"
        )
        if rescue:
            _print_rescue(rescue, restored_digests)
        if repair or accept_loss:
            stdout().print(_requeued_sentence(requeued_count))
        if not accept_loss:
            remaining_damages = [damage for damage in damages if damage.digest not in restored_digests]
            _print_remedies(
                remaining_damages,
                [damage for damage in irreparable_damages if damage in remaining_damages],
                repaired=repair,
            )
    if damages and not repair and not accept_loss:
        sys.exit(1)


def _print_rescue(rescue: Rescue, restored_digests: Sequence[str]) -> None:
    if restored_digests:
        sentence = f"{counted(len(restored_digests), 'artifact')} came back from the backup in {rescue.folder}."
    else:
        count_text = counted(len(rescue.damages), "of them", "of them")
        sentence = (
            f"The backup in {rescue.folder} has {count_text}; `songline verify --repair` brings them back from there."
        )
    stdout().print(sentence, soft_wrap=True)


def _print_remedies(damages: Sequence[Damage], irreparable: Sequence[Damage], *, repaired: bool) -> None:
    """Print the remedies for the damage that is ``damages``; the ``irreparable`` cannot be restored by any step."""
    if len(damages) > len(irreparable) and not repaired:
        stdout().print("`songline verify --repair` plans again what made them, where a manifest asks for it.")
    made_by_steps = [damage for damage in irreparable if damage.kind is not None]
    given_count = len(irreparable) - len(made_by_steps)
    records = "`songline verify --accept-loss` records that they are lost."
    if made_by_steps:
        stdout().print(f"No manifest asks any more for {len(made_by_steps)} of what is lost: {records}", soft_wrap=True)
    if given_count:
        sentence = (
            f"{counted(given_count, 'lost file was', 'lost files were')} given: `songline render` stores again what its"
        )
        stdout().print(f"{sentence} manifest names. Of what no manifest names, {records}", soft_wrap=True)


def _current_user() -> str:
    """The user who runs this command, as user@host."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # the user of a container may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"[:MAX_NAME_CHARACTERS]


def _requeued_sentence(count: int) -> str:
    if not count:
        return "0 pieces of work are planned again."
    count_text = counted(count, "piece of work is", "pieces of work are")
    return f"{count_text} planned again; `songline render` does {'it' if count == 1 else 'them'}."


def export(album: str, out: Path, *, build: int | None = None, with_environment: bool = False, as_json: bool) -> None:
    """Write a release from the store: the newest, or the one with the number ``build``."""
    settings = load_settings()
    with open_catalog(settings) as catalog:
        id_of_album = album_id(album, settings)
        release = require_release(catalog.database, id_of_album)
        if build is not None:
            release = release_of_build(catalog.database, id_of_album, build)
        written_release = write_release(catalog, release, out, with_environment=with_environment)
    if not as_json and describes_the_machine(json.loads((written_release.folder / "lineage.json").read_bytes())):
        warn("its lineage.json describes the machine, as an older Songline packed it: `songline render` packs it again")
    if as_json:
        document = {
            "album": id_of_album,
            "build": release.build,
            "folder": str(written_release.folder),
            "changed": written_release.changed,
        }
        print_json({**document, "kept": list(written_release.kept)})
    else:
        print_kept_files(written_release)
        stdout().print(f"Build {release.build}: {written_release.folder}", soft_wrap=True)


def gc(*, dry_run: bool, keep_builds: int | None, as_json: bool) -> None:
    """Remove the bytes of older builds if requested; then bytes that nothing in the catalog refers to, partially
    written files, and names of dead processes."""
    settings = load_settings()
    old_builds = None
    with open_catalog(settings) as catalog:
        if not dry_run:
            catalog.require_writable()
        require_catalog_of(catalog.database, catalog.store)
        if keep_builds is not None:
            if not dry_run:
                remember_samples(catalog, bytes_of_old_builds(catalog.database, keep_builds))
            old_builds = remove_old_builds(catalog.database, catalog.store, keep_builds, dry_run=dry_run)
        collection = collect_garbage(catalog.database, catalog.store, settings.gc_grace_s, dry_run=dry_run)
    removed_digests = [stored_object.digest for stored_object in collection.garbage]
    size = sum(stored_object.size for stored_object in collection.garbage)
    if as_json:
        left_digests = [stored_object.digest for stored_object in collection.not_removed]
        document = {
            "removed": removed_digests,
            "bytes": size,
            "unfinished": collection.unfinished,
            "left": left_digests,
            "dry_run": dry_run,
        }
        print_json({**document, "old_builds": removal_document(old_builds)} if old_builds else document)
    else:
        verb = "would be removed" if dry_run else "removed"
        if old_builds:
            freed_size = sum(old_builds.freed.values()) if dry_run else freed_bytes(old_builds)
            sentence = f"The files of {counted(len(old_builds.builds), 'older build')}, and what no album needs, {verb}"
            stdout().print(f"{sentence} ({figures.size(freed_size)}).{_lineage_sentence(old_builds)}", soft_wrap=True)
        count_text = counted(len(removed_digests), "leftover file")
        stdout().print(f"{count_text} that nothing in the catalog names {verb} ({figures.size(size)}).", soft_wrap=True)
    if collection.error:
        warn(
            f"{len(collection.not_removed)} more could not be removed; the next `songline gc` tries again: "
            f"{collection.error}"
        )
        sys.exit(collection.error.exit_code)
    if old_builds:
        exit_if_incomplete(old_builds)


def _lineage_sentence(old_builds: Removal) -> str:
    """A sentence about what is kept of builds whose files are removed: their lineage."""
    if not old_builds.builds:
        return ""
    return " Their lineage stays: `songline lineage` knows every file that they delivered."
