"""What stands in the place of a model's file is told by its beginning and its size."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from catalog.models.file_type import file_is_no_model, no_model

HEADER = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
WHOLE = struct.pack("<Q", len(HEADER)) + HEADER + bytes(16)
OTHERS = {
    "/annex/objects/SHA256E-s12--ab.safetensors\n": "git-annex pointer",
    "../../.git/annex/objects/x/y/z\n": "git-annex pointer",
    "version https://hawser.github.com/spec/v1\noid sha256:ab\nsize 12\n": "git-LFS pointer to a file of 12 bytes",
    "\ufeffversion https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 12\n": "git-LFS pointer",
    "# xet version 0\nfilesize = 12\n": "Xet pointer",
    "outs:\n- md5: ab\n  size: 5\n  path: model.pt\n": "DVC pointer",
    "404: Not Found": "answer of a server",
    "Entry not found": "answer of a server",
    "Access to model a/b is restricted. You must be authenticated to access it.": "answer of a server",
    "Invalid username or password.": "answer of a server",
    "GGUF\x03": "GGUF file",
    "\x00" * 2000: "nothing but zeros",
    "PK\x05\x06" + "\x00" * 18: "empty zip",
    "\x00\x00\x00 ftypisom": "MP4",
}


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt", "pytorch_model.bin"])
@pytest.mark.parametrize(("text", "kind"), OTHERS.items(), ids=list(OTHERS.values()))
def test_what_stands_in_for_weights_is_told(text: str, kind: str, name: str) -> None:
    head = text.encode()
    assert kind in no_model(name, head[:1024], len(head))


def test_a_page_in_utf_16_and_an_error_in_json_are_told() -> None:
    page, answer = "<!DOCTYPE html><html>".encode("utf-16"), b'{"error": "Repository not found"}'
    assert "web page" in no_model("vocab.json", page, len(page))
    assert "answer of a server" in no_model("config.json", answer, len(answer))
    assert not no_model("config.json", b'{"hidden_size": 8}', 18)


def test_safetensors_of_another_size_than_their_header_says_are_told(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(WHOLE)
    assert file_is_no_model(path, path.name) == ""
    for content in (WHOLE[:-8], WHOLE + b"xx"):
        path.write_bytes(content)
        told = f"a safetensors file of {len(WHOLE)} bytes that has {len(content)} here"
        assert file_is_no_model(path, path.name) == told
    path.write_bytes(struct.pack("<Q", 10**9) + b"{" + bytes(50))
    assert "cut short" in file_is_no_model(path, path.name)


@pytest.mark.parametrize("text", ["# A model card\n", "hidden: 8\n", "400 words of text\n"])
def test_plain_files_of_a_model_are_taken(text: str) -> None:
    assert not no_model("README.md", text.encode(), len(text))


def test_safetensors_whose_length_begins_like_a_pickle_are_taken(tmp_path: Path) -> None:
    for length in (0x0280, 0x0380, 0x0480, 0x0580):
        header = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(length)
        path = tmp_path / "m.safetensors"
        path.write_bytes(struct.pack("<Q", length) + header + bytes(4))
        assert file_is_no_model(path, path.name) == ""
    assert "a pickle" in no_model("m.safetensors", b"\x80\x02}q\x00(X" + bytes(50), 60)
