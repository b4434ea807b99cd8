"""What a catalog is identified by, read off its tables: recipes, steps, candidates, releases."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Protocol

import rfc8785

Document = dict[str, Any]


def digest_of(scheme: str, value: Document) -> str:
    """How a document is digested: SHA-256 of its scheme, a line break, and its canonical JSON (RFC 8785)."""
    return hashlib.sha256(scheme.encode() + b"\n" + rfc8785.dumps(value)).hexdigest()


class Answers(Protocol):
    """What the rows of a query are taken from."""

    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """A catalog that is asked as SQLite is; a connection to it."""

    def execute(self, query: str, values: tuple[object, ...] = ..., /) -> Answers: ...


def identities_of(connection: Connection) -> Document:
    """All of it by digest, the albums by id."""
    rows = _Rows(connection)
    return {
        "recipes": {key: json.loads(recipe) for key, recipe in rows("SELECT key, recipe FROM render")},
        "steps": {
            key: {"kind": kind, "revision": revision, "parameters": json.loads(given), "inputs": json.loads(inputs)}
            for key, kind, revision, given, inputs in rows(
                "SELECT key, kind, revision, parameters, inputs FROM step ORDER BY kind, key"
            )
        },
        "albums": {album: _album(rows, album, current) for album, current in rows("SELECT id, release_key FROM album")},
    }


class _Rows:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __call__(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(query, values).fetchall()


def _album(rows: _Rows, album: str, current: str) -> Document:
    manifest, policy = rows("SELECT manifest, applied_policy FROM album WHERE id = ?", album)[0]
    candidates = rows(
        "SELECT c.id, s.slug, c.render_key, c.parent_id, c.lyrics_digest, c.active FROM candidate c "
        "JOIN song s ON s.id = c.song_id WHERE s.album_id = ? ORDER BY c.id",
        album,
    )
    decisions = rows(
        "SELECT s.slug, d.step_key, d.winner_id FROM decision d JOIN song s ON s.id = d.song_id "
        "WHERE s.album_id = ? ORDER BY d.id",
        album,
    )
    return {
        "manifest": json.loads(manifest),
        "applied_policy": policy and json.loads(policy),
        "candidates": [
            dict(zip(("id", "song", "recipe", "parent", "lyrics_digest", "active"), row, strict=True))
            for row in candidates
        ],
        "decisions": [dict(zip(("song", "step", "winner"), row, strict=True)) for row in decisions],
        "release": current,
        "releases": {
            key: {
                "build": build,
                "document_digest": digest_of("release", json.loads(document)),
                "files": _files(rows, number),
            }
            for number, key, build, document in rows(
                "SELECT id, step_key, build, document FROM release WHERE album_id = ? ORDER BY build", album
            )
        },
    }


def _files(rows: _Rows, release: int) -> dict[str, str]:
    return dict(rows("SELECT path, artifact_digest FROM release_file WHERE release_id = ? ORDER BY path", release))
