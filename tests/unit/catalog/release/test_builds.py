"""The builds of an album by their numbers."""

from __future__ import annotations

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import InputError
from catalog.release.builds import MOST_BUILDS, release_of_build


@pytest.mark.both_databases
@pytest.mark.parametrize("build", [0, 7, MOST_BUILDS + 1, 10**30])
def test_a_build_that_there_is_not_is_refused_however_large_its_number(catalog: Catalog, build: int) -> None:
    with pytest.raises(InputError, match=f"has no build {build}. Render it first"):
        release_of_build(catalog.database, "small", build)
