"""The golden run as it is kept, brought to life in a folder: a home, its models, manifests, and commands on them."""

from __future__ import annotations

import json
import lzma
import os
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import environment, songline

KEPT = Path(__file__).parent / "data"
CATALOG, IDENTITIES, HOME = "catalog.sqlite3", "identities.json", "home.tar.xz"
ALBUMS = "albums"
SAID = ("plan", "status", "scores")
"""The commands whose JSON is held."""
SAID_OF = ("harbour", "choir")
"""The albums of which it is."""
NO_FFMPEG = "#!/bin/sh\necho 'nothing of the golden run is encoded again' >&2\nexit 1\n"


def recorded() -> Any:
    """The identities that may not change."""
    return json.loads((KEPT / IDENTITIES).read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class Golden:
    """A folder with ``home``, ``models``, ``albums`` and ``out``."""

    folder: Path

    @classmethod
    def opened(cls, folder: Path) -> Golden:
        """The kept run, unpacked there."""
        golden = cls(folder)
        with lzma.open(KEPT / HOME) as packed, tarfile.open(fileobj=packed, mode="r|") as tar:
            tar.extractall(folder, filter="data")
        golden.home.chmod(0o700)
        golden._stand_in()
        with closing(sqlite3.connect(golden.home / CATALOG)) as connection:
            connection.executescript((KEPT / "catalog.sql").read_text("utf-8"))
        return golden

    @property
    def home(self) -> Path:
        """Its ``SONGLINE_HOME``."""
        return self.folder / "home"

    @property
    def out(self) -> Path:
        """The folder of its releases."""
        return self.folder / "out"

    @property
    def packages(self) -> Path:
        """A folder for the search path that tells the versions of packages which recipes and releases name, as they
        were then: whoever upgrades numpy has other recipes, and that is not what is tested."""
        return self.folder / "packages"

    def _stand_in(self) -> None:
        """Put the versions there, and a program in the place of ffmpeg, which planning asks for."""
        for name, version in recorded()["packages"].items():
            told = self.packages / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
            told.parent.mkdir(parents=True)
            told.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
        ffmpeg = self.folder / "bin" / "ffmpeg"
        ffmpeg.parent.mkdir()
        ffmpeg.write_text(NO_FFMPEG, "utf-8")
        ffmpeg.chmod(0o755)

    def manifest(self, album: str) -> Path:
        """The manifest of an album."""
        return self.folder / ALBUMS / album / "album.yaml"

    def run(self, *arguments: str | Path, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        """The real command, on the CPU whatever the machine has."""
        done = songline(*arguments, home=self.home, **{**self._variables(), **settings})
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def _variables(self) -> dict[str, str]:
        def first(folder: str, variable: str) -> str:
            """A folder of ours before those of the variable, where it is there."""
            own = self.folder / folder
            return os.pathsep.join([*([str(own)] if own.is_dir() else []), os.environ.get(variable, "")])

        return {
            "SONGLINE_MODELS": f"{self.folder}/models",
            "SONGLINE_MODELS_TABLE": f"{self.folder}/models.toml",
            "SONGLINE_DEVICE": "cpu",
            "PYTHONPATH": first("packages", "PYTHONPATH"),
            "PATH": first("bin", "PATH"),
        }

    def json(self, *arguments: str | Path, code: int = 0, **settings: str) -> Any:
        """The document that it prints."""
        return json.loads(self.run(*arguments, "--json", code=code, **settings).stdout)

    def told(self, command: str, album: str) -> Any:
        """What a command that takes a manifest or an id says of an album."""
        return self.json(command, self.manifest(album) if command == "plan" else album)

    def by_code(self, what: str, *albums: str) -> Any:
        """What :mod:`tests.golden.code_under_test` says of each album, in one process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "tests.golden.code_under_test", what, str(self.folder), *albums],
            env=environment(self.home, **self._variables()),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ask(self, query: str, *values: object) -> list[Any]:
        """The first column of what the catalog answers."""
        with closing(sqlite3.connect(self.home / CATALOG)) as connection:
            return [row[0] for row in connection.execute(query, values)]
