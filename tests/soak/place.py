"""Where the soak works: one home, its albums, and looks into its catalog behind the product's back."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from catalog.common.digests import digest_file
from tests.support.albums import LYRICS
from tests.support.commands import environment

PATIENCE_S = 600.0
RUN_BOUND = frozenset({"lineage.json", "index.html", "release.json", "SHA256SUMS"})
"""Files of a release that carry ids and seconds of one run."""
HOME_HOLDS = frozenset(
    {"catalog.sqlite3", "catalog.sqlite3.lock", "last-backup.json", "models", "owners", "prefect", "scratch", "store"}
)
RELEASE = "release"
BESIDE_DATABASES = ("-wal", "-shm")


class Lease(NamedTuple):
    """One begin of one render."""

    key: str
    fence: int


class Commits(NamedTuple):
    """What the catalog says of work: every commit as (kind, key), and how often each render of an album was begun."""

    done: list[tuple[str, str]]
    begun: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """A home with its releases and backups. Everything that the soak writes lies below ``folder``."""

    folder: Path

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def catalog(self) -> Path:
        return self.home / "catalog.sqlite3"

    def environment(self, **settings: str) -> dict[str, str]:
        """The variables of a command that works here."""
        self.temporary.mkdir(parents=True, exist_ok=True)
        kept = {"TMPDIR": str(self.temporary), "OMP_NUM_THREADS": "1", "SONGLINE_GC_GRACE_S": "0"}
        return environment(self.home, **kept, **settings)

    def begin(self, *arguments: str | Path, **settings: str) -> subprocess.Popen[bytes]:
        """Start a command in a process group of its own; what it says goes into ``said.txt``."""
        variables = self.environment(**settings)
        with (self.folder / "said.txt").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "flows.cli", *map(str, arguments)],
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def run(self, *arguments: str | Path, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *map(str, arguments)],
            env=self.environment(**settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )

    def rows(self, question: str, *values: object) -> list[tuple[Any, ...]]:
        """What the catalog answers; nothing while there is no catalog or no table."""
        if not self.catalog.is_file():
            return []
        try:
            with closing(sqlite3.connect(self.catalog, timeout=30)) as connection:
                return connection.execute(question, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            raise

    def commits(self, album_id: str) -> Commits:
        """Everything that was committed, and how often each render of this album was begun."""
        done = self.rows("SELECT kind, work_key FROM activity WHERE outcome = 'done'")
        begun = self.rows(
            "SELECT DISTINCT key, fence FROM render JOIN candidate ON render_key = key JOIN song ON song.id = song_id "
            "WHERE album_id = ?",
            album_id,
        )
        return Commits([(str(kind), str(key)) for kind, key in done], {str(key): int(fence) for key, fence in begun})

    def in_flight(self) -> set[Lease]:
        """The renders that are leased, by the living or the dead."""
        return {Lease(*row) for row in self.rows("SELECT key, fence FROM render WHERE state = 'leased'")}

    def is_at(self, kind: str) -> bool:
        """Whether work of this kind is leased now."""
        if kind == "render":
            return bool(self.in_flight())
        return bool(self.rows("SELECT 1 FROM step WHERE kind = ? AND state = 'leased' LIMIT 1", kind))

    def finished(self, kind: str) -> int:
        """How much work of this kind was committed in this home, or how many releases there are."""
        if kind == RELEASE:
            found = self.rows("SELECT count(*) FROM release")
        else:
            found = self.rows("SELECT count(*) FROM activity WHERE kind = ? AND outcome = 'done'", kind)
        return int(found[0][0]) if found else 0

    def stored(self, digest: str) -> Path:
        return self.home / "store" / "objects" / digest[:2] / digest[2:4] / digest

    def leftovers(self) -> list[str]:
        """Files that nobody needs: beside the releases, in the home, in the folder for temporary files."""
        return sorted(path.relative_to(self.folder).as_posix() for path in self._leftovers())

    def _leftovers(self) -> Iterator[Path]:
        albums = {album_id for (album_id,) in self.rows("SELECT id FROM album")}
        for out in self.folder.glob("out*"):
            yield from (path for path in out.iterdir() if path.name not in albums)
        if self.home.is_dir():
            names = {f"{name}{more}" for name in HOME_HOLDS for more in ("", *BESIDE_DATABASES)}
            yield from (path for path in self.home.iterdir() if path.name not in names)
        for folder in ("home/scratch", "home/store/unfinished", "tmp", "masters"):
            found = (self.folder / folder).glob("*")
            yield from (path for path in found if path.name not in ("master.wav", "mix.wav"))
        models = self.home / "models"
        yield from (path for path in models.rglob("*") if ".part" in path.suffixes or path.name.startswith("."))
        backup = self.folder / "backup"
        yield from (path for path in backup.glob("store/unfinished/*"))
        yield from (path for path in backup.glob("catalog.part"))

    def unnamed(self) -> list[str]:
        """The digests of stored bytes that no row names."""
        named = {digest for (digest,) in self.rows("SELECT digest FROM artifact")}
        return sorted({path.name for path in self.home.glob("store/objects/??/??/*")} - named)


def files_of(release: Path) -> dict[str, str]:
    """The digest of every file of a release that does not depend on the run."""
    return {
        path.relative_to(release).as_posix(): digest_file(path)
        for path in release.rglob("*")
        if path.is_file() and path.name not in RUN_BOUND
    }


def write_manifest(folder: Path, number: int) -> tuple[str, Path]:
    """An album of two short songs whose recipes no other album of the soak has; gives its id and its manifest."""
    album_id = f"soak-{number:04}"
    path = folder / "albums" / album_id / "album.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    songs = [
        {
            "id": f"song-{song}",
            "title": f"Song {song} of {number}",
            "lyrics": LYRICS,
            "prompt": f"{style}, {100 + number % 40} BPM, A minor",
        }
        for song, style in enumerate(("indie pop", "folk rock"), 1)
    ]
    document = {
        "schema_version": 1,
        "album": {"id": album_id, "title": f"Soak {number}", "artist": "Ada Vale"},
        "defaults": {"engine": "guide", "length_s": 10, "seeds": {"start": 10 * number, "count": 2}},
        "songs": songs,
        "selection": {"if_none_passes": "least_bad"},
        "stems": "native",
        "deliverables": ["mp3_320"],
    }
    path.write_text(json.dumps(document, indent=2))
    return album_id, path
