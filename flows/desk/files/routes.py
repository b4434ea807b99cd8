"""The routes of artifacts, and of the files of a release under the names that they have in it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from catalog.release.builds import release_of_build
from flows.desk.artifact_files import OpenArtifact, part_of
from flows.desk.context import Context, InContext
from flows.desk.files.ranges import NotSatisfiable, range_of
from flows.desk.not_there import NotThere

router = APIRouter()
SHOWN = frozenset(
    {
        "image/jpeg",
        "image/png",
        "text/plain",
        "application/json",
        "application/x-cue",
        "application/vnd.recordare.musicxml+xml",
        "application/vnd.bitwig.dawproject",
    }
)
"""Media types that are sent beside sound: pictures, notation and words. Models and latents never are."""
DRAWING, PAGE = "image/svg+xml", "text/html"
INERT = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"
"""The policy of an artifact that a browser shows by itself: nothing in it can run."""
OF_PAGE = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The policy of a release's listening page, which states a stricter one of its own, with the digest of its script. It
can play and show the release's files, and send nothing."""
CACHED = "private, max-age=31536000, immutable"


@router.api_route("/artifacts/{digest}", methods=["GET", "HEAD"])
def artifact(context: InContext, request: Request, digest: str) -> Response:
    """An artifact by its digest: sound, a picture, notation or words."""
    opened = context.artifacts.open(digest)
    is_shown = opened.media_type.startswith("audio/") or opened.media_type in {*SHOWN, DRAWING}
    if not is_shown:
        opened.file.close()
        raise NotThere("this kind of file is not shown here", remedy="`songline lineage` tells what it is")
    return _sent(request, opened, policy=INERT, caching=CACHED)


@router.api_route("/albums/{album}/releases/{build}/files/{path:path}", methods=["GET", "HEAD"])
def file_of_release(context: InContext, request: Request, album: str, build: int, path: str) -> Response:
    """A file of a release by its path in it, which is looked up among the release's own paths."""
    opened = context.artifacts.open(_digest_of(context, album, build, path))
    policy = OF_PAGE if opened.media_type == PAGE else INERT
    return _sent(request, opened, policy=policy, caching="private, no-cache")


def _digest_of(context: Context, album: str, build: int, path: str) -> str:
    digest = release_of_build(context.catalog.database, album, build).files.get(path)
    if digest is None:
        raise NotThere(f"build {build} has no file of this name", remedy="Open its page again")
    return digest


def _sent(request: Request, opened: OpenArtifact, *, policy: str, caching: str) -> Response:
    """The artifact, or the part of it that is asked for. Its digest is its ETag: it can never change."""
    tag = f'"{opened.digest}"'
    headers = {
        "accept-ranges": "bytes",
        "etag": tag,
        "cache-control": caching,
        "content-security-policy": policy,
        "content-type": _content_type(opened.media_type),
    }
    if tag in request.headers.get("if-none-match", ""):
        opened.file.close()
        return Response(status_code=304, headers=headers)
    asked = request.headers.get("range") if request.headers.get("if-range", tag) == tag else None
    try:
        part = range_of(asked if request.method == "GET" else None, opened.size)
    except NotSatisfiable:
        opened.file.close()
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{opened.size}"})
    first, length = (part.first, part.length) if part else (0, opened.size)
    headers["content-length"] = str(length)
    if part:
        headers["content-range"] = f"bytes {part.first}-{part.last}/{opened.size}"
    if request.method == "HEAD":
        opened.file.close()
        return Response(status_code=200, headers=headers)
    return StreamingResponse(part_of(opened.file, first, length), 206 if part else 200, headers)


def _content_type(media_type: str) -> str:
    is_text = media_type.startswith("text/") or media_type == "application/json"
    return f"{media_type}; charset=utf-8" if is_text else media_type
