"""A small album that the DiffRhythm engine sings with tiny weights, and the real commands on it."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from catalog.catalog import open_catalog
from catalog.common.settings import Settings
from catalog.ledger.results import render_products
from catalog.plan.queries import recipe_of
from catalog.recipe import Recipe
from flows.planning.plan_album import plan_album
from tests.support.albums import write_album
from tests.support.commands import Album

LINES = {
    2: "Streetlights hum along the wire",
    6: "One more stop and I am home",
    11: "Rain is writing on the glass",
    20: "Nobody is on the phone",
}
PROMPT = "folk, warm guitar, female vocal"
FINAL_TEXT = f"{PROMPT}, 96 BPM"


def lrc(changes: Mapping[int, str] = {}) -> str:
    """The words, some lines changed (second → text)."""
    return "".join(f"[00:{second:02d}.00]{text}\n" for second, text in {**LINES, **changes}.items())


def sung_document(*, seeds: tuple[int, ...] = (1, 2), **changes: object) -> dict[str, Any]:
    """A song of the base model from a prompt, and one of the full model from a style vector, unguided."""
    one = {"id": "one", "title": "Song One", "prompt": PROMPT, "bpm": 96, "length_s": 95, "seeds": list(seeds)}
    two = {"id": "two", "title": "Song Two", "style": "vector.npy", "length_s": 96, "seeds": [5]}
    document: dict[str, Any] = {
        "schema_version": 1,
        "album": {"id": "sung", "title": "Sung", "artist": "Ada Vale"},
        "defaults": {"engine": "diffrhythm", "settings": {"steps": 8}},
        "songs": [{**one, "lyrics": lrc()}, {**two, "lyrics": lrc(), "settings": {"cfg_strength": 0.0}}],
        "licences": [{"model": "diffrhythm-vae", "agreement": "Letter of 1 May 2026"}],
        "selection": {"weights": {"mulan_similarity": 1.0}},
        "stems": "none",
        "deliverables": ["mp3_320"],
    }
    return document | changes


def write_sung(folder: Path, document: Mapping[str, Any] | None = None) -> Path:
    """The manifest with the style vector beside it."""
    path = write_album(folder, document or sung_document())
    vector = np.zeros((1, 512), np.float32)
    vector[0, 3], vector[0, 7] = 0.6, 0.8
    np.save(folder / "vector.npy", vector)
    return path


def document_with(song: Mapping[str, Any] = {}, **changes: object) -> dict[str, Any]:
    """The first song alone, with fields of it and of the top level changed."""
    document = sung_document(licences=[])
    document["songs"] = document["songs"][:1]
    document["songs"][0] |= song
    return document | changes


@dataclass(frozen=True, slots=True)
class Sung(Album):
    """The album with the variables that point its commands to the tiny models."""

    variables: Mapping[str, str]

    @classmethod
    def rendered(cls, folder: Path) -> Sung:
        """The album in a folder that :func:`render_sung` has filled, or that is a copy of one."""
        variables = {"SONGLINE_MODELS": "models", "SONGLINE_MODELS_TABLE": "models.toml"}
        return cls(
            folder / "home",
            folder / "album" / "album.yaml",
            folder / "out" / "sung",
            {name: str(folder / place) for name, place in variables.items()} | {"SONGLINE_DEVICE": "cpu"},
        )

    def copied(self, folder: Path) -> Sung:
        """The same with a home, a manifest and a release of its own."""
        for name, source in (("home", self.home), ("album", self.manifest.parent), ("out", self.release.parent)):
            shutil.copytree(source, folder / name)
        return replace(
            self, home=folder / "home", manifest=folder / "album" / "album.yaml", release=folder / "out" / "sung"
        )

    def run(self, *arguments: str | Path, code: int = 0, **settings: str) -> subprocess.CompletedProcess[str]:
        return Album.run(self, *arguments, code=code, **{**self.variables, **settings})

    @property
    def settings(self) -> Settings:
        from tests.support.tiny_models import settings_of

        return settings_of(self.home, dict(self.variables))

    def parts(self, candidate: str) -> tuple[Recipe, dict[str, Path]]:
        """A candidate's recipe, and the files that its render made by role."""
        (key,) = self.ask("SELECT render_key FROM candidate WHERE id = ?", candidate)
        with open_catalog(self.settings) as catalog:
            made = render_products(catalog.database, key)
            return recipe_of(catalog.database, key), {
                role: catalog.store.local(digest) for role, digest in made.items()
            }

    def ask(self, query: str, *values: object) -> list[Any]:
        """The first column of what the catalog answers."""
        with closing(sqlite3.connect(self.home / "catalog.sqlite3")) as connection:
            return [row[0] for row in connection.execute(query, values)]

    def candidates(self, song: str) -> dict[int, str]:
        """The active candidates of a song that are no retakes, by seed."""
        with closing(sqlite3.connect(self.home / "catalog.sqlite3")) as connection:
            rows = connection.execute(
                "SELECT c.seed, c.id FROM candidate c JOIN song s ON s.id = c.song_id "
                "WHERE s.slug = ? AND c.active AND c.parent_id IS NULL",
                (song,),
            )
            return dict(rows.fetchall())

    def released(self, name: str) -> Any:
        """A JSON document of the release."""
        return json.loads((self.release / name).read_bytes())


def recipes(album: Any, settings: Settings) -> list[list[Recipe]]:
    """The recipes of every song's candidates as the album is planned."""
    with open_catalog(settings) as catalog:
        return [[c.recipe for c in song.candidates] for song in plan_album(catalog, album).songs]


def first_recipe(album: Any, settings: Settings) -> Recipe:
    """The first of them."""
    return recipes(album, settings)[0][0]


def render_sung(folder: Path) -> None:
    """Install the models, write the album and render it by the real command; ``folder/home`` is there already."""
    from tests.support.tiny_models import tiny_settings  # which writes its models with torch

    album = Sung.rendered(folder)
    assert tiny_settings(folder) == album.variables
    write_sung(album.manifest.parent)
    album.run("render", album.manifest, "--out", folder / "out")
