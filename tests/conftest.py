"""Fixtures that several rooms share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalog.house import House, open_house
from catalog.settings import Settings

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a home of the test's own."""
    return Settings(home=tmp_path / "home", workers=2, retry_base_s=0.01)


@pytest.fixture
def house(settings: Settings) -> Iterator[House]:
    """An open house of the test's own."""
    with open_house(settings) as opened:
        yield opened
