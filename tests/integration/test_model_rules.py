"""What is refused before anything is rendered: models, licences, settings, lengths, styles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog.album.document import manifest_document
from catalog.catalog import open_catalog
from catalog.common.errors import LicenceRefused, ModelMissing
from catalog.plan.plan import apply_policy
from catalog.selection.decide import Policy
from flows.planning.plan_album import declare_album, plan_album
from flows.planning.read_manifest import read_album
from tests.integration.sung_album import Sung, document_with, recipes, sung_document, write_sung
from tests.support.albums import album_document, write_album

EVERY = ["diffrhythm-1.2-base", "diffrhythm-1.2-full", "diffrhythm-data", "diffrhythm-vae", "muq-mulan-large"]
LIFTED = [{"model": name, "agreement": "ours"} for name in ("diffrhythm-vae", "muq-mulan-large")]


# --- models that are not there


def test_models_that_are_missing_are_named_in_one_command_before_anything_is_declared(tmp_path: Path, bare) -> None:
    album = read_album(write_sung(tmp_path / "album"), bare)
    with open_catalog(bare) as catalog:
        for step in (plan_album, declare_album):
            with pytest.raises(ModelMissing) as caught:
                step(catalog, album)
            command = caught.value.remedy.removeprefix("Run `songline models pull ").removesuffix("`")
            assert sorted(command.split()) == EVERY
        assert caught.value.exit_code == 4
        with catalog.database.read() as session:
            tables = ("album", "song", "candidate", "render", "step", "artifact")
            assert [session.connection().exec_driver_sql(f"SELECT count(*) FROM {t}").scalar() for t in tables] == (
                [0] * len(tables)
            )


def test_commands_say_what_to_pull_and_validate_does_without(tmp_path: Path, bare, variables) -> None:
    missing = {**variables, "SONGLINE_MODELS": str(bare.models)}
    album = Sung(tmp_path / "home", write_sung(tmp_path / "album"), tmp_path / "out" / "sung", missing)
    for command in (["plan", album.manifest], ["render", album.manifest, "--out", tmp_path / "out"]):
        refused = album.run(*command, code=4)
        assert refused.stderr.count("songline models pull") == 1
        assert all(name in refused.stderr for name in EVERY)
    assert not (tmp_path / "out").exists()
    told = album.json("validate", album.manifest)
    assert any("was not checked" in hint and "models pull diffrhythm-data" in hint for hint in told["hints"])


def test_only_the_models_that_a_song_needs_are_asked_for(tmp_path: Path, bare) -> None:
    document = sung_document(selection={})
    document["songs"] = document["songs"][1:]  # a style vector: nothing is embedded
    with open_catalog(bare) as catalog, pytest.raises(ModelMissing) as caught:
        plan_album(catalog, read_album(write_sung(tmp_path / "album", document), bare))
    assert "muq-mulan-large" not in str(caught.value)
    assert "diffrhythm-1.2-base" not in str(caught.value)


def test_a_policy_that_asks_a_judge_needs_its_model(tmp_path: Path, bare) -> None:
    for block in ({"weights": {"mulan_similarity": 1.0}}, {"gates": {"mulan_worst": {"min": 0.0}}}):
        path = write_album(tmp_path / "guide", album_document(selection=block))
        with open_catalog(bare) as catalog, pytest.raises(ModelMissing, match="muq-mulan-large"):
            plan_album(catalog, read_album(path, bare))
    with open_catalog(bare) as catalog:
        assert plan_album(catalog, read_album(write_album(tmp_path / "guide"), bare)).songs


# --- licences


def test_a_commercial_album_is_refused_by_model_and_role(read, bare) -> None:
    for settings in (None, bare):
        with pytest.raises(LicenceRefused) as caught:
            read(commercial=True, **({"settings": settings} if settings else {}))
        assert caught.value.exit_code == 3
        told = str(caught.value)
        for use in ("diffrhythm-vae (generates)", "muq-mulan-large (conditions)", "muq-mulan-large (judges)"):
            assert use in told
        assert "diffrhythm-1.2-base" not in told
        assert told.count("{model: muq-mulan-large, agreement: …}") == 1
        assert "another engine" not in told, "a judge needs one of the models as well"


def test_the_refusal_names_the_engines_that_need_none_of_the_models(read) -> None:
    with pytest.raises(LicenceRefused) as caught:
        read(commercial=True, selection={})
    assert "Leave out diffrhythm-vae, muq-mulan-large, or use another engine (acestep, guide), or record" in str(
        caught.value
    )


def test_validate_and_plan_refuse_a_commercial_album_alike(tmp_path: Path, variables) -> None:
    manifest = write_sung(tmp_path / "album", document_with(commercial=True))
    album = Sung(tmp_path / "home", manifest, tmp_path / "out" / "sung", variables)
    for command in ("validate", "plan"):
        told = album.run(command, manifest, code=3).stderr
        assert "diffrhythm-vae (generates)" in told
        assert "muq-mulan-large (conditions)" in told
    assert not (tmp_path / "home" / "catalog.sqlite3").exists()


def test_a_policy_that_a_person_applied_is_held_to_the_licences_too(tmp_path: Path, here) -> None:
    album = read_album(write_album(tmp_path / "guide", album_document(commercial=True)), here)
    with open_catalog(here) as catalog:
        declare_album(catalog, album)
        judged = Policy(weights={"mulan_similarity": 1.0})
        apply_policy(catalog.database, album.id, policy=judged, over=album.selection)
        with pytest.raises(LicenceRefused, match=r"muq-mulan-large \(judges\)"):
            plan_album(catalog, album)


def test_agreements_lift_a_refusal_and_are_kept(read, here) -> None:
    with pytest.raises(LicenceRefused) as caught:
        read(commercial=True, licences=LIFTED[:1])
    assert "diffrhythm-vae" not in str(caught.value)
    album = read(commercial=True, licences=LIFTED)
    assert manifest_document(album)["licences"] == LIFTED
    assert manifest_document(album)["commercial"] is True
    free = read()
    assert [r.digest for r in recipes(album, here)[0]] == [r.digest for r in recipes(free, here)[0]]


def test_a_commercial_album_may_do_without_what_is_forbidden(read) -> None:
    document = sung_document(commercial=True, licences=LIFTED[:1], selection={})
    assert read(**{**document, "songs": document["songs"][1:]}).commercial


def test_one_model_has_one_agreement(faults) -> None:
    (fault,) = faults(licences=[*LIFTED, LIFTED[0]])
    assert "licences[2]: diffrhythm-vae occurs twice" in fault


# --- settings, lengths, styles


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"steps": 7}, "steps"),
        ({"steps": 129}, "steps"),
        ({"cfg_strength": -1.0}, "cfg_strength"),
        ({"sway": 2.0}, "sway"),
        ({"stepps": 16}, "steps"),
        ({"dtype": "int8"}, "dtype"),
    ],
)
def test_settings_that_do_not_fit_are_faults_with_their_line(faults, tmp_path: Path, settings, told) -> None:
    (fault,) = faults({"settings": settings})
    (name,) = settings
    line = next(n for n, text in enumerate((tmp_path / "album/album.yaml").read_text().splitlines(), 1) if name in text)
    if name == "steps":  # the defaults have steps too
        line = max(n for n, t in enumerate((tmp_path / "album/album.yaml").read_text().splitlines(), 1) if name in t)
    assert fault.startswith(f"album.yaml:{line}: songs[0].settings.{name}")
    assert told in fault


@pytest.mark.parametrize("length_s", [60, 95.5, 94, 285.0001])
def test_lengths_that_no_model_makes_are_refused(faults, length_s) -> None:
    (fault,) = faults({"length_s": length_s})
    assert "songs[0].length_s: " in fault
    assert "95" in fault or "285" in fault


@pytest.mark.parametrize("model", ["diffrhythm-base", "diffrhythm-full"])
def test_networks_of_version_1_0_are_refused_by_name(faults, model) -> None:
    (fault,) = faults({"settings": {"model": model}})
    assert "songs[0].settings.model: " in fault
    assert "1.0" in fault


def test_a_model_must_be_a_network_that_makes_the_length(faults, read) -> None:
    (fault,) = faults({"settings": {"model": "diffrhythm-1.2-full"}})
    assert "settings.model: diffrhythm-1.2-full does not render 95 s" in fault
    (fault,) = faults({"settings": {"model": "diffrhythm-1.2-base"}, "length_s": 200})
    assert "does not render 200 s" in fault
    (fault,) = faults({"settings": {"model": "muq-mulan-large"}})
    assert "muq-mulan-large is no DiffRhythm network" in fault
    (fault,) = faults({"settings": {"model": "diffrhythm-1.2-bass"}})
    assert "diffrhythm-1.2-base" in fault
    assert read({"settings": {"model": "diffrhythm-1.2-base"}}).songs


@pytest.mark.parametrize(("source", "field"), [("reference", "reference"), ("file", "style")])
def test_a_style_must_come_from_what_is_there(faults, source, field) -> None:
    (fault,) = faults({"settings": {"style_from": source}})
    assert f"settings.style_from: style_from is {source}, and the song has no {field}" in fault


def test_a_style_vector_must_be_one(faults, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    cases = {"zero": np.zeros(512, np.float32), "short": np.ones(10, np.float32), "double": np.ones(512) / 512**0.5}
    for name, vector in cases.items():
        np.save(tmp_path / "album" / f"{name}.npy", vector)
        (fault,) = faults({"style": f"{name}.npy"})
        assert "songs[0].style: " in fault, name
        assert f"{name}.npy" in fault
    (tmp_path / "album" / "text.npy").write_text("no vector")
    (fault,) = faults({"style": "text.npy"})
    assert "text.npy" in fault


def test_native_stems_are_for_engines_that_have_them(faults) -> None:
    (fault,) = faults(stems="native")
    assert "stems: native asks for the engine's own stems, and diffrhythm gives none" in fault


# --- words, prompts, references


def test_what_happens_to_a_line_is_told_where_the_line_stands(read, tmp_path: Path) -> None:
    late = "[ar:Ada]\n[00:02.00]One two three four five six seven eight nine ten eleven\n[00:03.00]Too soon for me\n"
    late += "[01:34.50]Running past the very end of it\n"
    inline = [w for w in read({"lyrics": late}).warnings if "late" in w or "past the end" in w]
    text = (tmp_path / "album" / "album.yaml").read_text().splitlines()
    line = next(n for n, row in enumerate(text, 1) if '"lyrics"' in row)
    assert [w.split(": ")[0] for w in inline] == [f"album.yaml:{line}"] * 2
    assert "[00:03.00] begins" in inline[0]

    (tmp_path / "album" / "words.lrc").write_text(late)
    in_file = [w for w in read({"lyrics": "words.lrc"}).warnings if "late" in w or "past the end" in w]
    assert [w.split(": ")[0] for w in in_file] == ["words.lrc:3", "words.lrc:4"]
    assert "loses the last" in in_file[1]


def test_what_a_prompt_lacks_is_a_hint_and_no_warning(read) -> None:
    album = read({"prompt": "sad", "bpm": None})
    (hint,) = album.hints
    assert "does not say genre, tempo, instruments or vocal" in hint
    assert not any("does not say" in warning for warning in album.warnings)
    full = read({"prompt": "sad folk, warm guitar, female vocal"})
    assert full.hints == (), "the bpm field says the tempo"


def test_a_poor_reference_warns_or_is_refused(read, faults, tmp_path: Path) -> None:
    (tmp_path / "album").mkdir()
    noise = np.random.Generator(np.random.PCG64(1)).standard_normal(5 * 22050) * 0.1
    soundfile.write(tmp_path / "album" / "ref.wav", noise, 22050)
    told = read({"reference": "ref.wav"}).warnings
    for reason in ("22.05 kHz", "5.00 s", "mono"):
        assert any(reason in warning and "songs[0].reference" in warning for warning in told), reason
    refused = faults({"reference": "ref.wav"}, reference_check="refuse")
    assert sum("songs[0].reference: " in fault for fault in refused) == len(refused) >= 3
    assert all("reference_check: warn" in fault for fault in refused)
    (tmp_path / "album" / "no.wav").write_bytes(b"RIFF no audio")
    (fault,) = faults({"reference": "no.wav"})
    assert "songs[0].reference: " in fault
