"""``share``: a page of a release for listeners, as a folder or behind a link that expires."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from catalog.catalog import Catalog, open_catalog
from catalog.common.errors import RefusedError
from catalog.common.figures import size
from catalog.common.settings import Settings, load_settings
from catalog.ledger.results import artifact_facts, artifact_sizes
from catalog.plan.queries import require_album
from catalog.release.builds import release_of_build
from catalog.release.queries import ReleaseRow
from catalog.store.s3_objects import NamedObjects, named_objects
from flows.cli.console.lookup import album_id, require_release
from flows.console import print_json, stdout
from tasks.delivery.sharing import Shared, shared, write_shared

_BUILD = re.compile(r"(.+)@([0-9]{1,9})")
_PAGE = re.compile(r"([0-9]{1,12})-[0-9a-f]{32}\.html")
DAY_S = 24 * 3600


def share_folder(name: str, out: Path, *, downloads: bool, as_json: bool) -> None:
    """Write a folder that any web server, or a browser from disk, can show."""
    settings = load_settings()
    with open_catalog(settings) as catalog:
        release = _release(catalog, settings, name)
        page = shared(catalog, release, downloads=downloads)
        folder = out / release.album_id
        total = write_shared(catalog, page, folder)
    weight = len(page.page())
    if as_json:
        document = {"album": release.album_id, "build": release.build, "folder": str(folder)}
        print_json({**document, "page_bytes": weight, "bytes": total, "files": [*page.files, "index.html"]})
        return
    stdout().print(f"Share this folder: {folder} ({size(total)}, of which the page {size(weight)}).", soft_wrap=True)


def share_link(name: str, *, days: float, downloads: bool, as_json: bool) -> None:
    """Put the page into the bucket of the store, and print a link to it that expires with all links in it."""
    settings = load_settings()
    _require_bucket(settings)
    expires_s = round(days * DAY_S)
    with open_catalog(settings) as catalog:
        release = _release(catalog, settings, name)
        page = shared(catalog, release, downloads=downloads)
        # The links in the page are made first, so that none of them outlives the page's own.
        expires_at = int(time.time()) + expires_s
        html = page.page(_links(catalog, page, expires_s))
        page_name = f"{expires_at}-{secrets.token_hex(16)}.html"
        objects = _pages(settings, release.album_id)
        objects.put(page_name, html)
        link = objects.link(page_name, expires_s, media_type="text/html; charset=utf-8")
        sizes = artifact_sizes(catalog.database, list(page.files.values()))
    until = _stamp(expires_at)
    if as_json:
        document = {"album": release.album_id, "build": release.build, "link": link, "expires_at": until}
        print_json({**document, "page_bytes": len(html), "bytes": len(html) + sum(sizes.values())})
        return
    stdout().print(link, soft_wrap=True)
    stdout().print(f"Valid until {until}; whoever has the link needs no password.", soft_wrap=True)


def share_list(name: str, *, as_json: bool) -> None:
    """List the pages of an album in the bucket, with the time until which each one's link is valid."""
    settings = load_settings()
    found = _found(settings, _album(settings, name))
    if as_json:
        print_json({"shared": [{"page": page, "expires_at": _stamp(at)} for page, at in found.items()]})
        return
    if not found:
        stdout().print("No page of it is shared.")
    for page, at in found.items():
        state = "valid until" if at > time.time() else "expired"
        stdout().print(f"{page}  {state} {_stamp(at)}", soft_wrap=True)


def share_end(name: str, *, as_json: bool) -> None:
    """Remove all pages of an album from the bucket."""
    settings = load_settings()
    id_of_album = _album(settings, name)
    found = _found(settings, id_of_album)
    for page in found:
        _pages(settings, id_of_album).remove(page)
    if as_json:
        print_json({"ended": list(found)})
        return
    stdout().print(
        f"Pages removed: {len(found)}. Links to single files that somebody copied from them stay valid until they "
        "expire.",
        soft_wrap=True,
    )


def _release(catalog: Catalog, settings: Settings, name: str) -> ReleaseRow:
    """The release that a user names: ALBUM@BUILD, or an album's current one."""
    if match := _BUILD.fullmatch(name):
        id_of_album = album_id(match[1], settings)
        require_album(catalog.database, id_of_album)
        return release_of_build(catalog.database, id_of_album, int(match[2]))
    return require_release(catalog.database, album_id(name, settings))


def _album(settings: Settings, name: str) -> str:
    match = _BUILD.fullmatch(name)
    id_of_album = album_id(match[1] if match else name, settings)
    _require_bucket(settings)
    with open_catalog(settings) as catalog:
        require_album(catalog.database, id_of_album)
    return id_of_album


def _require_bucket(settings: Settings) -> None:
    if not settings.store_url:
        raise RefusedError(
            "links that expire need a store in a bucket, and this one is a folder",
            remedy="Leave --link out to get a folder, or set SONGLINE_STORE_URL",
        )


def _pages(settings: Settings, id_of_album: str) -> NamedObjects:
    """The pages of an album, beside the artifacts of the store, which its sweep does not touch."""
    return named_objects(settings, f"{settings.store_url.rstrip('/')}/shared/{id_of_album}")


def _found(settings: Settings, id_of_album: str) -> Mapping[str, int]:
    """Names of the album's pages, with the time at which each one's link expires (epoch seconds), the next first."""
    matches = (_PAGE.fullmatch(entry.key) for entry in _pages(settings, id_of_album).listing())
    return dict(sorted(((match[0], int(match[1])) for match in matches if match), key=lambda page: page[1]))


def _links(catalog: Catalog, page: Shared, expires_s: int) -> dict[str, str]:
    links = {}
    for path, digest in page.files.items():
        name = PurePosixPath(path).name if page.downloads else ""
        media_type = artifact_facts(catalog.database, digest)[1]
        links[path] = catalog.store.presign(digest, expires_s, file_name=name, media_type=media_type)
    return links


def _stamp(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds")
