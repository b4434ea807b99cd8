"""One command checks an album's licences once, plans it once, and does not read back the plan it has just written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.catalog import open_catalog
from catalog.common.settings import load_settings
from catalog.plan import storage
from catalog.plan.plan import apply_policy
from catalog.selection.decide import Policy
from flows.cli.album.author import plan, validate
from flows.cli.album.submissions import submit
from flows.orchestration import submissions
from flows.planning import plan_album, required_models
from flows.planning.read_manifest import read_album
from tests.support.albums import album_document, write_album
from tests.support.farm import FakeFarm


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SONGLINE_HOME", str(tmp_path / "home"))
    return write_album(tmp_path / "album", album_document(commercial=True))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of the functions below was called."""
    counts: Counter[str] = Counter()

    def count(module: object, name: str) -> None:
        function: Callable[..., object] = getattr(module, name)

        def counted(*args: object, **named: object) -> object:
            counts[name] += 1
            return function(*args, **named)

        monkeypatch.setattr(module, name, counted)

    count(required_models, "refusals")
    count(plan_album, "expand")
    count(storage, "album_of")
    monkeypatch.setattr(submissions, "PrefectRunLauncher", FakeFarm)
    return counts


def test_licences_are_checked_once_a_command(manifest: Path, calls: Counter[str]) -> None:
    commands: dict[str, Callable[[], object]] = {
        "validate": lambda: validate(manifest, as_json=False),
        "plan": lambda: plan(manifest, explain=False, as_json=False),
        "submit": lambda: submit(manifest, priority="normal", until="release", max_gpu_minutes=None, as_json=False),
    }
    for name, command in commands.items():
        calls.clear()
        command()
        assert calls["refusals"] == 1, name


def test_a_submission_plans_once_and_reads_nothing_back(manifest: Path, calls: Counter[str]) -> None:
    submit(manifest, priority="normal", until="release", max_gpu_minutes=None, as_json=False)
    songs = len(read_album(manifest, load_settings()).songs)
    assert calls["expand"] == songs
    assert calls["album_of"] == 0


def test_a_policy_in_force_that_is_not_the_manifests_is_checked_as_well(manifest: Path, calls: Counter[str]) -> None:
    with open_catalog(load_settings()) as catalog:
        album = read_album(manifest, catalog.settings)
        plan_album.declare_album(catalog, album)
        apply_policy(catalog.database, album.id, policy=Policy(if_none_passes="least_bad"), over=album.selection)
        assert calls["refusals"] == 1
        plan_album.plan_album(catalog, album)
        assert calls["refusals"] == 2
