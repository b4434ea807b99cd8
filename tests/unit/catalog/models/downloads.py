"""A hub that serves two models, a store to pull them into, and pulling itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.models.download import Downloader, Patience
from catalog.models.pull import pull
from catalog.models.store import ModelStore
from tests.support.models import AT, relaxed_table
from tests.support.services.hub_server import Hub, serving

WEIGHTS = bytes(range(256)) * 8192
QUICK = Patience(tries=3, base_s=0.01, timeout_s=2.0)
VAE, REPO = "diffrhythm-vae", "ASLP-lab/DiffRhythm-vae/vae_model.pt"
MUQ = {
    "OpenMuQ/MuQ-MuLan-large/config.json": b"{}",
    "OpenMuQ/MuQ-MuLan-large/pytorch_model.bin": b"mulan",
    "OpenMuQ/MuQ-large-msd-iter/config.json": b"{1}",
    "FacebookAI/xlm-roberta-base/config.json": b"{2}",
    "FacebookAI/xlm-roberta-base/tokenizer.json": b"{3}",
}


@pytest.fixture
def hub():
    with serving(Hub({REPO: WEIGHTS, **MUQ}, large={REPO})) as served:
        yield served


@pytest.fixture
def store(tmp_path: Path):
    return ModelStore(tmp_path / "models", relaxed_table(tmp_path / "table.toml"))


def fetch(store, hub, name=VAE, **more):
    with Downloader(hub.url, QUICK) as downloader:
        return pull(store, name, downloader, at=AT, accept=True, **more)


def paths(hub, method):
    return [asked.path for asked in hub.asked if asked.method == method]
