"""Orders for the renderer of the DiffRhythm engine: tiny models, short songs, and a look at its sampler.

What needs torch is imported when it is asked for: the guide's tests do without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from catalog.common.settings import Settings
from catalog.models.store import ModelStore
from catalog.recipe import Recipe
from tasks.engines.base import RenderJob
from tests.support.diffrhythm.short_songs import DATA, FRAMES, FULL, ONE, VAE

if TYPE_CHECKING:
    from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer


class Calls(list[list[object]]):
    """The songs of each call; ``limit`` rows fit into memory."""

    limit = 16


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Torch with one thread, as the machines that run tests are shared."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where a network of each kind, the decoder and the language data are installed in tiny."""
    from tests.support.tiny_models import tiny_settings

    return tiny_settings(tmp_path_factory.mktemp("models"), FULL, "diffrhythm-1.2-base", VAE, DATA)


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory, tiny_variables: dict[str, str]) -> Settings:
    """Settings that point to the tiny models."""
    from tests.support.tiny_models import settings_of

    return settings_of(tmp_path_factory.mktemp("home"), tiny_variables)


@pytest.fixture(scope="session")
def tiny_models(here: Settings) -> ModelStore:
    """Their store."""
    return ModelStore(here.models_path, here.models_table)


@pytest.fixture(scope="session")
def style(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a style vector."""
    path = tmp_path_factory.mktemp("style") / "style.npy"
    vector = np.random.Generator(np.random.PCG64(5)).standard_normal(512).astype(np.float32)
    np.save(path, vector / np.linalg.norm(vector))
    return path


@pytest.fixture
def renderer(here: Settings) -> DiffRhythmRenderer:
    """A renderer on them."""
    from tasks.engines.diffrhythm.renderer import DiffRhythmRenderer

    return DiffRhythmRenderer(here)


@pytest.fixture
def make(tiny_models: ModelStore, style: Path) -> Callable[..., RenderJob]:
    """An order for a short song, with inputs changed."""

    def order(seed: int = 1, tokens: object = ONE, **changes: object) -> RenderJob:
        stated = {part: tiny_models.need(name) for part, name in (("network", FULL), ("vae", VAE))}
        published = tiny_models.need(DATA).digests["vocal.npy"]
        inputs = {
            "files": {part: {"name": model.spec.name, "digest": model.digest} for part, model in stated.items()},
            "tokens": tokens,
            "read_by": {},
            "frames": FRAMES,
            "duration": 0.5,
            "style": {"vector": "0" * 64},
            "negative_style": {"fixed": "published", "digest": published},
            "steps": 8,
            "cfg_strength": 2.0,
            "sway": 0.0,
            "dtype": "float32",
            "rope": "float16",
            "ema": False,
            "vae": "chunked",
            "vae_dtype": "float32",
        }
        return RenderJob(Recipe("diffrhythm", 1, seed, 4.5, {**inputs, **changes}), {"style": style})

    return order


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The songs of each call of the sampler."""
    import torch

    from tasks.engines.diffrhythm.network.sampler import Sampler

    sample = Sampler.sample
    seen = Calls()

    def spy(self: Sampler, songs: Sequence[object], noises: object, sampling: object, **named: object) -> object:
        seen.append(list(songs))
        if len(songs) > seen.limit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return sample(self, songs, noises, sampling, **named)

    monkeypatch.setattr(Sampler, "sample", spy)
    return seen
