"""A policy applied by a person is seen everywhere, and taken back by a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.manifest.policy_file import read_policy
from catalog.plan.plan import apply_policy
from catalog.plan.status import songs_of
from catalog.release.queries import release_by_key
from flows.cli.album.author import plan as plan_command
from flows.cli.album.select import select
from flows.cli.inspect.status import status
from flows.planning.plan_album import declare_album
from flows.planning.read_manifest import read_album
from tasks.delivery.package.export import write_release
from tasks.scoring.registry import metric_specs
from tasks.steps.environment import user_name
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import produce

pytestmark = pytest.mark.slow


@pytest.fixture
def told(settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("SONGLINE_HOME", str(settings.home))
    monkeypatch.setenv("COLUMNS", "250")

    def run(command, *arguments, **options):
        command(*arguments, **options)
        return capsys.readouterr().out

    return run


@pytest.fixture
def manifest(catalog: Catalog, settings, tmp_path: Path):
    path = write_album(tmp_path / "album", album_document(songs=album_document()["songs"][:1]))
    produce(catalog, declare_album(catalog, read_album(path, settings)), "select")
    return path


@pytest.fixture
def other(catalog: Catalog, manifest, tmp_path: Path):
    """A policy that the song's present winner does not pass."""
    (song,) = songs_of(catalog.database, "small")
    loudness = {c["id"]: c["metrics"]["integrated_lufs"]["value"] for c in song.decision["candidates"]}
    between = sum(loudness.values()) / 2
    gate = {"max": between} if loudness[song.winner] > between else {"min": between}
    path = tmp_path / "other.yaml"
    path.write_text(json.dumps({"gates": {"integrated_lufs": gate}, "if_none_passes": "least_bad"}))
    return path


def test_old_and_new_winners_stand_beside_each_other(catalog: Catalog, manifest, other, told) -> None:
    before = songs_of(catalog.database, "small")[0].winner
    document = json.loads(told(select, manifest, other, apply=False, undo=False, as_json=True))
    (song,) = document["songs"]
    assert song["before"] == {"winner": before}
    assert song["winner"] != before
    words = told(select, manifest, other, apply=False, undo=False, as_json=False)
    row = next(line for line in words.splitlines() if line.strip().startswith("Song One") and before in line)
    assert song["winner"] in row
    assert "changed" in row


def test_status_plan_release_and_page_say_which_policy_decided(
    catalog: Catalog, settings, tmp_path: Path, manifest, other, told
) -> None:
    for command, arguments in ((status, ("small",)), (plan_command, (manifest,))):
        options = {"explain": False} if command is plan_command else {}
        assert json.loads(told(command, *arguments, as_json=True, **options))["policy"]["source"] == "manifest"
        assert "Policy: the manifest's own." in told(command, *arguments, as_json=False, **options)
    told(select, manifest, other, apply=True, undo=False, as_json=True)
    for command, arguments in ((status, ("small",)), (plan_command, (manifest,))):
        options = {"explain": False} if command is plan_command else {}
        policy = json.loads(told(command, *arguments, as_json=True, **options))["policy"]
        assert (policy["source"], policy["file"], policy["by"]) == ("applied", "other.yaml", user_name())
        words = told(command, *arguments, as_json=False, **options)
        assert f"Policy: other.yaml, applied over the manifest's by {user_name()} on 2" in words
    planned = declare_album(catalog, read_album(manifest, settings))
    produced, _ = produce(catalog, planned)
    release = release_by_key(catalog.database, produced.release_key)
    assert release.document["album"]["policy"] == policy
    folder = write_release(catalog, release, tmp_path / "out").folder
    assert "other.yaml, applied over the manifest" in (folder / "index.html").read_text()

    # Applying the same again changes nothing, so that nothing is packed anew.
    told(select, manifest, other, apply=True, undo=False, as_json=True)
    again, executor = produce(catalog, declare_album(catalog, read_album(manifest, settings)))
    assert (again.release_key, executor.steps) == (produced.release_key, [])


def test_undo_goes_back_to_the_manifests_policy_and_its_winners(
    catalog: Catalog, settings, tmp_path: Path, manifest, other, told
) -> None:
    first = songs_of(catalog.database, "small")[0].winner
    produced, _ = produce(catalog, declare_album(catalog, read_album(manifest, settings)))
    document = release_by_key(catalog.database, produced.release_key).document
    assert document["album"]["policy"]["source"] == "manifest"
    told(select, manifest, other, apply=True, undo=False, as_json=True)
    assert songs_of(catalog.database, "small")[0].winner != first
    words = told(select, manifest, None, apply=False, undo=True, as_json=False)
    assert "Taken back: other.yaml, applied over the manifest's by" in words
    assert songs_of(catalog.database, "small")[0].winner == first
    assert json.loads(told(status, "small", as_json=True))["policy"]["source"] == "manifest"
    again, executor = produce(catalog, declare_album(catalog, read_album(manifest, settings)))
    assert (again.release_key, executor.steps) == (produced.release_key, [])
    assert "nothing to undo" in told(select, manifest, None, apply=False, undo=True, as_json=False)


def test_a_policy_applied_before_this_was_kept_is_told_as_that(
    catalog: Catalog, settings, manifest, other, told
) -> None:
    stated = read_album(manifest, settings).selection
    apply_policy(catalog.database, "small", policy=read_policy(other, metric_specs()), over=stated)
    assert "by whom and when was not kept" in told(status, "small", as_json=False)
