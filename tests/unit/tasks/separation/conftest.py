"""Tiny separation models in a registry, one for the room."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from catalog.common.settings import Settings
from tasks.separation.demucs.models import PACKAGES, STEM_MODELS
from tests.services.processes import not_tested
from tests.tiny_demucs import tiny_demucs


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings whose registry holds every separation model in tiny."""
    if lacking := [name for name in PACKAGES if find_spec(name) is None]:
        not_tested(f"separation by a model: {', '.join(lacking)} not installed (the extra `stems`)")
    return tiny_demucs(tmp_path_factory.mktemp("stems"), *STEM_MODELS)
