"""The step ``train``: it goes on from its newest checkpoint, and leaves an adapter with its card and loss curve."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace

import torch

from catalog.common.digests import Json
from catalog.common.errors import ArtifactLost, WorkError
from catalog.ledger.checkpoints import NewCheckpoint, add_checkpoint, checkpoints_of, store_checkpoint
from catalog.ledger.work import Product, StepOutcome
from catalog.store.gc import NAMED_WITHIN_S, YOUNG_S, collect_these
from tasks.engines.diffrhythm.network.checkpoint import load_network
from tasks.engines.diffrhythm.network.sampler import Sampling
from tasks.steps.run_step import StepContext
from tasks.style.mulan.vector import read_style
from tasks.training import loop
from tasks.training.items import TrainingSong
from tasks.training.parameters import TrainingParameters
from tasks.training.report import CurvePoint, Progress, Snapshot, TrainingResult
from tasks.training.state import unpack
from tasks.training.steps.card import card
from tasks.training.steps.document import CFG_STRENGTH, parameters_from
from tasks.training.steps.encode import installed_model, read_moments
from tasks.training.steps.progress import Point, ProgressFile
from tasks.training.steps.singing import copies
from tasks.weights.adapters.digest import adapter_digest
from tasks.weights.adapters.file import Adapter
from tasks.weights.adapters.writing import adapter_bytes, config_bytes

ADAPTER_TYPE = "application/x-safetensors"
JSON_TYPE, CARD_TYPE = "application/json", "text/markdown"
CHECK_STEPS = 32


def train(context: StepContext) -> StepOutcome:
    """Train an adapter on the moments and styles in the request's inputs; see :mod:`tasks.training.steps.document`.

    Products are ``adapter``, ``adapter_config``, ``loss_curve`` and ``card``. The result has the adapter's digest, the
    step it is of, why the training stopped, and what the copy check found. Raises ModelMissing, WorkError where another
    network is installed or the training diverges, LeaseLost, TransientError when memory runs out.
    """
    stated = context.request.parameters
    parameters = parameters_from(stated["training"])
    base = installed_model(context.catalog.models, stated["base"])
    network = load_network(base.weights, exact_buffers=stated["rope"] == "exact")
    songs = songs_of(context, stated["songs"])
    device = torch.device(context.catalog.settings.device_here)
    keeper = CheckpointKeeper(context, parameters)
    trained = loop.train(
        network,
        songs,
        parameters,
        device=device,
        state=keeper.state,
        on_snapshot=keeper.keep,
        on_progress=keeper.note,
    )
    del network
    adapter = _signed(trained.adapter, context, stated)
    found = copies(
        load_network(base.weights, exact_buffers=stated["rope"] == "exact", adapters=[(adapter, 1.0)]),
        songs,
        Sampling(steps=CHECK_STEPS, cfg_strength=CFG_STRENGTH),
        frames=parameters.crop_frames,
        seed=parameters.seed,
        device=device,
        dtype=getattr(torch, parameters.dtype),
    )
    keeper.finish()
    return _outcome(context, adapter, trained, _result(adapter, trained, found))


def songs_of(context: StepContext, stated: list[Mapping[str, Json]]) -> list[TrainingSong]:
    """The songs of a request, from the artifacts with their moments and styles."""
    songs = []
    for song in stated:
        means, scales = read_moments(context.input(f"moments.{song['name']}"))
        style = torch.from_numpy(read_style(context.input(f"style.{song['name']}")))
        lines = tuple((float(start_s), tuple(tokens)) for start_s, tokens in song["lines"])
        songs.append(TrainingSong(song["name"], means, scales, lines, style, held_out=song["held_out"]))
    return songs


class CheckpointKeeper:
    """Keeps the checkpoints of a training, under its lease, and its progress; ``state`` is that of the newest one."""

    def __init__(self, context: StepContext, parameters: TrainingParameters) -> None:
        if context.lease is None:
            raise ValueError("a training needs the lease under which its checkpoints are written")
        self._catalog, self._lease = context.catalog, context.lease
        self._garbage: list[tuple[float, str]] = []
        self.state, curve = self._newest(parameters)
        self._progress = ProgressFile(self._catalog.settings.home, context.request.key, curve)

    def keep(self, snapshot: Snapshot) -> None:
        """Store a snapshot and write its row. Raises LeaseLost where another process trains this meanwhile."""
        database, store = self._catalog.database, self._catalog.store
        new = NewCheckpoint(
            snapshot.step, snapshot.adapter, snapshot.state, snapshot.held_out_loss, is_best=snapshot.is_best
        )
        deadline_s = time.monotonic() + NAMED_WITHIN_S
        adapter, state = store_checkpoint(database, store, new)
        garbage = self._catalog.ledger.while_held(
            self._lease,
            lambda session, _row: add_checkpoint(session, self._lease, new, adapter, state),
            deadline_s=deadline_s,
        )
        self._garbage += [(time.monotonic(), digest) for digest in garbage]
        self._sweep()

    def note(self, progress: Progress) -> None:
        """Tell whoever watches."""
        self._progress.note(progress)

    def finish(self) -> None:
        """Tell nothing any more."""
        self._progress.remove()

    def _sweep(self) -> None:
        """Remove the bytes of old checkpoints. While work is in progress, younger ones are kept for its writers."""
        removable = [digest for removed_at, digest in self._garbage if time.monotonic() - removed_at > YOUNG_S]
        if removable:
            collect_these(self._catalog.database, self._catalog.store, removable)
            self._garbage = [entry for entry in self._garbage if entry[1] not in removable]

    def _newest(self, parameters: TrainingParameters) -> tuple[bytes | None, list[CurvePoint]]:
        """The state of the newest checkpoint that is whole and can be read, and its curve; None where none can."""
        for checkpoint in checkpoints_of(self._catalog.database, self._lease.key):
            try:
                state = self._catalog.store.local(checkpoint.state_digest).read_bytes()
                return state, unpack(state, parameters).curve
            except (ArtifactLost, WorkError):
                continue
        return None, []


def _signed(adapter: Adapter, context: StepContext, stated: Mapping[str, Json]) -> Adapter:
    """The adapter with its base, and with what it says of its origin wherever it goes."""
    record: dict[str, Json] = {
        "training": context.request.key,
        "rights": stated["rights"],
        "commercial": stated["commercial"],
        "licence": stated["licence"],
    }
    return replace(adapter, base=stated["base"]["digest"], rope=stated["rope"], record=record)


def _result(adapter: Adapter, trained: TrainingResult, found: list[dict[str, Json]]) -> dict[str, Json]:
    if not all(torch.isfinite(tensor).all() for pair in adapter.pairs.values() for tensor in pair):
        raise WorkError("the trained adapter holds numbers that are not finite", remedy="Lower `learning_rate`")
    held_out = {point.step: point.held_out for point in trained.curve}
    return {
        "digest": adapter_digest(adapter),
        "best_step": trained.best_step,
        "steps": trained.curve[-1].step,
        "stopped": trained.stopped_because,
        "held_out_loss": held_out.get(trained.best_step),
        "untrained_loss": held_out.get(0),
        "copies": found,
    }


def _outcome(context: StepContext, adapter: Adapter, trained: TrainingResult, result: dict[str, Json]) -> StepOutcome:
    curve = {"best_step": trained.best_step, "points": [list(point) for point in trained.curve]}
    text = card(context.request.parameters, result, [Point(*point) for point in trained.curve])
    files = {
        "adapter": ("adapter.safetensors", ADAPTER_TYPE, adapter_bytes(adapter)),
        "adapter_config": ("adapter_config.json", JSON_TYPE, config_bytes(adapter)),
        "loss_curve": ("loss_curve.json", JSON_TYPE, json.dumps(curve).encode()),
        "card": ("card.md", CARD_TYPE, text.encode()),
    }
    products = []
    for role, (name, media_type, data) in files.items():
        path = context.scratch / name
        path.write_bytes(data)
        products.append(Product(role, path, media_type))
    return StepOutcome(result, tuple(products))
