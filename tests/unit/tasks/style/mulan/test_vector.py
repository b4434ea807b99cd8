"""Style vectors as files, those of users included."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from catalog.common.errors import InputError
from tasks.style.mulan.vector import read_style, write_style


def style(seed: int = 0) -> NDArray[np.float32]:
    vector = np.random.Generator(np.random.PCG64(seed)).standard_normal(512)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def npy(array: NDArray[np.generic]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "style.npy"


def test_what_is_written_is_read(path: Path) -> None:
    write_style(path, style())
    np.testing.assert_array_equal(read_style(path), style())
    np.testing.assert_array_equal(np.load(path), style())


def test_equal_vectors_give_equal_bytes(path: Path, tmp_path: Path) -> None:
    write_style(path, style())
    write_style(tmp_path / "other.npy", style().copy())
    assert path.read_bytes() == (tmp_path / "other.npy").read_bytes()


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f2"])
@pytest.mark.parametrize("shape", [(512,), (1, 512)])
def test_both_precisions_and_shapes_are_read(path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    path.write_bytes(npy(style().reshape(shape).astype(dtype)))
    found = read_style(path)
    assert found.shape == (512,)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, style(), atol=1e-4)


BROKEN = style()
BROKEN[7] = np.nan


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (npy(style().astype(np.float64)), "float64"),
        (npy(np.arange(512)), "int64"),
        (npy(style()[:511]), r"shape \(511,\)"),
        (npy(style().reshape(512, 1)), r"shape \(512, 1\)"),
        (npy(np.array(1, np.float32)), r"shape \(\)"),
        (npy(style() * 2), "length 2,.*length 1"),
        (npy(style() * 0), "length 0,"),
        (npy(BROKEN), "not finite"),
        (npy(np.zeros(100_000, np.float32)), "larger than 16 KiB"),
        (npy(style())[:-1], "no whole .npy"),
        (npy(style())[:20], "no whole .npy"),
        (b"", "no whole .npy"),
        (b"\x93NUMPY\x01\x00\x08\x00{(((((( ", "no whole .npy"),
        (pickle.dumps(style()), "no whole .npy"),
        (npy(np.array([1, "a"], dtype=object)), "object"),
    ],
)
def test_anything_else_is_refused_in_words(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        read_style(path)
    assert caught.value.remedy
    assert "style.npy" in caught.value.what


def test_a_header_cannot_ask_for_more_than_the_file_holds(path: Path) -> None:
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999,), }"
    path.write_bytes(b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n")
    with pytest.raises(InputError, match="has shape"):
        read_style(path)


def test_an_archive_of_arrays_is_refused(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, style=style())
    with pytest.raises(InputError, match="no whole"):
        read_style(path)


def test_a_missing_file_is_refused(path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_style(path)


def test_a_wrong_vector_is_not_written(path: Path) -> None:
    with pytest.raises(InputError, match="length"):
        write_style(path, style() * 3)
    assert not path.exists()


@pytest.mark.slow
@settings(max_examples=200)
@given(content=st.binary(max_size=400), at=st.integers(0, 140))
def test_no_bytes_do_more_than_be_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes, at: int) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "style.npy"
    whole = npy(style())
    path.write_bytes(whole[:at] + content + whole[at + len(content) :])
    try:
        found = read_style(path)
    except InputError:
        return
    assert np.linalg.norm(found) == pytest.approx(1, abs=0.02)
