"""The models as they are pulled from a hub: the files of the table and nothing else of their repositories."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("diffusers", reason="the networks are those of diffusers")

from catalog.models.download import Downloader, Patience
from catalog.models.pull import pull
from catalog.models.store import ModelStore
from tasks.engines.acestep.network.layout import load_parts
from tests.support.models import AT, relaxed_table
from tests.support.services.hub_server import Hub, serving
from tests.support.tiny_acestep import TEXT, TURBO, VAE, XL, write_diffusers, write_official

MAIN = "ACE-Step/Ace-Step1.5"
OTHERS = {
    f"{MAIN}/acestep-v15-turbo/modeling_acestep_v15_turbo.py": b"raise SystemExit",
    f"{MAIN}/acestep-5Hz-lm-1.7B/model.safetensors": b"planner",
    f"{MAIN}/vae/config.json": b"{}",
    f"{MAIN}/vae/diffusion_pytorch_model.safetensors": bytes(16),
    f"{MAIN}/Qwen3-Embedding-0.6B/config.json": b"{}",
    f"{MAIN}/Qwen3-Embedding-0.6B/tokenizer.json": b"{1}",
    f"{MAIN}/Qwen3-Embedding-0.6B/model.safetensors": bytes(16),
    f"{MAIN}/Qwen3-Embedding-0.6B/vocab.json": b"{2}",
}


def test_pulling_fetches_what_the_engine_loads_and_neither_code_nor_the_planner(tmp_path: Path) -> None:
    (tmp_path / "official").mkdir()
    official = write_official(tmp_path / "official")
    large = write_diffusers(tmp_path / "large")
    served = {f"{MAIN}/acestep-v15-turbo/{name}": path.read_bytes() for name, path in official.items()}
    served |= {f"ACE-Step/{name}": path.read_bytes() for name, path in large.items()}
    store = ModelStore(tmp_path / "models", relaxed_table(tmp_path / "table.toml"))
    pinned = {source.revision for name in (TURBO, XL) for source in store.spec(name).sources}
    commits = {revision: revision for revision in pinned}
    with (
        serving(Hub(served | OTHERS, commits)) as hub,
        Downloader(hub.url, Patience(tries=2, base_s=0.01)) as downloader,
    ):
        models = {name: pull(store, name, downloader, at=AT, accept=True) for name in (TURBO, XL, VAE, TEXT)}
        asked = {request.path for request in hub.asked}
    assert not any(word in path for path in asked for word in (".py", "5Hz", "vocab"))
    assert set(models[TEXT].digests) == {"config.json", "model.safetensors", "tokenizer.json"}
    first, second = (load_parts(models[name]) for name in (TURBO, XL))
    assert first.transformer.state_dict().keys() == second.transformer.state_dict().keys()
