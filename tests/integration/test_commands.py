"""The commands that look at a rendered album: what they print, and what every command says of what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes, digest_file
from tests.integration.rendered_album import DELIVERABLES, STEMS, album, check_scores, fresh, rendered, sums
from tests.support.commands import files_of

__all__ = ["album", "fresh", "rendered"]

pytestmark = pytest.mark.slow

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
    expected |= {f"sheets/{name}.{suffix}" for suffix in ("musicxml", "svg") for name in names}
    expected |= {f"daw/{name}.dawproject" for name in names}
    expected |= {"index.html", "release.json", "lineage.json", "small.cue", "SHA256SUMS"}
    assert set(files_of(rendered.release)) == expected
    assert sums(rendered.release).returncode == 0


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
    assert {model["licence"] for model in lineage["models"]} == {"GPL-2.0", "CMU-Flite"}
    assert lineage["models"][0]["name"] == "TimGM6mb SoundFont"
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
        "SoundFont",
        "encoders",
        "torch and GPU",
    } <= set(checks)
    assert {check["verdict"] for check in checks.values()} <= {"ok", "note"}
    assert "3 workers" in checks["cores"]["found"]
    assert all(check["remedy"] for check in checks.values() if check["verdict"] == "note")
    told = rendered.run("doctor").stdout
    assert all(name in told for name in checks)


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
    "unknown album, export": (["export", "nowhere"], {}, 2, "input", "no album 'nowhere'", "small"),
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
    done = rendered.run(*arguments, "--json", code=code, **settings)
    assert done.stdout == ""
    error = json.loads(done.stderr)
    assert error["kind"] == kind
    assert told in error["error"]
    assert remedy in error["remedy"]
