"""The commands that decide again and keep a rendered album: what they print, what they store, and their exit codes."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from catalog.common.digests import digest_bytes, digest_file
from tests.integration.rendered_album import DELIVERABLES, album, fresh, rendered, sums
from tests.support.albums import album_document, write_album
from tests.support.commands import Album, files_of

__all__ = ["album", "fresh", "rendered"]

pytestmark = pytest.mark.slow

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
