"""The production line on the real guide engine, carried out in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.catalog import Catalog
from catalog.common.errors import ArtifactLost, WorkError
from catalog.housekeeping.repair import examine, repair
from catalog.ledger.results import artifact_digests
from catalog.lineage.lineage import prov_json, trace
from catalog.plan.plan import apply_policy
from catalog.plan.queries import candidate_by_prefix
from catalog.plan.status import songs_of
from catalog.release.queries import release_by_key
from catalog.selection.decide import Policy
from flows.pipeline.forecast import forecast
from flows.planning.plan_album import plan_album
from flows.planning.read_manifest import read_album
from tasks.delivery.package.export import write_release
from tasks.delivery.package.models_used import models_of
from tests.support.albums import album_document, write_album
from tests.support.inline_executor import HERE, produce
from tests.unit.flows.pipeline.planned_albums import looked, one_song, plan

__all__ = ["one_song"]

pytestmark = pytest.mark.slow


@pytest.mark.both_databases
def test_an_album_goes_from_manifest_to_release(catalog: Catalog, settings, tmp_path: Path) -> None:
    planned = plan(catalog, settings, tmp_path, stems="native", deliverables=["wav24", "mp3_320"])
    assert looked(catalog, planned) is None
    assert not forecast(catalog, planned, complete=False).complete
    produced, executor = produce(catalog, planned)
    assert produced.failures == {}
    assert len(executor.rendered) == 4
    assert looked(catalog, planned) == produced

    release = release_by_key(catalog.database, produced.release_key)
    written = write_release(catalog, release, tmp_path / "out")
    assert written.changed
    assert not write_release(catalog, release, tmp_path / "out").changed
    document = json.loads((written.folder / "release.json").read_bytes())
    assert [track["title"] for track in document["tracks"]] == ["Song One", "Song Two"]
    for track in document["tracks"]:
        assert abs(track["readings"]["integrated_lufs"] - -14.0) <= 0.1
        assert track["readings"]["true_peak_dbtp"] <= -1.0
    there = {path.relative_to(written.folder).as_posix() for path in written.folder.rglob("*") if path.is_file()}
    assert there == set(release.files)
    assert {"index.html", "lineage.json", "small.cue", "SHA256SUMS", "mp3_320/01 - Song One.mp3"} <= there
    assert {f"stems/01 - Song One/{name}.wav" for name in ("mix", "vocals", "drums", "bass", "other")} <= there

    again, executor = produce(catalog, planned)
    assert again == produced
    assert executor.rendered == executor.steps == []


def test_lineage_leads_from_a_delivered_file_to_prompt_seed_and_decision(
    catalog: Catalog, settings, tmp_path: Path, one_song
) -> None:
    planned = plan(catalog, settings, tmp_path, **one_song)
    produced, _ = produce(catalog, planned)
    release = release_by_key(catalog.database, produced.release_key)
    found = trace(catalog.database, release.files["mp3_320/01 - Song One.mp3"], models_of=models_of(catalog.settings))
    document = found.document()
    assert [a["kind"] for a in document["activities"]] == ["encode", "master", "render"]
    assert document["prompt"] == "indie pop, 120 BPM, A minor"
    assert document["recipe"]["seed"] in (1, 2)
    assert [model["licence"] for model in document["models"]] == ["GPL-2.0", "CMU-Flite"]
    assert release.document["tracks"][0]["engine"]["models"] == document["models"]
    assert document["engine"] == {"name": "guide", "revision": 2}
    assert document["decision"]["winner"] == songs_of(catalog.database, "small")[0].winner
    assert "tempo_match" in document["scores"]
    assert document["lyrics_digest"] == planned.songs[0].song.lyrics.digest
    prov = prov_json(found.root)
    assert len(prov["activity"]) == 3
    assert prov["used"]
    assert prov["wasGeneratedBy"]
    page = trace(catalog.database, release.files["index.html"], models_of=models_of(catalog.settings))
    assert page.document()["activities"][0]["kind"] == "pack"


def test_album_mode_keeps_the_differences_between_songs(catalog: Catalog, settings, tmp_path: Path) -> None:
    planned = plan(catalog, settings, tmp_path, mastering={"profile": "streaming", "mode": "album"})
    produced, executor = produce(catalog, planned)
    release = release_by_key(catalog.database, produced.release_key)
    read = [track["readings"] for track in release.document["tracks"]]
    assert max(r["integrated_lufs"] for r in read) == pytest.approx(-14.0, abs=0.1)
    assert read[0]["gain_db"] == pytest.approx(read[1]["gain_db"], abs=0.1)
    assert abs(read[0]["integrated_lufs"] - read[1]["integrated_lufs"]) > 0.2
    assert all(r["true_peak_dbtp"] <= -1.0 for r in read)
    assert sum(sentence.startswith("level") for sentence in executor.steps) == 2


def test_a_song_that_none_passes_fails_with_reasons_and_the_others_go_on(
    catalog: Catalog, settings, tmp_path: Path
) -> None:
    songs = album_document()["songs"]
    gates = {"tempo_bpm": {"min": 119, "max": 121}}
    songs[1]["prompt"] = "slow ballad, 84 BPM, A minor"
    planned = plan(catalog, settings, tmp_path, songs=songs, selection={"gates": gates}, release="partial")
    produced, _ = produce(catalog, planned)
    assert list(produced.failures) == ["two"]
    assert "tempo" in str(produced.failures["two"]).lower()
    release = release_by_key(catalog.database, produced.release_key)
    assert [track["title"] for track in release.document["tracks"]] == ["Song One"]

    complete = plan(catalog, settings, tmp_path, songs=songs, selection={"gates": gates}, release="all")
    assert produce(catalog, complete)[0].release_key is None

    least_bad = {"gates": gates, "if_none_passes": "least_bad"}
    planned = plan(catalog, settings, tmp_path, songs=songs, selection=least_bad)
    assert produce(catalog, planned)[0].failures == {}


def test_an_applied_policy_stands_until_the_manifest_changes(
    catalog: Catalog, settings, tmp_path: Path, one_song
) -> None:
    planned = plan(catalog, settings, tmp_path, **one_song)
    produce(catalog, planned, until="select")
    first = songs_of(catalog.database, "small")[0].decision
    other = Policy(weights={"bandwidth_hz": 1.0})
    apply_policy(catalog.database, "small", policy=other, over=planned.album.selection)
    replanned = plan(catalog, settings, tmp_path, **one_song)
    assert replanned.policy == other
    produce(catalog, replanned, until="select")
    assert songs_of(catalog.database, "small")[0].decision["weights"] == {"bandwidth_hz": 1.0}

    apply_policy(catalog.database, "small", policy=planned.album.selection, over=planned.album.selection)
    _, executor = produce(catalog, plan(catalog, settings, tmp_path, **one_song), until="select")
    assert executor.steps == []
    assert songs_of(catalog.database, "small")[0].decision == first

    apply_policy(catalog.database, "small", policy=other, over=planned.album.selection)
    changed = plan(catalog, settings, tmp_path, selection={"min_candidates": 2}, **one_song)
    assert changed.policy.weights == changed.album.selection.weights


def test_planning_stores_nothing(catalog: Catalog, settings, tmp_path: Path) -> None:
    album = read_album(write_album(tmp_path / "album"), settings)
    planned = plan_album(catalog, album)
    expected = forecast(catalog, planned, complete=False)
    assert [(song.exists, song.new) for song in expected.songs] == [(0, 2), (0, 2)]
    assert expected.seconds > 0
    assert expected.stored_bytes > 4 * 10 * 44100 * 8
    keys = [c.render_key for song in planned.songs for c in song.candidates]
    assert catalog.ledger.statuses("render", keys) == {}


@pytest.mark.both_databases
def test_two_albums_that_ask_for_one_recipe_share_its_render(
    catalog: Catalog, settings, tmp_path: Path, one_song
) -> None:
    planned = plan(catalog, settings, tmp_path, **one_song)
    produce(catalog, planned, until="score")
    twin = plan(catalog, settings, tmp_path, album={"id": "twin", "title": "Twin", "artist": "B"}, **one_song)
    _, executor = produce(catalog, twin, until="score")
    assert executor.rendered == executor.steps == []
    assert twin.songs[0].candidates[0].id != planned.songs[0].candidates[0].id
    found, key = candidate_by_prefix(catalog.database, twin.songs[0].candidates[0].id[:-2])
    assert (found, key) == (twin.songs[0].candidates[0].id, twin.songs[0].candidates[0].render_key)


@pytest.mark.both_databases
def test_lost_bytes_are_made_again_after_a_repair(catalog: Catalog, settings, tmp_path: Path, one_song) -> None:
    planned = plan(catalog, settings, tmp_path, stems="native", **one_song)
    produced, _ = produce(catalog, planned)
    release = release_by_key(catalog.database, produced.release_key)
    lost = [release.files["mp3_320/01 - Song One.mp3"], release.files["stems/01 - Song One/mix.wav"]]
    page = release.files["index.html"]
    for digest in (*lost, page):
        catalog.store.delete(digest)
    with pytest.raises(ArtifactLost, match="verify --repair"):
        write_release(catalog, release, tmp_path / "out")
    assert not (tmp_path / "out" / "small").exists()

    digests = [digest for digest, _ in artifact_digests(catalog.database)]
    damages = examine(catalog.database, catalog.store, digests)
    assert {(damage.kind, damage.role) for damage in damages} == {
        ("encode", "file"),
        ("render", "audio"),
        ("pack", "index.html"),
    }
    assert repair(catalog.database, catalog.store, damages) == 3
    again, executor = produce(catalog, planned)
    assert again.release_key == produced.release_key
    assert len(executor.rendered) == 1
    assert sorted(sentence.split()[0] for sentence in executor.steps) == ["encode", "pack"]
    assert all(catalog.store.verify(digest) for digest in lost)
    rebuilt = release_by_key(catalog.database, produced.release_key)
    assert {path: rebuilt.files[path] for path in release.files if path.startswith(("mp3", "stems"))} == {
        path: release.files[path] for path in release.files if path.startswith(("mp3", "stems"))
    }
    assert write_release(catalog, rebuilt, tmp_path / "out").changed


def test_lineage_tells_what_was_asked_for_then_and_only_of_its_album(
    catalog: Catalog, settings, tmp_path: Path, one_song
) -> None:
    planned = plan(catalog, settings, tmp_path, **one_song)
    produced, _ = produce(catalog, planned)
    file = release_by_key(catalog.database, produced.release_key).files["mp3_320/01 - Song One.mp3"]
    before = trace(catalog.database, file, models_of=models_of(catalog.settings)).document()

    plan(catalog, settings, tmp_path, album={"id": "aaa", "title": "Earlier", "artist": "B"}, **one_song)
    song = {**one_song["songs"][0], "prompt": "slow ballad, 80 BPM, D major"}
    produce(catalog, plan(catalog, settings, tmp_path, songs=[song]))
    after = trace(catalog.database, file, models_of=models_of(catalog.settings)).document()
    for name in ("album", "song", "prompt", "lyrics_digest", "recipe", "decision"):
        assert after[name] == before[name], name
    assert {song["album"] for song in after["songs"]} == {"aaa", "small"}


@pytest.mark.both_databases
def test_a_failed_seed_leaves_the_decision_standing(catalog: Catalog, settings, tmp_path: Path, one_song) -> None:
    planned = plan(catalog, settings, tmp_path, **one_song)
    key = planned.songs[0].candidates[0].render_key
    lease = catalog.ledger.claim("render", key)
    catalog.ledger.fail(lease, WorkError("these lyrics cannot be sung"), seconds=0.1, execution=HERE)
    produced, _ = produce(catalog, planned)
    assert produced.release_key
    (song,) = songs_of(catalog.database, "small")
    assert song.winner == planned.songs[0].candidates[1].id
    assert [c.state for c in song.candidates] == ["failed", "rendered"]
