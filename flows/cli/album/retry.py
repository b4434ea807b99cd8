"""``retry``: requeues work that failed permanently, as far as albums need it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import SonglineError
from catalog.common.settings import load_settings
from catalog.common.text import counted
from catalog.ledger.results import failed_work
from catalog.plan.plan import album_ids
from catalog.plan.queries import require_album
from catalog.plan.storage import stored_plan
from flows.cli.console.failures import Failure, failures_of, what_next
from flows.cli.console.lookup import album_id
from flows.console import print_json, stdout, warn
from flows.pipeline.retry_failed import requeue
from flows.pipeline.survey import AlbumStatus, survey


def retry(album_name: str | None, *, as_json: bool) -> None:
    """Requeue the failed work of one album, or of all; work that no plan needs any more stays as it is."""
    settings = load_settings()
    id_of_album = None if album_name is None else album_id(album_name, settings)
    with open_catalog(settings) as catalog:
        if id_of_album is not None:
            require_album(catalog.database, id_of_album)
        failures_in_catalog = failed_work(catalog.database)
        statuses = (
            _statuses(catalog, [id_of_album] if id_of_album else album_ids(catalog.database))
            if failures_in_catalog or id_of_album
            else []
        )
        requested_work = {work.key: (album, work) for album in statuses for work in album.failed}
        count = requeue(catalog, [work for _, work in requested_work.values()])
    song_failures = [failure for status in statuses for failure in failures_of(status)] if not count else []
    left_count = sum(key not in requested_work for _, key, _ in failures_in_catalog)
    if as_json:
        documents: list[dict[str, Any]] = [
            {"album": album.album_id, "kind": work.kind, "key": key, "doing": work.run_name, **work.error}
            for key, (album, work) in requested_work.items()
        ]
        print_json(
            {
                "retried": count,
                "work": documents,
                **({"left": left_count} if left_count else {}),
                **_failures_document(song_failures),
            }
        )
        return
    for album, work in requested_work.values():
        line = f"{album.title}: {work.run_name}: {work.error.get('error', '')}"
        stdout().print(line, soft_wrap=True)
    pieces = counted(count, "piece of work is", "pieces of work are")
    next_step = "; `songline render` does them." if count > 1 else "; `songline render` does it." if count else "."
    stdout().print(f"{pieces} planned again{next_step}", soft_wrap=True)
    for failure in song_failures:
        stdout().print(Text(failure.sentence()), soft_wrap=True)
    if song_failures:
        stdout().print(what_next(song_failures), soft_wrap=True)
    elif not count and id_of_album:
        stdout().print(f"Nothing of {id_of_album} failed.")
    if left_count:
        plan_text = f"the plan of {id_of_album}" if id_of_album else "no album's present plan"
        clause = f"{plan_text} does not ask for" if id_of_album else f"{plan_text} asks for"
        stdout().print(
            f"{left_count} more failed, which {clause}: left as {'it is' if left_count == 1 else 'they are'}."
        )


def _failures_document(failures: Sequence[Failure]) -> dict[str, Any]:
    """The reasons why nothing is requeued: failed checks of finished work, which fail every time."""
    return {"failures": [failure.document() for failure in failures]} if failures else {}


def _statuses(catalog: Catalog, albums: list[str]) -> list[AlbumStatus]:
    statuses = []
    for album in albums:
        try:
            statuses.append(survey(catalog, stored_plan(catalog.database, album)))
        except SonglineError as error:
            warn(f"{album} is left out: {error}")
    return statuses
