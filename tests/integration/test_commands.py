"""Every command on a rendered album: what it prints, what it stores, and its exit code."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.common.digests import digest_bytes, digest_file
from tests.support.albums import album_document, write_album
from tests.support.commands import Album, environment, files_of

pytestmark = pytest.mark.slow

DELIVERABLES = {"wav24": "wav", "flac24": "flac", "mp3_320": "mp3"}
STEMS = ("mix", "vocals", "drums", "bass", "other")


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory):
    """The rendered album; to be looked at only."""
    folder = tmp_path_factory.mktemp("rendered")
    document = album_document(stems="native", deliverables=list(DELIVERABLES))
    album = Album(folder / "home", write_album(folder / "album", document), folder / "out" / "small")
    album.run("render", album.manifest, "--out", folder / "out")
    return album


@pytest.fixture
def album(rendered, tmp_path: Path):
    """The rendered album with a home and a release of the test's own."""
    shutil.copytree(rendered.home, tmp_path / "home")
    shutil.copytree(rendered.release, tmp_path / "out" / "small")
    return replace(rendered, home=tmp_path / "home", release=tmp_path / "out" / "small")


@pytest.fixture
def fresh(rendered, tmp_path: Path):
    """The album's manifest with a home where nothing was ever done."""
    return replace(rendered, home=tmp_path / "home", release=tmp_path / "out" / "small")


# --- look


def test_plan_of_a_finished_album_says_that_nothing_is_missing(rendered) -> None:
    before = rendered.dump()
    plan = rendered.json("plan", rendered.manifest)
    assert [(song["exists"], song["new"]) for song in plan["songs"]] == [(2, 0), (2, 0)]
    assert (plan["complete"], plan["seconds"], plan["stored_bytes"]) == (True, 0, 0)
    assert "Nothing is missing" in rendered.run("plan", rendered.manifest).stdout
    assert rendered.dump() == before


def test_the_release_is_what_was_asked_for(rendered) -> None:
    names = ["01 - Song One", "02 - Song Two"]
    expected = {f"{folder}/{name}.{suffix}" for folder, suffix in DELIVERABLES.items() for name in names}
    expected |= {f"stems/{name}/{stem}.wav" for stem in STEMS for name in names}
    expected |= {f"{part}/{name}.{suffix}" for part, suffix in (("lyrics", "lrc"), ("midi", "mid")) for name in names}
    expected |= {"index.html", "release.json", "lineage.json", "small.cue", "SHA256SUMS"}
    assert set(files_of(rendered.release)) == expected
    assert sums(rendered.release).returncode == 0


def sums(release: Path) -> subprocess.CompletedProcess[str]:
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    return subprocess.run(command, cwd=release, capture_output=True, text=True, check=False)


def test_status_tells_states_counts_and_winners(rendered) -> None:
    status = rendered.json("status", "small")
    assert status["album"] == "small"
    assert [(song["id"], song["title"], song["state"]) for song in status["songs"]] == [
        ("one", "Song One", "decided"),
        ("two", "Song Two", "decided"),
    ]
    for song in status["songs"]:
        assert song["candidates"] == {"planned": 0, "leased": 0, "rendered": 2, "failed": 0}
        assert re.fullmatch(rf"{song['id']}-[12]-[0-9a-f]+", song["winner"])
    assert rendered.json("status", rendered.manifest) == status
    told = rendered.run("status", "small").stdout
    for song in status["songs"]:
        assert re.search(rf"{song['title']} +decided +0 +0 +2 +0 +{song['winner']}", told)


def test_scores_tell_metrics_gates_ranks_and_sentences(rendered) -> None:
    winners = {song["id"]: song["winner"] for song in rendered.json("status", "small")["songs"]}
    scores = rendered.json("scores", "small")
    told = rendered.run("scores", "small").stdout
    assert [song["id"] for song in scores["songs"]] == ["one", "two"]
    for song in scores["songs"]:
        assert sorted(candidate["seed"] for candidate in song["candidates"]) == [1, 2]
        assert [candidate["rank"] for candidate in song["candidates"]] == [1, 2]
        assert song["candidates"][0]["id"] == winners[song["id"]]
        for candidate in song["candidates"]:
            check_scores(candidate)
            assert re.search(rf"{candidate['rank']} +{candidate['id']} +passed", told)
        assert song["candidates"][0]["sentence"] in told


def check_scores(candidate: dict[str, Any]) -> None:
    for metric in candidate["metrics"].values():
        assert set(metric) - {"windows"} in ({"value", "unit"}, {"not_measurable"})
    assert -40 < candidate["metrics"]["integrated_lufs"]["value"] < 0
    assert candidate["metrics"]["integrated_lufs"]["unit"] == "LUFS"
    assert candidate["gates"]
    for gate in candidate["gates"]:
        assert set(gate) >= {"name", "value", "limit", "passed"}
        assert gate["passed"]
        assert gate["value"] == candidate["metrics"][gate["name"]]["value"]
    assert candidate["sentence"].startswith(("Winner: seed", "Rank 2 of 2: seed"))


def test_lineage_leads_from_a_file_or_a_digest_to_all_that_made_it(rendered) -> None:
    lineage = rendered.json("lineage", rendered.mp3)
    winner = rendered.json("status", "small")["songs"][0]["winner"]
    digest = digest_file(rendered.mp3)
    assert lineage["artifact"] == {"digest": digest, "size": rendered.mp3.stat().st_size, "media_type": "audio/mpeg"}
    assert lineage["song"] == {"id": "one", "title": "Song One"}
    assert lineage["prompt"] == "indie pop, 120 BPM, A minor"
    assert re.fullmatch("[0-9a-f]{64}", lineage["lyrics_digest"])
    assert lineage["recipe"]["seed"] == int(winner.split("-")[1])
    assert lineage["engine"] == {"name": "guide", "revision": lineage["recipe"]["revision"]}
    assert [(model["name"], model["licence"]) for model in lineage["models"]] == [("TimGM6mb SoundFont", "GPL-2.0")]
    assert lineage["decision"]["winner"] == winner
    assert lineage["scores"]["integrated_lufs"]["unit"] == "LUFS"
    assert [activity["kind"] for activity in lineage["activities"]] == ["encode", "master", "render"]
    encode, master, render = lineage["activities"]
    assert encode["parameters"]["deliverable"] == "mp3_320"
    assert master["parameters"]["mastering"]["target_lufs"] == -14.0
    assert render["seed"] == lineage["recipe"]["seed"]
    for activity in lineage["activities"]:
        assert activity["code_version"].startswith("0.")
        assert activity["flow_run_id"]
        assert activity["task_run_id"]
    assert rendered.json("lineage", digest[:12].upper()) == lineage


def test_lineage_is_a_tree_for_people_and_prov_for_machines(rendered) -> None:
    told = rendered.run("lineage", rendered.mp3).stdout
    steps = [told.index(f"── {kind} ·") for kind in ("encode", "master", "render")]
    assert steps == sorted(steps)
    assert "prompt   indie pop, 120 BPM, A minor" in told
    assert re.search(r"engine   guide revision \d+, seed [12]\b", told)
    assert "decision Winner: seed" in told

    prov = json.loads(rendered.run("lineage", rendered.mp3, "--prov").stdout)
    assert f"songline:artifact/{digest_file(rendered.mp3)}" in prov["entity"]
    assert sorted(a["prov:type"] for a in prov["activity"].values()) == ["encode", "master", "render"]
    for relation in ("used", "wasGeneratedBy"):
        assert prov[relation]
        for link in prov[relation].values():
            assert link["prov:entity"] in prov["entity"]
            assert link["prov:activity"] in prov["activity"]


def test_every_file_of_a_release_is_known_by_its_bytes(rendered) -> None:
    for path in ("index.html", "SHA256SUMS", "stems/01 - Song One/vocals.wav", "midi/02 - Song Two.mid"):
        lineage = rendered.json("lineage", rendered.release / path)
        assert lineage["artifact"]["digest"] == digest_file(rendered.release / path)
        assert "render" in [activity["kind"] for activity in lineage["activities"]]


def test_doctor_finds_this_machine_fit(rendered) -> None:
    found = rendered.json("doctor", SONGLINE_WORKERS="3")
    assert found["ok"] is True
    checks = {check["name"]: check for check in found["checks"]}
    assert {
        "Songline",
        "ffmpeg",
        "Python",
        "cores",
        "disk",
        "catalog and store",
        "engines",
        "encoders",
        "torch and GPU",
    } <= set(checks)
    assert {check["verdict"] for check in checks.values()} <= {"ok", "note"}
    assert "3 workers" in checks["cores"]["found"]
    assert all(check["remedy"] for check in checks.values() if check["verdict"] == "note")
    told = rendered.run("doctor").stdout
    assert all(name in told for name in checks)


# --- decide again


def shutting_out_the_winner(album: Album, folder: Path) -> tuple[Path, dict[str, str]]:
    """A policy with a gate that the first song's winner fails and the other passes, and whom that leaves."""
    first, second = album.json("scores", "small")["songs"][0]["candidates"]
    loudness = [candidate["metrics"]["integrated_lufs"]["value"] for candidate in (first, second)]
    between = sum(loudness) / 2
    gate = {"max": between} if loudness[0] > between else {"min": between}
    path = folder / "policy.yaml"
    path.write_text(json.dumps({"gates": {"integrated_lufs": gate}, "if_none_passes": "least_bad"}))
    return path, {"before": first["id"], "after": second["id"]}


def test_select_replays_without_storing_and_with_apply_the_next_render_finishes_it(album, tmp_path: Path) -> None:
    policy, winner = shutting_out_the_winner(album, tmp_path)
    before = album.dump()
    replay = album.json("select", album.manifest, "--policy", policy)
    assert (replay["album"], replay["applied"]) == ("small", False)
    assert replay["songs"][0]["winner"] == winner["after"]
    assert album.dump() == before

    applied = album.json("select", album.manifest, "--policy", policy, "--apply")
    assert applied["applied"] is True
    assert applied["songs"][0]["winner"] == winner["after"]
    assert album.json("status", "small")["songs"][0]["winner"] == winner["after"]
    assert album.json("plan", album.manifest)["complete"] is False

    before_work = album.done()
    album.run("render", album.manifest, "--out", album.release.parent)
    work = album.done()[len(before_work) :]
    assert "render" not in work
    assert "score" not in work
    assert work.count("master") >= 1
    assert work.count("pack") == 1
    lineage = album.json("lineage", album.mp3)
    assert lineage["recipe"]["seed"] == int(winner["after"].split("-")[1])
    assert lineage["decision"]["winner"] == winner["after"]
    assert json.loads((album.release / "release.json").read_bytes())["build"] == 2


def test_plan_looks_at_an_earlier_decision_without_saying_it_again(album, tmp_path: Path) -> None:
    selection = {"weights": {"plr_db": 1.0}}
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(selection))
    document = json.loads(album.manifest.read_text()) | {"selection": selection}
    album.run("select", write_album(tmp_path / "other", document), "--policy", policy, "--apply")
    before = album.dump()
    album.run("plan", album.manifest)
    assert album.dump() == before


def test_a_policy_of_unknown_metrics_or_for_an_unknown_album_is_refused(rendered, fresh, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("gates:\n  charm: {max: 1}\nweights:\n  sparkle: 1.0\n")
    refused = rendered.run("select", rendered.manifest, "--policy", policy, code=2)
    assert "gates.charm: there is no such metric" in refused.stderr
    assert "weights.sparkle: there is no such metric" in refused.stderr
    policy.write_text("selection:\n  gates:\n    plr_db: {max: loud}\n")
    assert (
        "policy.yaml:3: selection.gates.plr_db"
        in rendered.run("select", rendered.manifest, "--policy", policy, code=2).stderr
    )
    policy.write_text("selection: {weights: {plr_db: 1.0}}\n")
    assert "no scored candidates" in fresh.run("select", fresh.manifest, "--policy", policy, code=2).stderr
    assert "no album 'small'" in fresh.run("status", "small", code=2).stderr


def test_a_song_that_none_passes_fails_with_reasons_and_the_others_work_is_kept(album, tmp_path: Path) -> None:
    document = album_document(
        album={"id": "gated", "title": "Gated", "artist": "Ada Vale"},
        selection={"gates": {"tempo_bpm": {"min": 119, "max": 121}}},
    )
    manifest = write_album(tmp_path / "gated", document)
    rendered_before = album.done().count("render")
    failed = album.run("render", manifest, "--out", tmp_path / "gated-out", code=1)
    assert re.search(
        r"^error: Song Two: No winner: seed 1: tempo [\d.]+ BPM, at (least|most) .*; seed 2: tempo ",
        failed.stderr,
        re.M,
    )
    assert "Add seeds, loosen the gates" in failed.stderr
    assert "Song One" not in failed.stderr
    assert "Listen" not in failed.stdout
    assert not (tmp_path / "gated-out").exists()
    assert album.done().count("render") == rendered_before
    states = {
        song["id"]: (song["state"], song["winner"] is not None) for song in album.json("status", "gated")["songs"]
    }
    assert states == {"one": ("decided", True), "two": ("failed", False)}
    assert album.done().count("encode") == 2 * len(DELIVERABLES) + 1, "the song that passed is finished"
    assert "has no release yet" in album.run("export", "gated", "--out", tmp_path / "gated-out", code=2).stderr


# --- keep house


def test_rerun_says_identical_and_retry_finds_nothing_to_do(rendered) -> None:
    winner = rendered.json("status", "small")["songs"][0]["winner"]
    verdict = rendered.json("rerun", winner[:-3])
    assert verdict == {"candidate": winner, "verdict": "identical", "difference_dbfs": None}
    assert rendered.json("retry") == {"retried": 0, "work": []}
    assert rendered.run("retry").stdout.startswith("0 pieces of work")


def test_export_writes_the_release_byte_for_byte(rendered, tmp_path: Path) -> None:
    written = rendered.json("export", "small", "--out", tmp_path / "elsewhere")
    folder = tmp_path / "elsewhere" / "small"
    assert written == {"album": "small", "build": 1, "folder": str(folder), "changed": True, "kept": []}
    assert files_of(folder) == files_of(rendered.release)
    assert sums(folder).returncode == 0
    assert rendered.json("export", rendered.manifest, "--out", tmp_path / "elsewhere")["changed"] is False
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_verify_finds_what_is_corrupt_and_what_is_missing(album) -> None:
    whole = album.json("verify")
    assert whole["missing"] == whole["corrupt"] == []
    assert whole["pruned"] == 0
    assert whole["checked"] > len(files_of(album.release)) - 1
    corrupt, missing = digest_file(album.mp3), digest_file(album.release / "release.json")
    spoil(album.stored(corrupt))
    album.stored(missing).unlink()
    found = album.json("verify", code=1)
    lost = {each["digest"]: each for each in found.pop("lost")}
    assert found | {"lost": []} == {**whole, "missing": [missing], "corrupt": [corrupt]}
    assert (lost[missing]["album"], lost[missing]["song"], lost[missing]["build"]) == ("Small Album", None, 1)
    assert lost[corrupt]["song"] == "Song One"
    assert lost[corrupt]["paths"] == ["mp3_320/01 - Song One.mp3"]
    told = album.run("verify", code=1).stdout
    assert f"missing: Small Album: release.json of build 1  {missing[:12]}\n" in told
    assert (
        f"corrupt: Small Album, song 1 'Song One': MP3 320 (mp3_320/01 - Song One.mp3) of build 1  {corrupt[:12]}\n"
        in told
    )
    assert "songline verify --repair" in told
    assert "--accept-loss" not in told  # a manifest asks for both: nothing would be left
    album.stored(corrupt).unlink()
    refused = album.run("export", "small", "--out", album.release.parent / "again", code=4)
    assert "songline verify" in refused.stderr
    assert not (album.release.parent / "again" / "small").exists()
    assert album.json("verify", "--repair")["planned_again"] == 2
    before = album.done()
    again = album.run("render", album.manifest, "--out", album.release.parent).stdout
    assert "nothing was missing" not in again
    assert sorted(album.done()[len(before) :]) == ["encode", "pack"]
    after = album.json("verify")
    assert after["missing"] == after["corrupt"] == []
    assert digest_file(album.mp3) == corrupt, "the same bytes were made again"


def spoil(path: Path) -> None:
    """Turn one byte over, keeping size and date."""
    dates = path.stat()
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    os.utime(path, ns=(dates.st_atime_ns, dates.st_mtime_ns))


def test_gc_removes_only_bytes_without_a_row_and_only_after_the_grace(album) -> None:
    orphan = digest_bytes(b"nobody names me")
    path = album.stored(orphan)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"nobody names me")
    unfinished = album.home / "store" / "unfinished" / "half"
    unfinished.write_bytes(b"ha")
    before = files_of(album.home / "store")

    nothing = {"removed": [], "bytes": 0, "unfinished": 0, "left": [], "dry_run": False}
    assert album.json("gc") == nothing
    assert album.json("gc", SONGLINE_GC_GRACE_S="60") == nothing
    assert files_of(album.home / "store") == before

    for old in (path, unfinished):
        os.utime(old, (time.time() - 120, time.time() - 120))
    would = album.json("gc", "--dry-run", SONGLINE_GC_GRACE_S="60")
    assert (would["removed"], would["bytes"], would["dry_run"]) == ([orphan], 15, True)
    assert files_of(album.home / "store") == before
    assert (
        "1 leftover file that nothing in the catalog names removed" in album.run("gc", SONGLINE_GC_GRACE_S="60").stdout
    )
    named = {name: digest for name, digest in before.items() if digest != orphan and name != "unfinished/half"}
    assert files_of(album.home / "store") == named
    assert album.json("gc", SONGLINE_GC_GRACE_S="0")["removed"] == []
    assert album.json("verify")["missing"] == []


# --- what is wrong


@pytest.mark.parametrize("state", ["rendered", "fresh"])
def test_a_folder_that_holds_something_else_is_refused_before_any_work(
    request: pytest.FixtureRequest, tmp_path: Path, state
) -> None:
    album = request.getfixturevalue(state)
    (tmp_path / "mine" / "small").mkdir(parents=True)
    (tmp_path / "mine" / "small" / "letter.txt").write_text("not a release")
    (tmp_path / "file").write_text("x")
    work = album.done() if album.home.exists() else []
    for out in (tmp_path / "mine", tmp_path / "file"):
        refused = album.run("render", album.manifest, "--out", out, code=2)
        assert re.fullmatch(r"error: .*\. Name another folder with --out.*\.\n", refused.stderr)
    assert files_of(tmp_path / "mine") == {"small/letter.txt": digest_bytes(b"not a release")}
    assert (tmp_path / "file").read_text() == "x"
    assert (album.done() if (album.home / "catalog.sqlite3").exists() else []) == work


WRONG = {
    "unknown album": (["status", "nowhere"], {}, 2, "input", "no album 'nowhere'", "small"),
    "unknown album, export": (["export", "nowhere"], {}, 2, "input", "nowhere", "songline render"),
    "missing manifest": (["validate", "nowhere.yaml"], {}, 2, "manifest", "nowhere.yaml", ""),
    "unknown candidate": (["rerun", "nobody-1"], {}, 2, "input", "nobody-1", "songline scores"),
    "ambiguous candidate": (["rerun", "one-"], {}, 2, "input", "several candidates: one-1-", "more of the id"),
    "unknown digest": (["lineage", "0123456789abcdef"], {}, 2, "input", "0123456789abcdef", "digest"),
    "ambiguous digest": (["lineage", ""], {}, 2, "input", "several artifacts", "more of the digest"),
    "bad setting": (["status", "small"], {"SONGLINE_WORKERS": "many"}, 2, "input", "SONGLINE_WORKERS", "unset it"),
    "setting out of range": (["verify"], {"SONGLINE_WORKERS": "-1"}, 2, "input", "SONGLINE_WORKERS", "unset it"),
    "home is a file": (["verify"], {"SONGLINE_HOME": __file__}, 4, "catalog", __file__, "SONGLINE_HOME"),
    "home under a file": (["retry"], {"SONGLINE_HOME": f"{__file__}/x"}, 4, "catalog", __file__, "SONGLINE_HOME"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_with_its_remedy_and_exit_code(rendered, what) -> None:
    arguments, settings, code, kind, told, remedy = WRONG[what]
    settings = {"SONGLINE_HOME": str(rendered.home)} | settings
    command = [sys.executable, "-m", "flows.cli", *arguments, "--json"]
    env = environment(rendered.home) | settings
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert error["kind"] == kind
    assert told in error["error"]
    assert remedy in error["remedy"]
