"""Resumable downloads: locates a file on the model hub or elsewhere, and continues its bytes after an interruption.

The hub's own library gives a file's address, commit and digest. The bytes are downloaded by plain HTTP with range
requests, because that library restarts a file when its process has ended. No token is ever sent.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import httpx

from catalog.common.errors import MachineError
from catalog.common.redaction import redacted
from catalog.models.partial_file import OnProgress, Pace, PartialFile
from catalog.models.spec import COMMIT, ModelFile, Source
from catalog.network.web import Web, proxy_unusable, require_web, within

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"[0-9]{1,18}")
_RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class Remote:
    """A remote file and its source's data about it; ``revision`` is the commit it belongs to."""

    url: str
    revision: str = ""
    size_bytes: int | None = None
    sha256: str | None = None
    git_blob: str | None = None


@dataclass(frozen=True, slots=True)
class Patience:
    """Retry limits: number of attempts without progress, the first wait (which doubles), and the timeout for a byte.

    ``answer_s`` bounds the wait for the response headers with all redirects; a body that averages less than
    ``least_bytes_per_s`` over ``least_over_s`` is aborted.
    """

    tries: int = 4
    base_s: float = 1.0
    timeout_s: float = 30.0
    answer_s: float = 90.0
    least_bytes_per_s: float = 2048.0
    least_over_s: float = 60.0


class NotFound(MachineError):
    """The source has no such file."""


class _Cut(Exception):
    """The connection broke, or the server is busy: worth a retry."""


class Downloader:
    """The network client of one pull: ``hub_url`` is a mirror's URL, empty for the public hub. A context manager."""

    def __init__(self, hub_url: str = "", patience: Patience | None = None) -> None:
        if hub_url:
            require_web(hub_url, "SONGLINE_HUB_URL")
        self._hub_url = hub_url.rstrip("/") or None
        self._patience = patience or Patience()
        self._opened: Web | None = None

    def __enter__(self) -> Downloader:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opened is not None:
            self._opened.close()

    @property
    def _web(self) -> Web:
        """The client, created on first use: an unusable proxy must not affect files that are already on this
        machine."""
        if self._opened is None:
            self._opened = Web(silent_s=self._patience.timeout_s, answer_s=self._patience.answer_s)
        return self._opened

    def locate(self, file: ModelFile, source: Source, revision: str) -> Remote:
        """Locate a file of the table at ``revision``. Raises NotFound, or MachineError where the hub is unreachable."""
        self._web  # noqa: B018  (a proxy that cannot be used is told before the hub's library meets it)
        if source.kind == "raw":
            url = f"{source.base}/{source.repo}/{quote(revision)}/{quote(file.origin)}"
            return Remote(url, revision, file.size_bytes, file.sha256, file.git_blob)
        return self._patiently(lambda: self._on_hub(file, source, revision), f"{source.repo}/{file.origin}", _nothing)

    def fetch(self, remote: Remote, destination: Path, *, on_progress: OnProgress | None = None) -> None:
        """Download a file to ``destination``, continuing an earlier attempt. The contents are not checked here.

        Raises NotFound; MachineError where the server stays unreachable, is too slow, or offers another size or a
        file that is no model; InputError for an invalid URL.
        """
        require_web(remote.url)
        part = PartialFile(destination, Pace(self._patience.least_bytes_per_s, self._patience.least_over_s))
        self._patiently(lambda: self._stream(remote, part, on_progress), remote.url, lambda: part.size_bytes)
        part.done()

    def _on_hub(self, file: ModelFile, source: Source, revision: str) -> Remote:
        try:
            from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
            from huggingface_hub.errors import HfHubHTTPError
        except ImportError as error:
            remedy = "Install it with `pip install songline[diffrhythm]`"
            raise MachineError(
                "models are downloaded with huggingface_hub, which is not installed", remedy=remedy
            ) from error
        # Otherwise the library asks the public hub, whatever the endpoint, for a list of programs to report on.
        constants.HF_HUB_DISABLE_TELEMETRY = True
        url = hf_hub_url(source.repo, file.origin, revision=revision, endpoint=self._hub_url)
        try:
            metadata = within(
                self._patience.answer_s,
                lambda: get_hf_file_metadata(
                    url, token=False, timeout=self._patience.timeout_s, endpoint=self._hub_url
                ),
            )
        except HfHubHTTPError as error:
            raise _answered(url, error.response.status_code) from error
        except ImportError as error:  # a SOCKS proxy without its package
            raise proxy_unusable(error) from error
        except httpx.TransportError as error:
            raise _Cut(_said(error)) from error
        except OSError as error:
            raise _hub_refused(url, error) from error
        commit = metadata.commit_hash or revision
        if not COMMIT.fullmatch(commit):
            raise MachineError(
                f"{url} names no commit", remedy="Check SONGLINE_HUB_URL: it must be that of a model hub"
            )
        etag = metadata.etag or ""
        if file.sha256 and _SHA256.fullmatch(etag) and etag != file.sha256:
            problem = f"{url} has another content than expected: SHA-256 {etag}, expected {file.sha256}"
            raise MachineError(problem, remedy="Update Songline, or use another mirror")
        return Remote(
            hf_hub_url(source.repo, file.origin, revision=commit, endpoint=self._hub_url),
            commit,
            file.size_bytes if file.size_bytes is not None else metadata.size,
            file.sha256 or (etag if _SHA256.fullmatch(etag) else None),
            file.git_blob or (etag if COMMIT.fullmatch(etag) else None),
        )

    def _stream(self, remote: Remote, part: PartialFile, on_progress: OnProgress | None) -> None:
        if part.size_bytes and part.size_bytes == remote.size_bytes:
            return
        headers = part.range_headers(is_judged=bool(remote.sha256 or remote.git_blob))
        try:
            with self._web.get(remote.url, headers) as response:
                size_bytes = _size_offered(response, part, remote)
                part.append(response, size_bytes, on_progress)
        except httpx.TransportError as error:
            raise _Cut(_said(error)) from error
        if size_bytes is not None and part.size_bytes != size_bytes:
            raise _Cut(f"{part.size_bytes} of {size_bytes} bytes arrived")

    def _patiently(self, function: Callable[[], _R], source: str, received_bytes: Callable[[], int]) -> _R:
        """Run ``function``, and retry it after a cut; an attempt that got further than any before resets the retry
        count."""
        size_reached, tries = received_bytes(), 0
        while True:
            try:
                return function()
            except _Cut as error:
                tries = 1 if received_bytes() > size_reached else tries + 1
                size_reached = max(size_reached, received_bytes())
                if tries > self._patience.tries:
                    raise MachineError(
                        f"{source} could not be fetched: {error}",
                        remedy="Run the same command again: it continues where it stopped",
                    ) from error
                time.sleep(self._patience.base_s * 2 ** (tries - 1))


def _size_offered(response: httpx.Response, part: PartialFile, remote: Remote) -> int | None:
    """The file's size by the server, None where it is not stated; ``part`` restarts where it cannot be continued."""
    status = response.status_code
    if status == 416:
        part.drop()
    if status not in {200, 206}:
        raise _answered(remote.url, status)
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise MachineError(f"{remote.url} is sent compressed, which was not requested", remedy="Use another mirror")
    size_bytes = _size_after_range(response, part) if status == 206 else _size_of_whole(response, part)
    if size_bytes is not None and remote.size_bytes is not None and size_bytes != remote.size_bytes:
        problem = f"{remote.url} offers {size_bytes} bytes, expected {remote.size_bytes}"
        raise MachineError(problem, remedy="Its source is damaged or has changed: try later, or use another mirror")
    return size_bytes if size_bytes is not None else remote.size_bytes


def _size_of_whole(response: httpx.Response, part: PartialFile) -> int | None:
    part.drop()
    part.tag(response.headers)
    length = response.headers.get("Content-Length", "")
    return int(length) if _SIZE.fullmatch(length) else None


def _size_after_range(response: httpx.Response, part: PartialFile) -> int | None:
    match = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
    if match is None or int(match[1]) != part.size_bytes:
        part.drop()
        raise _Cut("the server sent another range than was asked for")
    return int(match[2]) if match[2] != "*" else None


def _answered(url: str, status: int) -> Exception:
    if status in BUSY or status == 416:
        return _Cut(f"the server answered {status}")
    if status in {404, 410}:
        return NotFound(f"{url} is not there", remedy="Check the address or the mirror, or update Songline")
    return MachineError(f"{url} was refused with {status}", remedy="Check the address, and who may read it")


def _hub_refused(url: str, error: OSError) -> MachineError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return MachineError(f"{url} cannot be requested: {reason}", remedy="Unset HF_HUB_OFFLINE, and check the network")


def _said(error: Exception) -> str:
    return redacted(str(error)) or type(error).__name__


def _nothing() -> int:
    return 0
