"""Makes the golden run anew: ``python -m tests.golden.record``, from a checkout whose results are to be held.

It makes the albums of :mod:`tests.golden.albums` in a fresh home, by the real line with stand-ins for the sound
(:mod:`tests.golden.stand_ins`), and writes into ``tests/golden/data``:

- ``catalog.sql``: the catalog as SQL that SQLite reads, with its schema and its revision, so that a newer Songline
  migrates it as it migrates a user's file. A backup's rows would be loaded into the newest schema instead.
- ``home.tar.xz``: the store's bytes whole, the models' folder, the manifests and the files that they name.
- ``identities.json``: recipes, steps and releases as a reader of a diff wants to see them.

Run it only to *add* to what is held: a golden run that was recorded anew tests nothing that came before it.
"""

from __future__ import annotations

import asyncio
import io
import json
import lzma
import sqlite3
import tarfile
import tempfile
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.ledger.results import render_products
from catalog.lyrics.lrc import parse_lrc
from catalog.plan.queries import recipe_of
from catalog.plan.retakes import offer_retakes, parent_take, with_words
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.engines.base import Passage
from tasks.engines.registry import get_engine
from tasks.rendering.render_shard import render_shard
from tests.golden import albums, models
from tests.golden.code_under_test import asked_steps
from tests.golden.compared import shape_of
from tests.golden.identities import identities_of
from tests.golden.kept import ALBUMS, CATALOG, HOME, IDENTITIES, KEPT, SAID, SAID_OF, Golden
from tests.golden.stand_ins import in_place
from tests.support.inline_executor import HERE, InlineExecutor

PACKAGES = ("songline", "numpy", "scipy", "pedalboard", "phonemizer")
"""Whose versions stand in recipes and releases; a test tells the code that they are what they were."""

READER = "espeakng-loader"
"""What reads words: its library says its own version."""

PASSAGE_S = (3.0, 6.0)


def main() -> None:
    """Make the run in a temporary folder and write what is kept of it."""
    with tempfile.TemporaryDirectory() as scratch:
        golden = Golden(Path(scratch))
        models.write(golden.folder)
        with in_place():
            _make(golden)
        _keep(golden)


def _make(golden: Golden) -> None:
    _album(golden, albums.harbour())
    _album(golden, albums.mirror())
    _album(golden, albums.mirror(later=True))
    golden.run(
        "select", golden.manifest("mirror"), "--policy", golden.manifest("mirror").parent / "policy.yaml", "--apply"
    )
    _album(golden, albums.mirror(later=True))
    _album(golden, albums.choir())
    with open_catalog(_settings(golden)) as catalog:
        _retake(catalog, golden)
    _album(golden, albums.choir())


def _settings(golden: Golden) -> Settings:
    return Settings(
        home=golden.home,
        models=golden.folder / "models",
        models_table=golden.folder / "models.toml",
        device="cpu",
        workers=1,
    )


def _album(golden: Golden, document: albums.Document) -> None:
    """Make an album, and have the real command say that nothing is missing and deliver it."""
    name = document["album"].get("id", "mirror")
    manifest = albums.write(golden.folder / ALBUMS / name, document)
    settings = _settings(golden)
    with open_catalog(settings) as catalog:
        planned = declare_album(catalog, read_album(manifest, settings))
        produced = asyncio.run(AlbumPipeline(catalog, planned, InlineExecutor(catalog), Progress(planned.songs)).run())
        assert not produced.failures, {song: str(error) for song, error in produced.failures.items()}
    golden.run("render", manifest, "--out", golden.out)


def _retake(catalog: Catalog, golden: Golden) -> None:
    """A passage of a candidate that did not win, with a new line, as the command offers it."""
    winner = golden.json("status", "choir")["songs"][0]["winner"]
    (other,) = golden.ask(
        "SELECT c.id FROM candidate c JOIN song s ON s.id = c.song_id WHERE s.slug = 'tide' AND c.id <> ?", winner
    )
    start_s, end_s = PASSAGE_S
    parent = parent_take(catalog.database, other)
    changed = parse_lrc((golden.manifest("choir").parent / "new.lrc").read_text("utf-8"))
    words = with_words(parent.lyrics, changed, start_s=start_s, end_s=end_s)
    recipe, products = (
        recipe_of(catalog.database, parent.render_key),
        render_products(catalog.database, parent.render_key),
    )
    passage = Passage(recipe, products, start_s, end_s, parent.language, words)
    taken = get_engine(recipe.engine, catalog.settings).retakes(
        passage, [recipe.seed + 1 + number for number in range(3)]
    )
    catalog.ledger.declare_renders(taken.recipes)
    offered = offer_retakes(catalog.database, parent, taken.recipes, lyrics=words)
    render_shard(catalog, [candidate.render_key for candidate in offered], HERE)


def _keep(golden: Golden) -> None:
    KEPT.mkdir(exist_ok=True)
    with closing(sqlite3.connect(golden.home / CATALOG)) as connection:
        connection.execute("UPDATE activity SET environment = '{}'")  # of one machine, and no part of any identity
        (KEPT / "catalog.sql").write_text("".join(f"{line}\n" for line in connection.iterdump()), "utf-8")
        document = identities_of(connection)
    document["packages"] = {name: version(name) for name in PACKAGES}
    document["read_by"] = {READER: version(READER)}
    document["asked"] = {album: sorted(asked_steps(golden, album)) for album in document["albums"]}
    document["said"] = {
        command: sorted(set().union(*(shape_of(golden.told(command, album)) for album in SAID_OF))) for command in SAID
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True)
    (KEPT / IDENTITIES).write_text(text + "\n", "utf-8")
    (KEPT / HOME).write_bytes(lzma.compress(_packed(golden), preset=9 | lzma.PRESET_EXTREME))


def _packed(golden: Golden) -> bytes:
    """The store, the models and the manifests as a tar whose bytes follow from theirs."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for top in (golden.home / "store" / "objects", golden.folder / "models", golden.folder / ALBUMS):
            for path in sorted(path for path in top.rglob("*") if path.is_file()):
                entry = tarfile.TarInfo(path.relative_to(golden.folder).as_posix())
                entry.size, entry.mode = path.stat().st_size, 0o600
                with path.open("rb") as file:
                    tar.addfile(entry, file)
        table = (golden.folder / "models.toml").read_bytes()
        entry = tarfile.TarInfo("models.toml")
        entry.size, entry.mode = len(table), 0o600
        tar.addfile(entry, io.BytesIO(table))
    return packed.getvalue()


if __name__ == "__main__":
    main()
