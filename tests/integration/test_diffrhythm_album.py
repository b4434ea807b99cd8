"""An album sung by the DiffRhythm engine with tiny weights, from its manifest to its release, by the real command."""

from __future__ import annotations

import json
import subprocess

import numpy as np
import pytest
import soundfile

from tasks.delivery.package.midi import lyric_lines
from tasks.delivery.tags.lrc import timed_lines
from tests.integration.sung_album import FINAL_TEXT, PROMPT, lrc
from tests.support.commands import files_of

pytestmark = pytest.mark.slow

GENERATING = [
    ("diffrhythm-1.2-base", "Apache-2.0", "generates"),
    ("diffrhythm-vae", "Stability-AI-Community", "generates"),
    ("diffrhythm-data", "Apache-2.0", "reads"),
]
CONDITIONING = ("muq-mulan-large", "CC-BY-NC-4.0", "conditions")
JUDGING = ("muq-mulan-large", "CC-BY-NC-4.0", "judges")
MULAN = ("mulan_similarity", "mulan_similarity_p10", "mulan_worst", "mulan_reference_similarity")
JUST_NOTICEABLE = 0.02
"""Of a similarity; a smaller difference decides nothing."""


def models(document):
    return [(model["name"], model["licence"], model["role"]) for model in document]


@pytest.fixture(scope="module")
def traced(sung):
    """The lineage of what was delivered of the first song."""
    return sung.json("lineage", sung.release / "mp3_320" / "01 - Song One.mp3")


def test_the_release_is_complete_and_its_sums_hold(sung) -> None:
    names = ["01 - Song One", "02 - Song Two"]
    expected = {f"mp3_320/{name}.mp3" for name in names} | {f"lyrics/{name}.lrc" for name in names}
    expected |= {f"midi/{name}.mid" for name in names}
    expected |= {"index.html", "release.json", "lineage.json", "sung.cue", "SHA256SUMS"}
    assert set(files_of(sung.release)) == expected
    command = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    assert subprocess.run(command, cwd=sung.release, check=False).returncode == 0
    for name in names:
        assert (sung.release / "lyrics" / f"{name}.lrc").read_text() == lrc()
        words = lyric_lines((sung.release / "midi" / f"{name}.mid").read_bytes())
        assert words == [(text, pytest.approx(at_ms, abs=1)) for text, at_ms in timed_lines(lrc())]
    lengths = [track["duration_s"] for track in sung.released("release.json")["tracks"]]
    assert lengths == pytest.approx([2048 * 2048 / 44100, 2067 * 2048 / 44100], abs=0.01)


def test_release_names_every_model_and_its_licence(sung) -> None:
    document = sung.released("release.json")
    one, two = (track["engine"] for track in document["tracks"])
    assert (one["name"], one["revision"]) == ("diffrhythm", 1)
    assert models(one["models"]) == [*GENERATING, CONDITIONING, JUDGING]
    assert models(two["models"])[:3] == [("diffrhythm-1.2-full", "Apache-2.0", "generates"), *GENERATING[1:]]
    assert CONDITIONING not in models(two["models"]), "nothing was embedded"
    assert document["album"]["licences"] == [{"model": "diffrhythm-vae", "agreement": "Letter of 1 May 2026"}]
    page = (sung.release / "index.html").read_text()
    assert "diffrhythm-1.2-base" in page
    assert "CC-BY-NC-4.0" in page


def test_lineage_names_the_whole_recipe(sung, traced) -> None:
    recipe = traced["recipe"]
    assert (recipe["engine"], recipe["length_s"]) == ("diffrhythm", 95)
    assert recipe["seed"] in (1, 2)
    inputs = recipe["inputs"]
    assert [first for first, _ in inputs["tokens"]] == [43, 129, 236, 430]
    assert all(len(tokens) > 10 and min(tokens) > 0 for _, tokens in inputs["tokens"])
    assert set(inputs["read_by"]) == {"espeak-ng", "phonemizer"}
    assert (inputs["frames"], inputs["duration"], inputs["steps"], inputs["cfg_strength"]) == (2048, 1.0, 8, 4.0)
    assert (inputs["dtype"], inputs["vae_dtype"]) == ("float32", "float32")
    assert inputs["style"]["text"] == FINAL_TEXT
    assert inputs["negative_style"]["fixed"] == "published"
    installed = {m["name"]: m["digest"] for m in traced["models"]}
    assert {file["name"]: file["digest"] for file in inputs["files"].values()} == {
        name: installed[name] for name, _, role in GENERATING if role == "generates"
    }


def test_lineage_names_models_with_licence_and_role_and_the_agreements(sung, traced) -> None:
    assert models(traced["models"]) == [*GENERATING, CONDITIONING, JUDGING]
    assert all(len(model["digest"]) == 64 for model in traced["models"])
    assert traced["licences"] == [{"model": "diffrhythm-vae", "agreement": "Letter of 1 May 2026"}]
    assert traced["prompt"] == PROMPT
    songs = sung.released("lineage.json")["songs"]
    told = {song["song"]["id"]: models(song["models"]) for song in songs}
    assert told["one"] == models(traced["models"])
    tracks = sung.released("release.json")["tracks"]
    assert told == {track["song"]: models(track["engine"]["models"]) for track in tracks}


def test_lineage_shows_the_embedding_and_what_the_render_cost(sung, traced) -> None:
    activities = {activity["kind"]: activity for activity in traced["activities"]}
    assert list(activities) == ["encode", "master", "render", "embed"]
    embed = activities["embed"]
    assert embed["parameters"]["text"] == FINAL_TEXT
    assert embed["found"]["norm"] == pytest.approx(1.0, abs=1e-4)
    figures = activities["render"]["figures"]
    assert (figures["device"], figures["dtype"], figures["batch"]) == ("cpu", "float32", 2)
    assert activities["render"]["seed"] == traced["recipe"]["seed"]
    assert activities["render"]["seconds"] == pytest.approx(
        figures["text_s"] + figures["sampler_s"] + figures["vae_s"], rel=1e-6
    )
    # The vector of a file is an artifact that came from outside.
    given = sung.json("lineage", sung.release / "mp3_320" / "02 - Song Two.mp3")
    assert [activity["kind"] for activity in given["activities"]] == ["encode", "master", "render"]
    assert given["recipe"]["inputs"]["style"] == {"vector": files_of(sung.manifest.parent)["vector.npy"]}
    assert given["prompt"] is None


@pytest.mark.parametrize(("song", "frames"), [("one", 2048), ("two", 2067)])
def test_every_render_keeps_its_latent_and_its_float_audio(sung, song, frames) -> None:
    peaks = []
    for seed, candidate in sung.candidates(song).items():
        recipe, files = sung.parts(candidate)
        assert recipe.seed == seed
        assert set(files) == {"audio", "latent"}
        latent = np.load(files["latent"], allow_pickle=False)
        assert (latent.shape, latent.dtype) == ((frames, 64), np.float32)
        assert np.isfinite(latent).all()
        assert 0.1 < latent.std() < 10
        info = soundfile.info(files["audio"])
        assert (info.frames, info.channels, info.samplerate, info.subtype) == (frames * 2048, 2, 44100, "FLOAT")
        samples, _ = soundfile.read(files["audio"], dtype="float32")
        scaled = samples.astype(np.float64) * 32768
        assert np.abs(scaled - np.round(scaled)).max() > 0.1, "not a trace of 16 bits"
        peaks.append(float(np.abs(samples).max()))
    assert all(0.02 < peak < 0.98 for peak in peaks), "no peak is brought to full scale"
    assert len(set(peaks)) == len(peaks)


def test_each_text_is_embedded_once_and_each_render_done_once(sung) -> None:
    done = sung.done()
    assert done.count("embed") == 1
    assert done.count("render") == 3
    assert done.count("judge") == 3


def test_status_gpu_has_sensible_figures(sung) -> None:
    (use,) = sung.json("status", "--gpu")["devices"]
    assert (use["engine"], use["device"], use["dtype"], use["songs"]) == ("diffrhythm", "cpu", "float32", 3)
    assert use["mean_batch"] == pytest.approx((2 + 2 + 1) / 3)
    assert min(use["text_s"], use["sampler_s"], use["vae_s"]) > 0
    seconds = use["text_s"] + use["sampler_s"] + use["vae_s"]
    assert use["songs_per_hour"] == pytest.approx(3600 / seconds)
    assert 0 < use["tflop_per_s"] < 10
    assert use["share_of_peak"] is None
    assert use["peak_memory_bytes"] is None
    assert sung.json("status", "sung", "--gpu") == sung.json("status", "--gpu")
    assert "songs/h" in sung.run("status", "--gpu").stdout


def test_rendering_again_does_nothing(sung) -> None:
    before = sung.done(), files_of(sung.release)
    assert "nothing was missing" in sung.run("render", sung.manifest, "--out", sung.release.parent).stdout
    assert (sung.done(), files_of(sung.release)) == before
    plan = sung.json("plan", sung.manifest)
    assert [(song["exists"], song["new"]) for song in plan["songs"]] == [(2, 0), (1, 0)]
    assert plan["complete"]


def test_plan_explain_shows_what_each_engine_is_given(sung) -> None:
    one, two = sung.json("plan", sung.manifest, "--explain")["explained"]
    assert one["style"] == f'text "{FINAL_TEXT}"'
    assert two["style"] == "the vector in vector.npy"
    assert one["negative_style"] == "published"
    assert (one["network"], two["network"]) == ("diffrhythm-1.2-base", "diffrhythm-1.2-full")
    assert (one["steps"], one["cfg_strength"], two["cfg_strength"]) == (8, 4.0, 0.0)
    assert (one["dtype"], one["vae_dtype"]) == ("float32", "float32")
    assert FINAL_TEXT in sung.run("plan", sung.manifest, "--explain").stdout


def test_rerun_says_identical(sung) -> None:
    # As many threads as the worker had: another number sums in another order.
    threads = {"OMP_NUM_THREADS": str(sung.settings.worker_count), "MKL_NUM_THREADS": str(sung.settings.worker_count)}
    candidate = sung.candidates("two")[5]
    verdict = {"candidate": candidate, "verdict": "identical", "difference_dbfs": None}
    assert sung.json("rerun", candidate, **threads) == verdict


def test_verify_is_clean(sung) -> None:
    found = sung.json("verify")
    assert found["missing"] == found["corrupt"] == []
    assert found["checked"] > 15


def test_preview_lyrics_shows_frames_and_phonemes(sung) -> None:
    (song,) = sung.json("preview-lyrics", sung.manifest, "--song", "one")["songs"]
    rows = song["lines"]
    assert [row["first_frame"] for row in rows] == [43, 129, 236, 430]
    assert [row["stamp"] for row in rows] == ["[00:02.00]", "[00:06.00]", "[00:11.00]", "[00:20.00]"]
    recipe, _ = sung.parts(sung.candidates("one")[1])
    assert [[r["first_frame"], r["end_frame"]] for r in rows] == [[f, f + len(t)] for f, t in recipe.inputs["tokens"]]
    assert all(row["phonemes"] and row["remarks"] == [] for row in rows)
    assert "has no song 'three'" in sung.run("preview-lyrics", sung.manifest, "--song", "three", code=2).stderr


def test_scores_have_the_judges_metrics_where_there_is_a_prompt(sung) -> None:
    one, two = sung.json("scores", "sung")["songs"]
    for candidate in one["candidates"]:
        read = {name: candidate["metrics"][name] for name in MULAN}
        assert read["mulan_reference_similarity"] == {"not_measurable": "no reference is stated"}
        worst, low, mean = (read[name]["value"] for name in ("mulan_worst", "mulan_similarity_p10", "mulan_similarity"))
        assert -1 <= worst <= low <= mean <= 1
    assert [c["rank"] for c in one["candidates"]] == [1, 2]
    best, other = (c["metrics"]["mulan_similarity"]["value"] for c in one["candidates"])
    assert best > other or other - best < JUST_NOTICEABLE  # then the manifest's order decides
    (only,) = two["candidates"]
    assert {only["metrics"][name]["not_measurable"] for name in MULAN} == {
        "no prompt is stated",
        "no reference is stated",
    }


def test_windows_of_the_judge_are_stored(sung) -> None:
    stored = sung.ask("SELECT windows FROM score WHERE metric = 'mulan_similarity' AND value IS NOT NULL")
    assert len(stored) == 2
    for windows in map(json.loads, stored):
        starts, ends, values = zip(*windows, strict=True)
        assert starts[0] == 0
        assert list(starts) == sorted(starts)
        assert ends[-1] == pytest.approx(2048 * 2048 / 44100, abs=0.01)
        assert all(-1 <= value <= 1 for value in values)
