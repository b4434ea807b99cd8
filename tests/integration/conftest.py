"""The one sung album that several modules look at: rendering it is dear."""

from __future__ import annotations

import pytest

from tests.integration.sung_album import Sung


@pytest.fixture(scope="session")
def sung(tmp_path_factory: pytest.TempPathFactory) -> Sung:
    """The rendered album; to be looked at only."""
    return Sung.rendered(tmp_path_factory.mktemp("sung"))
