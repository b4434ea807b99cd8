"""A passage of a sung candidate sung again, by the real command, on a copy of a rendered album."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from catalog.catalog import open_catalog
from catalog.plan.retakes import parent_take
from flows.planning.plan_album import declare_album, plan_album
from flows.planning.read_manifest import read_album
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.engines.diffrhythm.network.frames import FRAME_SAMPLES, passage_between
from tasks.rendering.render_shard import render_shard
from tests.integration.sung_album import Sung, lrc, sung_document, write_sung
from tests.support.albums import album_document, write_album
from tests.support.diffrhythm.frames import in_frames
from tests.support.inline_executor import HERE

pytestmark = pytest.mark.slow

NEW_LINE = "Seven lanterns on the water"
NEW_WORDS = lrc({6: NEW_LINE, 20: "A line outside of the passage"})
FRAMES = 2048
PASSAGE = passage_between(5, 10, song_frames=FRAMES)
WITHIN = slice(PASSAGE.start_frame * FRAME_SAMPLES, PASSAGE.end_frame * FRAME_SAMPLES)


@dataclass(frozen=True)
class Taken:
    """An album with a retake in it; ``told`` is what the command said, ``before`` the work done until then."""

    album: Sung
    parent: str
    words: Path
    told: dict[str, Any]
    before: list[str]

    @property
    def id(self) -> str:
        (take,) = self.told["candidates"]
        return str(take["id"])

    def retake(self) -> Any:
        return self.album.json("retake", self.parent, *passage(), "--lyrics", self.words, "--out", self.words.parent)


def passage(start: str = "0:05", end: str = "0:10") -> list[str]:
    return ["--from", start, "--to", end, "--seeds", "1"]


@pytest.fixture(scope="module")
def taken(sung, tmp_path_factory: pytest.TempPathFactory):
    """One take of five seconds with a new line, of the candidate that the policy did not choose."""
    folder = tmp_path_factory.mktemp("taken")
    album = sung.copied(folder)
    winner = album.json("status", "sung")["songs"][0]["winner"]
    (parent,) = set(album.candidates("one").values()) - {winner}
    words = folder / "takes" / "new.lrc"
    words.parent.mkdir()
    words.write_text(NEW_WORDS)
    asked = Taken(album, parent, words, {}, album.done())
    return Taken(album, parent, words, asked.retake(), asked.before)


@pytest.fixture(scope="module")
def decided(taken):
    """The album rendered again with one more seed, under gates that let the retake pass alone; its done work before."""
    samples, rate = soundfile.read(taken.words.parent / f"{taken.id}.wav", dtype="float32")
    loudness = integrated_lufs(Audio.of(samples.T, rate)).value
    gate = {"integrated_lufs": {"min": loudness - 1e-6, "max": loudness + 1e-6}}
    selection = {"weights": {"mulan_similarity": 1.0}, "gates": gate, "if_none_passes": "least_bad"}
    write_sung(taken.album.manifest.parent, sung_document(seeds=(1, 2, 7), selection=selection))
    before = taken.album.done()
    taken.album.run("render", taken.album.manifest, "--out", taken.album.release.parent)
    return before


def planned(album, document=None, *, store=False):
    """The ids of the first song's candidates as the album is planned now."""
    if document is not None:
        write_sung(album.manifest.parent, document)
    with open_catalog(album.settings) as catalog:
        plan = (declare_album if store else plan_album)(catalog, read_album(album.manifest, album.settings))
        return [candidate.id for candidate in plan.songs[0].candidates]


# --- the take


def test_the_take_is_told_and_done_by_one_render(taken) -> None:
    (take,) = taken.told["candidates"]
    assert taken.told["parent"] == taken.parent
    assert (taken.told["album"], taken.told["song"], take["state"]) == ("sung", "one", "rendered")
    assert take["id"].startswith(f"one-{take['seed']}r-")
    assert Path(take["audio"]).read_bytes() == taken.album.parts(take["id"])[1]["audio"].read_bytes()


def test_outside_its_passage_a_take_is_its_parent_bit_for_bit(taken) -> None:
    parent, take = (
        soundfile.read(taken.album.parts(name)[1]["audio"], dtype="float32")[0] for name in (taken.parent, taken.id)
    )
    assert parent.shape == take.shape == (FRAMES * FRAME_SAMPLES, 2)
    same = (parent.view(np.uint32) == take.view(np.uint32)).all(axis=1)
    assert same[: WITHIN.start].all()
    assert same[WITHIN.stop :].all()
    inside = slice(WITHIN.start + FRAME_SAMPLES, WITHIN.stop - FRAME_SAMPLES)
    assert same[inside].mean() < 0.01
    assert np.abs(parent[inside] - take[inside]).max() > 0.01


def test_the_latent_outside_is_the_parents_too(taken) -> None:
    parent, take = (np.load(taken.album.parts(name)[1]["latent"]) for name in (taken.parent, taken.id))
    changed = (parent != take).any(axis=1)
    assert np.flatnonzero(changed).tolist() == list(range(PASSAGE.start_frame, PASSAGE.end_frame))


def test_the_recipe_names_its_parent_and_changes_the_words_inside_only(taken) -> None:
    parent, files = taken.album.parts(taken.parent)
    recipe, _ = taken.album.parts(taken.id)
    assert recipe.inputs["parent"] == parent.digest
    assert recipe.inputs["passage"]["frames"] == [PASSAGE.start_frame, PASSAGE.end_frame]
    assert recipe.inputs["passage"]["latent"] == files["latent"].name
    assert recipe.seed != parent.seed
    before, after = (np.array(in_frames(each.inputs["tokens"], FRAMES)) for each in (parent, recipe))
    moved = np.flatnonzero(before != after)
    assert len(moved) > 5
    assert PASSAGE.start_frame <= moved.min() <= moved.max() < PASSAGE.end_frame
    same = set(parent.inputs) - {"tokens", "read_by"}
    assert {name: recipe.inputs[name] for name in same} == {name: parent.inputs[name] for name in same}


def test_the_catalog_knows_its_parent_and_its_words(taken) -> None:
    ask = taken.album.ask
    assert ask("SELECT parent_id FROM candidate WHERE id = ?", taken.id) == [taken.parent]
    with open_catalog(taken.album.settings) as catalog:
        words = parent_take(catalog.database, taken.id).lyrics
    assert words.to_lrc() == lrc({6: NEW_LINE}), "the line outside of the passage stays"


def test_the_same_take_again_makes_nothing_new(taken) -> None:
    done, rows = taken.album.done(), taken.album.ask("SELECT id FROM candidate")
    assert taken.retake() == taken.told
    assert taken.album.ask("SELECT id FROM candidate") == rows
    assert taken.album.done() == done


# --- the next render


def test_the_next_render_makes_only_what_is_missing(taken, decided) -> None:
    assert decided[len(taken.before) :] == ["render"], "retaking did nothing but render, and embedded nothing"
    work = taken.album.done()[len(decided) :]
    assert work.count("render") == 1, "the new seed"
    assert "embed" not in work
    assert work.count("judge") == work.count("score") == 2, "the retake and the new seed"


def test_a_take_that_wins_is_released_with_its_words(taken, decided) -> None:
    (one, _) = taken.album.json("status", "sung")["songs"]
    assert one["winner"] == taken.id
    assert one["candidates"]["rendered"] == 4
    assert (taken.album.release / "lyrics" / "01 - Song One.lrc").read_text() == lrc({6: NEW_LINE})
    assert (taken.album.release / "lyrics" / "02 - Song Two.lrc").read_text() == lrc()
    lineage = taken.album.json("lineage", taken.album.release / "mp3_320" / "01 - Song One.mp3")
    assert lineage["recipe"]["inputs"]["parent"] == lineage["songs"][1]["recipe"]["digest"]
    assert [song["candidate"] for song in lineage["songs"]] == [taken.id, taken.parent]
    assert lineage["songs"][0]["parent"] == taken.parent
    assert lineage["lyrics_digest"] != lineage["songs"][1]["lyrics_digest"]
    assert [a["kind"] for a in lineage["activities"]].count("render") == 2
    assert NEW_LINE in (taken.album.release / "index.html").read_text()


def test_every_candidate_is_scored_with_the_others(taken, decided) -> None:
    (one, _) = taken.album.json("scores", "sung")["songs"]
    assert len(one["candidates"]) == 4
    assert one["candidates"][0]["id"] == taken.id
    assert all("value" in c["metrics"]["mulan_similarity"] for c in one["candidates"])


def test_a_take_is_within_tolerance_when_it_is_rendered_again(taken, decided) -> None:
    again = taken.album.json("rerun", taken.id)
    assert again["verdict"] in ("identical", "within tolerance")


def test_a_take_stays_while_its_parent_is_asked_for(taken, tmp_path: Path) -> None:
    album = taken.album.copied(tmp_path)
    parent_seed = album.parts(taken.parent)[0].seed
    other_seed = 3 - parent_seed
    assert taken.id in planned(album)
    assert taken.id in planned(album, sung_document(seeds=(parent_seed,)))
    assert taken.id in planned(album, sung_document(seeds=(9, parent_seed)))
    assert taken.id not in planned(album, sung_document(seeds=(other_seed,)))
    changed = sung_document()
    changed["songs"][0]["prompt"] = "jazz trio, piano, male vocal"
    assert taken.id not in planned(album, changed)
    planned(album, changed, store=True)
    assert album.ask("SELECT active FROM candidate WHERE id = ?", taken.id) == [0]
    planned(album, sung_document(), store=True)
    assert album.ask("SELECT active FROM candidate WHERE id = ?", taken.id) == [1], "the parent is wanted again"


# --- what is refused


@pytest.mark.parametrize(
    ("times", "told"),
    [
        (("0:10", "0:05"), "ends before it has begun"),
        (("0:05", "0:05"), "ends before it has begun"),
        (("2:00", "2:10"), "the song has 95 s"),
        (("soon", "0:10"), "'soon' is not a time"),
        (("0:05", "1:75"), "'1:75' is not a time"),
        (("0:05", "nan"), "'nan' is not a time"),
    ],
)
def test_times_that_are_none_are_refused(sung, times, told) -> None:
    before = sung.dump()
    refused = sung.run("retake", sung.candidates("one")[1], *passage(*times), code=2)
    assert told in refused.stderr
    assert refused.stdout == ""
    assert sung.dump() == before


def test_lyrics_that_change_nothing_are_refused(sung, tmp_path: Path) -> None:
    words = tmp_path / "same.lrc"
    words.write_text(lrc({20: "Changed where it does not count"}))
    one = sung.candidates("one")[1]
    refused = sung.run("retake", one, *passage(), "--lyrics", words, code=2)
    assert "changes no line that begins in the passage" in refused.stderr
    assert "is not there" in sung.run("retake", one, *passage(), "--lyrics", tmp_path / "none", code=2).stderr
    words.write_text("two lines\nwithout times")
    assert "the text has 2 lines" in sung.run("retake", one, *passage(), "--lyrics", words, code=2).stderr
    sung.run("retake", "nobody-1", *passage(), code=2)


def test_a_guide_candidate_has_no_passage_to_take_again(tmp_path: Path, sung) -> None:
    guide = Sung(tmp_path / "home", tmp_path / "album.yaml", tmp_path / "out", sung.variables)
    document = album_document(songs=album_document()["songs"][:1])
    with open_catalog(guide.settings) as catalog:
        made = declare_album(catalog, read_album(write_album(tmp_path / "guide", document), guide.settings))
        candidate, unrendered = made.songs[0].candidates
        render_shard(catalog, [candidate.render_key], HERE)
    refused = guide.run("retake", candidate.id, *passage("0:02", "0:04"), "--json", code=3)
    error = json.loads(refused.stderr)
    assert error["kind"] == "refused"
    assert "guide" in error["error"]
    assert "is not rendered yet" in guide.run("retake", unrendered.id, *passage("0:02", "0:04"), code=3).stderr
    assert guide.ask("SELECT count(*) FROM candidate") == [2]


# --- trouble


def test_a_take_needs_the_models_of_its_parent(taken, tmp_path: Path) -> None:
    before = taken.album.dump()
    asked = ["retake", taken.parent, *passage("0:30", "0:35")]
    refused = taken.album.run(*asked, code=4, SONGLINE_MODELS=str(tmp_path / "none"))
    assert "songline models pull" in refused.stderr
    assert taken.album.dump() == before, "nothing is declared that could fail"


def test_a_take_that_fails_says_why(taken, tmp_path: Path) -> None:
    album = taken.album.copied(tmp_path)
    album.stored(album.parts(taken.parent)[1]["latent"].name).unlink()
    failed = album.run("retake", taken.parent, *passage("0:30", "0:35"), code=1)
    assert "no longer in the store" in failed.stdout + failed.stderr
