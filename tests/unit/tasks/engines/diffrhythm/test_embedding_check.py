"""Renders in a reduced form compared with full precision by their embeddings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the comparison needs torch")
pytest.importorskip("torchao", reason="quantising needs the extra `quantised`")

from catalog.models.store import ModelStore  # noqa: E402
from tasks.engines.diffrhythm import embedding_check, precision_gate  # noqa: E402
from tasks.engines.diffrhythm.embedding_check import PROMPTS, SEEDS, EmbeddingCheck  # noqa: E402
from tasks.engines.diffrhythm.measured_precision import MeasuredPrecision, known_precisions  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Sampling  # noqa: E402
from tasks.engines.diffrhythm.settings import VAE_MODEL  # noqa: E402
from tasks.style.mulan.names import MUQ_MULAN  # noqa: E402
from tests.support.diffrhythm.short_songs import FULL  # noqa: E402
from tests.support.tiny_models import settings_of, tiny_settings  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


@dataclass
class FakeMulan:
    """Gives each prompt a direction of its own."""

    asked: list[str] = field(default_factory=list)

    def text(self, text: str) -> np.ndarray:
        self.asked.append(text)
        return np.eye(len(PROMPTS), dtype=np.float32)[PROMPTS.index(text)]


def vectors(*angles: float) -> dict[tuple[str, int], np.ndarray]:
    """Vectors at one angle to their prompt for each seed."""
    made = {}
    for number, prompt in enumerate(PROMPTS):
        for seed, angle in zip(SEEDS, angles, strict=True):
            vector = np.zeros(len(PROMPTS), np.float32)
            vector[number], vector[(number + 1) % len(PROMPTS)] = 3 * np.cos(angle), 3 * np.sin(angle)
            made[prompt, seed] = vector
    return made


def test_the_figures_are_means_of_cosines_whatever_the_lengths() -> None:
    check = EmbeddingCheck(FakeMulan(), None, frames=1, sampling=Sampling(steps=1))  # type: ignore[arg-type]
    figures = check.compare(vectors(0.5, 0.7), vectors(0.6, 0.9))
    assert figures.cosine == pytest.approx((np.cos(0.1) + np.cos(0.2)) / 2, rel=1e-5)
    assert figures.match_full == pytest.approx((np.cos(0.5) + np.cos(0.7)) / 2, rel=1e-5)
    assert figures.match == pytest.approx((np.cos(0.6) + np.cos(0.9)) / 2, rel=1e-5)
    assert figures.spread == pytest.approx(np.cos(0.5) - np.cos(0.7), rel=1e-4)


@pytest.mark.parametrize(
    ("figures", "doubtful"),
    [
        ((0.96, 0.40, 0.39, 0.02), False),
        ((0.96, 0.40, 0.37, 0.02), True),
        ((0.94, 0.40, 0.40, 0.02), True),
        ((float("nan"), 0.40, 0.40, 0.02), True),
        ((0.96, 0.40, 0.45, 0.02), False),
    ],
)
def test_the_limits(figures: tuple[float, ...], doubtful: bool) -> None:
    assert MeasuredPrecision("n", 0, "int8", "float32", "cpu", 0.03, 0.05, 0.995, *figures).is_doubtful == doubtful


def test_it_is_measured_with_the_models_of_the_machine(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_check, "PROMPTS", PROMPTS[:2])
    settings = settings_of(tmp_path, tiny_settings(tmp_path / "tiny", FULL, VAE_MODEL, MUQ_MULAN))
    check = EmbeddingCheck.here(settings, frames=240, sampling=Sampling(steps=4))
    assert check is not None
    network = ModelStore(settings.models_path, settings.models_table).need(FULL)
    measured = precision_gate.measure_sample(
        settings, network, "int8", frames=48, sampling=Sampling(steps=8), check=check
    )
    assert measured.embedding_cosine is not None
    assert 0.9 < measured.embedding_cosine <= 1
    assert None not in (measured.match_full, measured.match, measured.match_spread)
    assert known_precisions(settings) == [measured]


@pytest.mark.parametrize("names", [(VAE_MODEL,), (MUQ_MULAN,)])
def test_without_one_of_the_models_nothing_is_compared(tmp_path, names: tuple[str, ...]) -> None:
    assert EmbeddingCheck.here(settings_of(tmp_path, tiny_settings(tmp_path / "tiny", *names))) is None


def test_without_the_package_nothing_is_compared(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path, tiny_settings(tmp_path / "tiny", VAE_MODEL, MUQ_MULAN))
    assert EmbeddingCheck.here(settings) is not None
    monkeypatch.setattr(embedding_check, "missing_packages", lambda _: ["muq"])
    assert EmbeddingCheck.here(settings) is None
