"""The only place where the golden tests import the code that they hold: change the names here when it moves.

Everything else goes by the command, its JSON, and SQL on the opened catalog. It runs in a process of its own and
prints JSON (``python -m tests.golden.code_under_test planned|packed FOLDER ALBUM …``), as a process reads the versions
of its packages once.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from catalog.catalog import Catalog, open_catalog
from catalog.common.settings import Settings
from catalog.ledger.work import StepRequest
from catalog.recipe import Recipe
from flows.pipeline.executor import CatalogLookup, NotRunYet
from flows.pipeline.pipeline import AlbumPipeline
from flows.pipeline.progress import Progress
from flows.planning.plan_album import plan_album
from flows.planning.read_manifest import read_album
from tests.golden.kept import Golden
from tests.support.inline_executor import InlineExecutor

Document = Mapping[str, Any]


def recipe_digest(document: Document) -> str:
    """The identity that the code gives a recipe."""
    return Recipe.from_document(document).digest


def step_key(step: Document) -> str:
    """The identity that the code gives a step."""
    return _request(step).key


def planned_candidates(golden: Golden, album: str) -> dict[str, tuple[str, str, Document]]:
    """An album's candidates by id, planned now: the digest of the recipe, that of the words, and the recipe."""
    with open_catalog(_settings(golden)) as catalog:
        planned = plan_album(catalog, read_album(golden.manifest(album), catalog.settings))
        return {
            each.id: (each.recipe.digest, (each.lyrics or song.song.lyrics).digest, each.recipe.document())
            for song in planned.songs
            for each in song.candidates
        }


def planned(golden: Golden, album: str) -> Document:
    """How an album is planned now: its candidates, and the steps that are asked for."""
    return {"candidates": planned_candidates(golden, album), "asked": asked_steps(golden, album)}


def asked_steps(golden: Golden, album: str) -> dict[str, Document]:
    """Every step that the line asks for, by key, as far as it comes: what is not done yet ends a song's way."""
    with open_catalog(_settings(golden)) as catalog:
        planned = plan_album(catalog, read_album(golden.manifest(album), catalog.settings))
        listener = _Listener(catalog)
        with suppress(NotRunYet):
            asyncio.run(AlbumPipeline(catalog, planned, listener, Progress(planned.songs), persist=False).run())
        return listener.asked


def packed_again(golden: Golden, album: str) -> list[str]:
    """Pack an album's release in this process; gives what was done for it, in words. Raises NotRunYet where any other
    work is asked for."""
    with open_catalog(_settings(golden)) as catalog:
        planned = plan_album(catalog, read_album(golden.manifest(album), catalog.settings))
        packer = _Packer(catalog)
        asyncio.run(AlbumPipeline(catalog, planned, packer, Progress(planned.songs)).run())
        return packer.inline.steps


class _Listener(CatalogLookup):
    """Notes what is asked for; does nothing."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.asked: dict[str, Document] = {}

    async def step(self, request: StepRequest, sentence: str) -> Any:
        self.asked[request.key] = {
            "kind": request.kind,
            "revision": request.revision,
            "parameters": dict(request.parameters),
            "inputs": dict(request.inputs),
        }
        return await super().step(request, sentence)


class _Packer(CatalogLookup):
    """Packs; does nothing else."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.inline = InlineExecutor(catalog)

    async def step(self, request: StepRequest, sentence: str) -> Any:
        return await (self.inline if request.kind == "pack" else super()).step(request, sentence)


def _request(step: Document) -> StepRequest:
    return StepRequest(step["kind"], step["revision"], step["parameters"], step["inputs"])


def _settings(golden: Golden) -> Settings:
    return Settings(
        home=golden.home,
        models=golden.folder / "models",
        models_table=golden.folder / "models.toml",
        device="cpu",
    )


if __name__ == "__main__":
    what, folder, *albums = sys.argv[1:]
    asked = {"planned": planned, "packed": packed_again}[what]
    print(json.dumps({album: asked(Golden(Path(folder)), album) for album in albums}))
