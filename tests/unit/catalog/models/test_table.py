from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from catalog.common.errors import InputError, RefusedError
from catalog.models.spec import FilePath, Name, Role
from catalog.models.store import ModelStore
from catalog.models.table import read_table
from tests.support.models import relaxed_table

V1_BASE = "128a2513fca01531339cc5698c30e4f5a375256d1ed2257b464db9c886d6801a"


def overlay(tmp_path, text):
    path = tmp_path / "table.toml"
    path.write_text(text)
    return path


def test_the_published_models_are_there_with_what_is_known_of_them() -> None:
    models = read_table().models
    base = models["diffrhythm-1.2-base"]
    (file,) = base.files
    assert (file.path, file.size_bytes) == ("cfm_model.pt", 2_218_709_125)
    assert file.sha256 == "3e819b317ce2cf1fb22f386d74f351b697204ec1f57f03edfe50dbca71cf0768"
    assert file.source.revision == "185bdeb80541b9260d266c5f041859017441f307"
    assert {file.path for file in models["diffrhythm-data"].files} == {
        "vocab.json",
        "vocal.npy",
        "pinyin_2_bpmf.txt",
        "polychar.txt",
    }
    folders = {file.path.partition("/")[0] for file in models["muq-mulan-large"].files}
    assert folders == {"mulan", "muq-large-msd-iter", "xlm-roberta-base"}


def test_licences_and_roles_are_those_of_the_weights() -> None:
    models = read_table().models
    commercial = {name: spec.licence.commercial for name, spec in models.items()}
    assert commercial["diffrhythm-1.2-base"]
    assert commercial["diffrhythm-1.2-full"]
    assert not commercial["diffrhythm-vae"]
    assert not commercial["muq-mulan-large"]
    assert models["muq-mulan-large"].roles == (Role.CONDITIONS, Role.JUDGES)
    assert all(spec.roles and spec.licence.sentence and spec.about_bytes for spec in models.values())


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(InputError, match="Did you mean 'diffrhythm-vae'"):
        read_table().spec("difrhythm-vae")


@pytest.mark.parametrize("name", ["diffrhythm-1.0-base", "DiffRhythm-base", "ASLP-lab/DiffRhythm-full"])
def test_version_1_0_is_refused_by_name_with_what_to_use(name) -> None:
    with pytest.raises(RefusedError, match=r"v1\.0.*Use diffrhythm-1\.2-(base|full)"):
        read_table().spec(name)


def test_version_1_0_is_refused_by_digest() -> None:
    with pytest.raises(RefusedError, match=r"model\.pt is diffrhythm-1\.0-base"):
        read_table().refuse_digest(V1_BASE, "model.pt")


def test_a_table_is_laid_over_the_built_in_one_field_by_field(tmp_path: Path) -> None:
    path = overlay(
        tmp_path,
        """
        data_url = "http://mirror.example/raw"
        [licences."Studio-1"]
        name = "Our own"
        commercial = true
        sentence = "Ours"
        [models."diffrhythm-vae"]
        licence = "Studio-1"
        [models."studio-judge"]
        title = "Ours"
        roles = ["judges"]
        licence = "Studio-1"
        sources = [{ kind = "raw", repo = "studio/judge", revision = "v3", files = [{ path = "judge.bin" }] }]
        """,
    )
    table, built_in = read_table(path), read_table()
    assert table.models["diffrhythm-vae"].licence.name == "Our own"
    assert table.models["diffrhythm-vae"].files == built_in.models["diffrhythm-vae"].files
    assert table.models["studio-judge"].files[0].source.base == "http://mirror.example/raw"
    assert table.models["diffrhythm-1.2-base"] == built_in.models["diffrhythm-1.2-base"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("models = 3", "models"),
        ("[models.x]\ntitle='t'", r"models\.x\.roles"),
        ("[models.'../x']\ntitle='t'\nroles=['judges']\nlicence='MIT'\nsources=[]", r"\.\./x"),
        ("[models.'diffrhythm-vae']\nlicence='None'", "no licence 'None'"),
        ("[models.'diffrhythm-vae']\nsources=[{kind='hub',repo='a/b',files=[{path='../up'}]}]", "path"),
        ("[models.'diffrhythm-vae']\nsources=[{kind='hub',repo='a/b',files=[{path='a'},{path='a'}]}]", "one path"),
        ("this is no TOML", "cannot be read"),
    ],
)
def test_a_table_that_is_not_right_is_told_with_its_place(tmp_path: Path, text, fault) -> None:
    with pytest.raises(InputError, match=fault):
        read_table(overlay(tmp_path, text))


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="SONGLINE_MODELS_TABLE"):
        ModelStore(tmp_path, tmp_path / "none.toml").specs()


def test_the_table_for_tests_states_no_digest(tmp_path: Path) -> None:
    table = read_table(relaxed_table(tmp_path / "t.toml"))
    assert table.models.keys() == read_table().models.keys()
    files = [file for spec in table.models.values() for file in spec.files]
    assert not any(file.sha256 or file.git_blob or file.size_bytes for file in files)


@given(st.text(alphabet=string.ascii_letters + "./\\_-~ \0é", max_size=40))
def test_no_path_of_a_table_leaves_its_folder(text) -> None:
    try:
        path = TypeAdapter(FilePath).validate_python(text)
    except ValidationError:
        return
    assert path
    assert not path.startswith("/")
    assert all(part and not part.startswith(".") for part in path.split("/"))
    assert "\\" not in path


@given(st.text(alphabet=string.ascii_letters + "./\\_- \n0", max_size=80))
def test_no_name_of_a_model_leaves_the_store(text) -> None:
    try:
        name = TypeAdapter(Name).validate_python(text)
    except ValidationError:
        return
    assert not name.startswith(".")
    assert not set(name) & set("/\\\n ")
