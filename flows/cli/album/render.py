"""``render`` and ``rerun``: makes an album on this machine, and renders one candidate again."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import InputError, MachineError, RefusedError, SonglineError, WorkError
from catalog.common.settings import load_settings
from catalog.common.takes import IMPORTED
from catalog.ledger.results import pruned_among, render_products, sample_digest_of
from catalog.plan.plan import PlannedAlbum, set_current_release
from catalog.plan.queries import candidate_by_prefix, parent_of, recipe_of
from catalog.recipe import Recipe
from catalog.release.queries import release_by_key
from flows.cli.album.again import From, plan_again, print_comparison
from flows.cli.console.kept_files import print_kept_files
from flows.cli.console.stopping import stoppable
from flows.console import print_error, print_json, stdout, warn, with_song_title, with_subject
from flows.pipeline.forecast import finished_result, forecast
from flows.pipeline.pipeline import PipelineResult
from flows.pipeline.progress import LiveLines, Progress
from flows.pipeline.retry_failed import requeue_environment_failures
from flows.planning.plan_album import declare_album, reused_id_warning
from flows.planning.read_manifest import read_album
from tasks.delivery.package.bundle import check_destination
from tasks.delivery.package.export import release_folder, write_release
from tasks.engines.registry import get_engine
from tasks.steps.environment import execution_environment

if TYPE_CHECKING:
    from tasks.rendering.reproduce import Verdict


def render(path: Path, out: Path, until: str, start: From | None = None) -> None:
    """Run the whole pipeline on this machine; with ``start``, finished work from that stage on is done again. Exits
    with the failures' code where a song failed."""
    settings = load_settings()
    album = read_album(path, settings)
    for line in album.warnings:
        warn(with_song_title(album, line))
    if until == "release":
        check_destination(release_folder(out, album.id))
        _check_writable(out)
    with open_catalog(settings) as catalog:
        if warning := reused_id_warning(catalog, album):
            warn(warning)
        planned = declare_album(catalog, album)
        requeue_environment_failures(catalog, lambda: planned)
        before = plan_again(catalog, planned, start) if start else None
        result = asyncio.run(finished_result(catalog, planned, Progress(planned.songs), until))
        if result is not None and until != "release" and not result.failures:
            stdout().print(f"Nothing to do: {album.title} is made until the stage {until}.", soft_wrap=True)
        was_missing = result is None
        if result is None:
            _check_room(catalog, planned)
            result = _produce(catalog, planned, until)
        if result.release_key:
            set_current_release(catalog.database, album.id, result.release_key)
            _deliver(catalog, result.release_key, out, was_missing=was_missing)
        if before is not None:
            print_comparison(catalog, before)
    titles = {song.id: song.title for song in album.songs}
    if result.release_key:  # a partial release is what the manifest allows
        for song, error in result.failures.items():
            warn(with_subject(titles.get(song, song), str(error)))
        return
    for song, error in result.failures.items():
        print_error(error, as_json=False, subject=titles.get(song, song))
    if result.failures:
        codes = {error.exit_code for error in result.failures.values()}
        sys.exit(codes.pop() if len(codes) == 1 else 1)


def _check_writable(out: Path) -> None:
    folder = next(path for path in (out.absolute(), *out.absolute().parents) if path.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError(f"the release cannot be written to {out}", remedy="Choose another folder with --out")


def _check_room(catalog: Catalog, planned: PlannedAlbum) -> None:
    needed_bytes = forecast(catalog, planned, complete=False).stored_bytes
    free_bytes = shutil.disk_usage(catalog.settings.home).free
    if free_bytes < needed_bytes:
        raise MachineError(
            f"the album needs about {needed_bytes / 1e6:.0f} MB and {free_bytes / 1e6:.0f} MB are free in "
            f"{catalog.settings.home}",
            remedy="Free disk space, or point SONGLINE_HOME to another disk",
        )


def _produce(catalog: Catalog, planned: PlannedAlbum, until: str) -> PipelineResult:
    from flows.embedded.api import local_api

    progress = Progress(planned.songs)
    with local_api(catalog.settings.prefect_path):
        from flows.produce_locally import produce_locally

        with LiveLines(progress, stdout(), until=until) as lines, stoppable(lines.stop):
            return produce_locally(catalog, planned, progress, until)


def _deliver(catalog: Catalog, release_key: str, out: Path, *, was_missing: bool) -> None:
    """Write the release and print its path; ``was_missing`` is whether any step had to be run for it."""
    release = release_by_key(catalog.database, release_key)
    if release is None:
        raise SonglineError("the release is not in the catalog", remedy="Run the same command again")
    written_release = write_release(catalog, release, out)
    print_kept_files(written_release)
    for track in release.document["tracks"]:
        if limitation := track["readings"]["stopped_by"]:
            warn(f"{track['title']}: {limitation}")
    line = Text("Listen: ", style="bold").append(str(written_release.folder / "index.html"), style="cyan")
    if not written_release.changed:
        note = "the store has all of it again; these files were whole" if was_missing else "nothing was missing"
        line.append(f"  ({note})", style="dim")
    stdout().print(line, soft_wrap=True)


def rerun(prefix: str, *, as_json: bool) -> None:
    """Render a candidate's recipe again and print its difference from the stored audio; exits 1 where it differs.

    Audio that was pruned is stored again where it comes out bit for bit as it was.
    """
    settings = load_settings()
    with open_catalog(settings) as catalog:
        candidate, key = candidate_by_prefix(catalog.database, prefix)
        products = render_products(catalog.database, key)
        if "audio" not in products:
            raise SonglineError(f"{candidate} is not rendered yet", remedy="Run `songline render` first")
        recipe = recipe_of(catalog.database, key)
        _refuse_import(candidate, recipe)
        was_pruned = products["audio"] in pruned_among(catalog.database, [products["audio"]])
        if was_pruned:
            verdict = _bring_back(catalog, candidate, recipe, products)
        else:
            verdict = _compare(catalog, recipe, products["audio"])
        note = get_engine(recipe.engine, settings).tolerance_note(recipe)
    if as_json:
        document = {"candidate": candidate, "verdict": verdict.verdict, "difference_dbfs": verdict.difference_dbfs}
        document |= {"restored": verdict.verdict == "identical"} if was_pruned else {}
        print_json({**document, "note": note} if note else document)
    else:
        figure = "" if verdict.difference_dbfs is None else f" (largest difference {verdict.difference_dbfs:.1f} dBFS)"
        stdout().print(f"{candidate}: {verdict.verdict}{figure}{_restored(verdict) if was_pruned else ''}")
        if note:
            stdout().print(note, soft_wrap=True)
    if verdict.verdict == "different":
        sys.exit(1)


def _compare(catalog: Catalog, recipe: Recipe, audio: str) -> Verdict:
    from tasks.rendering.reproduce import compare

    return compare(
        catalog,
        recipe,
        catalog.store.local(audio),
        sample_digest=sample_digest_of(catalog.database, audio),
        tolerance_dbfs=get_engine(recipe.engine, catalog.settings).tolerance_dbfs(recipe),
        execution=execution_environment(),
    )


def _bring_back(catalog: Catalog, candidate: str, recipe: Recipe, products: Mapping[str, str]) -> Verdict:
    """Raises WorkError for a retake whose parent's audio was pruned too."""
    from tasks.rendering.reproduce import Verdict, bring_back

    catalog.require_writable()
    parent = parent_of(catalog.database, candidate)
    if parent is not None and parent[1] in pruned_among(catalog.database, [parent[1]]):
        raise WorkError(
            f"{candidate} is a retake of {parent[0]}, whose audio was pruned",
            remedy=f"Run `songline rerun {parent[0]}` first, and then this again",
        )
    return Verdict(bring_back(catalog, recipe, products, execution_environment()), None)


def _restored(verdict: Verdict) -> str:
    if verdict.verdict == "identical":
        return "; its audio is back in the store"
    return "; nothing was stored, since other audio cannot take the place of what was pruned"


def _refuse_import(candidate: str, recipe: Recipe) -> None:
    """Raise RefusedError for a take that no engine here made."""
    if recipe.engine == IMPORTED:
        raise RefusedError(
            f"{candidate} was made elsewhere ({recipe.inputs['origin']}): there is nothing to render it from",
            remedy="`songline verify` compares its stored file with its digest",
        )
