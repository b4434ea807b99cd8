"""Albums whose songs are rendered at 44.1 and at 48 kHz: one rate in every file of a release."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.catalog import Catalog
from catalog.common.errors import WorkError
from catalog.ledger.results import products_of
from catalog.plan.plan import PlannedAlbum
from catalog.release.queries import release_by_key
from db.session import Database
from flows.cli.inspect.lineage import lineage
from flows.pipeline.forecast import forecast
from flows.planning.plan_album import declare_album
from flows.planning.rates import most_frequent_rate
from flows.planning.read_manifest import read_album
from tasks.audio.audio import Audio
from tasks.audio.files import read_audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.metering.true_peak import true_peak_dbtp
from tasks.delivery.package.export import write_release
from tests.support.albums import LYRICS, album_document, write_album
from tests.support.engine_48k import Guide48Engine, engine_48k
from tests.support.inline_executor import InlineExecutor, produce

pytestmark = pytest.mark.slow

SENTENCE = "resampled from 48000 to 44100 Hz by soxr HQ"


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    with engine_48k():
        yield


def songs(*engines: str) -> list[dict[str, Any]]:
    prompts = ("indie pop, 120 BPM, A minor", "folk rock, 132 BPM, D major", "slow ballad, 84 BPM, C major")
    return [
        {
            "id": f"song-{number}",
            "title": f"Song {number}",
            "lyrics": LYRICS,
            "prompt": prompts[number % 3],
            "seeds": [number],
            "engine": engine,
        }
        for number, engine in enumerate(engines, start=1)
    ]


def plan(catalog: Catalog, folder: Path, *engines: str, **changes: object) -> PlannedAlbum:
    document = album_document(songs=songs(*engines), deliverables=["wav24"], **changes)
    return declare_album(catalog, read_album(write_album(folder / "album", document), catalog.settings))


def released(catalog: Catalog, planned: PlannedAlbum, folder: Path) -> tuple[Path, dict[str, Any], InlineExecutor]:
    produced, executor = produce(catalog, planned)
    assert produced.failures == {}
    release = release_by_key(catalog.database, produced.release_key)
    place = write_release(catalog, release, folder).folder
    return place, json.loads((place / "release.json").read_bytes()), executor


def rates_in(folder: Path) -> set[int]:
    return {read_audio(path).rate for path in folder.rglob("*.wav")}


def resampled(document: dict[str, Any]) -> list[dict[str, Any] | None]:
    return [track.get("resampled") for track in document["tracks"]]


def test_the_most_frequent_rate_wins_and_the_higher_of_two() -> None:
    assert most_frequent_rate([44100, 48000, 44100]) == 44100
    assert most_frequent_rate([48000, 44100]) == most_frequent_rate([44100, 48000]) == 48000
    assert most_frequent_rate([]) is None


def test_every_file_of_a_mixed_album_has_the_rate_of_most_winners(catalog: Catalog, tmp_path: Path) -> None:
    planned = plan(catalog, tmp_path, "guide", "guide48", "guide", stems="native")
    folder, document, _ = released(catalog, planned, tmp_path / "out")
    assert rates_in(folder) == {44100}
    assert resampled(document) == [None, {"from_hz": 48000, "to_hz": 44100, "by": "soxr HQ"}, None]
    assert all(check["verdict"] != "fail" for track in document["tracks"] for check in track["checks"])

    stems = {path.stem: read_audio(path) for path in (folder / "stems" / "02 - Song 2").iterdir()}
    assert stems.keys() == {"mix", "vocals", "drums", "bass", "other"}
    mix = stems.pop("mix")
    assert {stem.frames for stem in stems.values()} == {mix.frames} == {10 * 44100}
    rest = mix.samples - np.sum([stem.samples for stem in stems.values()], axis=0, dtype=np.float64)
    null_dbfs = 20 * np.log10(np.abs(rest).max())
    assert null_dbfs < -110
    assert document["tracks"][1]["separation"]["null_dbfs"] == pytest.approx(null_dbfs, abs=1.0)

    page, lineage = (folder / "index.html").read_text(), json.loads((folder / "lineage.json").read_bytes())
    assert page.count("Resampled from 48000 to 44100 Hz by soxr HQ.") == 1
    steps = [activity for activity in lineage["activities"] if "resampled" in activity.get("found", {})]
    assert sorted(step["kind"] for step in steps) == ["master", "resample"]
    (master,) = [step["found"] for step in steps if step["kind"] == "master"]
    assert master["notes"][0] == SENTENCE
    assert (master["source_rate"], master["source_frames"], master["rate"]) == (48000, 480000, 44100)


def test_times_found_in_a_take_are_those_of_a_resampled_winner_too(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Guide48Engine, "keeps_times", False)
    plain = {"id": "plain", "title": "Plain", "lyrics": "one\ntwo\n", "prompt": "folk", "engine": "guide48"}
    document = album_document(songs=[*songs("guide", "guide"), plain], deliverables=["wav24"], stems="native")
    planned = declare_album(catalog, read_album(write_album(tmp_path / "album", document), catalog.settings))
    rendered = {key for song in planned.songs for key in (candidate.render_key for candidate in song.candidates)}

    def windows(database: Database, digests: Sequence[str]) -> dict[str, Any]:
        takes = {products["audio"] for products in products_of(database, list(rendered)).values()}
        return {digest: {"lyric_cer": [[2.0, 3.0, 0.0], [4.5, 5.0, 0.0]]} for digest in digests if digest in takes}

    monkeypatch.setattr("tasks.delivery.package.sung_times.score_windows", windows)
    folder, _, _ = released(catalog, planned, tmp_path / "out")
    assert (folder / "lyrics" / "03 - Plain.lrc").read_text() == "[00:02.00]one\n[00:04.50]two\n"


def test_masters_stems_words_and_cue_of_a_resampled_song_keep_their_times(catalog: Catalog, tmp_path: Path) -> None:
    sources = {}
    for engine in ("guide", "guide48"):
        planned = plan(catalog, tmp_path / engine, engine, rate=44100, stems="native")
        sources[engine] = released(catalog, planned, tmp_path / engine / "out")[0]
    own, other = (read_audio(next((folder / "wav24").iterdir())) for folder in sources.values())
    assert abs(own.frames - other.frames) <= 1
    frames = min(own.frames, other.frames)
    difference = own.samples[:, :frames] - other.samples[:, :frames]
    assert np.sqrt(np.mean(difference**2) / np.mean(own.samples**2)) < 0.03
    lines, sheets = (
        [next(folder.glob(pattern)).read_text() for folder in sources.values()] for pattern in ("lyrics/*", "*.cue")
    )
    assert lines[0] == lines[1]
    times = [re.findall("REM LENGTH.*|INDEX.*", sheet) for sheet in sheets]
    assert times[0] == times[1]


def test_lineage_tells_a_change_of_rate_where_it_was_made(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _, _ = released(catalog, plan(catalog, tmp_path, "guide48", rate=44100, stems="native"), tmp_path / "out")
    monkeypatch.setattr("flows.cli.inspect.lineage.load_settings", lambda: catalog.settings)
    for place, steps in (("wav24/*", ["encode", "master"]), ("stems/*/bass.wav", ["resample", "separate"])):
        lineage(str(next(folder.glob(place))), as_json=False, prov=False, deep=False)
        lines = capsys.readouterr().out.splitlines()
        assert all(any(f"{step} · " in line for line in lines) for step in steps)
        (told,) = [line for line in lines if SENTENCE in " ".join(line.split())]
        assert ("master · " if place == "wav24/*" else "resample · ") in told


@pytest.mark.parametrize(("engines", "stated"), [(("guide", "guide48"), {}), (("guide",), {"rate": 48000})])
def test_a_tie_and_a_stated_rate(
    catalog: Catalog, tmp_path: Path, engines: Sequence[str], stated: dict[str, int]
) -> None:
    folder, document, _ = released(catalog, plan(catalog, tmp_path, *engines, **stated), tmp_path / "out")
    assert rates_in(folder) == {48000}
    assert resampled(document)[0] == {"from_hz": 44100, "to_hz": 48000, "by": "soxr HQ"}


@pytest.mark.parametrize(("engine", "rate"), [("guide", 44100), ("guide48", 48000)])
def test_a_stated_rate_that_all_songs_have_makes_nothing_anew(
    catalog: Catalog, tmp_path: Path, engine: str, rate: int
) -> None:
    mode = {"mastering": {"mode": "album"}, "stems": "native"}
    first, _ = produce(catalog, plan(catalog, tmp_path, engine, engine, **mode))
    again, executor = produce(catalog, plan(catalog, tmp_path, engine, engine, rate=rate, **mode))
    assert executor.steps == []
    assert again.release_key == first.release_key


def test_one_gain_for_an_album_of_two_rates_keeps_its_balance(catalog: Catalog, tmp_path: Path) -> None:
    planned = plan(catalog, tmp_path, "guide48", "guide", "guide48", mastering={"mode": "album"})
    folder, document, executor = released(catalog, planned, tmp_path / "out")
    assert rates_in(folder) == {48000}
    assert sum(sentence.startswith("master") for sentence in executor.steps) == 3
    gains_db = [track["readings"]["gain_db"] for track in document["tracks"]]
    assert max(gains_db) - min(gains_db) < 0.1
    masters = [read_audio(path) for path in sorted((folder / "wav24").iterdir())]
    loudest_lufs = max(integrated_lufs(master).value for master in masters)
    assert loudest_lufs == pytest.approx(-14.0, abs=0.1)
    assert all(true_peak_dbtp(master).value <= -1.0 for master in masters)


def test_versions_of_a_resampled_master_add_up_to_it(catalog: Catalog, tmp_path: Path) -> None:
    quiet = {"profile": "broadcast", "compression": {"enabled": False}}
    document = album_document(
        songs=songs("guide48"),
        rate=44100,
        stems="native",
        mastering=quiet,
        deliverables=["wav24", "instrumental", "acapella", "opus_160"],
    )
    album = read_album(write_album(tmp_path / "album", document), catalog.settings)
    folder, _, _ = released(catalog, declare_album(catalog, album), tmp_path / "out")
    parts: list[Audio] = [read_audio(next((folder / kind).iterdir())) for kind in ("wav24", "instrumental", "acapella")]
    assert {(part.rate, part.frames) for part in parts} == {(44100, parts[0].frames)}
    master, instrumental, voice = (part.samples.astype(np.float64) for part in parts)
    both = instrumental + voice
    gain = float((master * both).sum() / (both**2).sum())
    # One tenth of a second at the gate of BS.1770, counted on one side only, is 0.05 dB of these nine seconds.
    assert abs(20 * np.log10(gain)) < 0.08
    apart = master - gain * both
    assert 20 * np.log10(np.sqrt(np.mean(apart**2) / np.mean(master**2))) < -60.0
    opus = read_audio(next((folder / "opus_160").iterdir()))
    assert (opus.rate, opus.frames) == (48000, (parts[0].frames * 48000 + 22050) // 44100)


def test_an_album_of_two_rates_is_forecast_as_it_is_made(catalog: Catalog, tmp_path: Path) -> None:
    planned = plan(catalog, tmp_path, "guide", "guide48", "guide", stems="native")
    expected = {stage.stage: stage.count for stage in forecast(catalog, planned, complete=False).stages}
    assert expected["stems"] == 4  # three separations, and one song at another rate
    produce(catalog, planned, until="select")
    known = {stage.stage: stage.count for stage in forecast(catalog, planned, complete=False).stages}
    assert known["stems"] == 4
    _, executor = produce(catalog, planned)
    made = [sentence.partition(" ")[0] for sentence in executor.steps]
    assert made.count("separate") + made.count("resample") == 4
    assert known["master"] == made.count("master") + made.count("accept")


def test_a_song_without_a_winner_has_no_say_in_the_rate(
    catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Audio:
        raise WorkError("it cannot be rendered")

    monkeypatch.setattr("tests.support.engine_48k.resample", fails)
    planned = plan(catalog, tmp_path, "guide", "guide48", release="partial")
    produced, _ = produce(catalog, planned)
    assert produced.failures.keys() == {"song-2"}
    release = release_by_key(catalog.database, produced.release_key)
    folder = write_release(catalog, release, tmp_path / "out").folder
    assert rates_in(folder) == {44100}
