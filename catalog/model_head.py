"""What a file is by its first bytes and its size, looked at before it is taken as a model's."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from catalog.models import WEIGHT_SUFFIXES

HEAD_BYTES = 1024
_LFS = re.compile(rb"version https://git-lfs\.github\.com/spec/v1\s.*?(?:size (\d+))?\s*\Z", re.DOTALL)
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<body", b"<?xml", b"<error", b"<!--", b"<rss", b"<svg")
_MAGIC = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"RIFF", "an audio or video file (RIFF)"),
    (b"fLaC", "a FLAC file"),
    (b"OggS", "an Ogg file"),
    (b"ID3", "an MP3 file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"#!", "a script"),
    (b"# Git", "text"),
)
"""Beginnings that no model's file has, weights or not."""
_SAFETENSORS, _ZIP = ".safetensors", b"PK\x03\x04"


def read_head(path: Path) -> bytes:
    """The beginning of a file."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def no_model(name: str, head: bytes, size_bytes: int) -> str:
    """Why what begins with ``head`` cannot be the model's file ``name``; empty where nothing speaks against it.

    Said as a phrase that follows "it is", such as "a web page".
    """
    if size_bytes == 0:
        return "empty"
    if pointer := _LFS.match(head):
        of = f" of {pointer[1].decode()} bytes" if pointer[1] else ""
        return f"a git-LFS pointer to a file{of}, not that file (`git lfs pull` gets it)"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith(_MARKUP):
        return "a web page or an XML answer, such as an error or a login page"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    suffix = PurePosixPath(name).suffix.lower()
    return _no_weights(suffix, head, text, size_bytes) if suffix in WEIGHT_SUFFIXES else ""


def file_is_no_model(path: Path, name: str) -> str:
    """:func:`no_model` for a file on disk."""
    return no_model(name, read_head(path), path.stat().st_size)


def _no_weights(suffix: str, head: bytes, text: bytes, size_bytes: int) -> str:
    if text[:1] in (b"{", b"[") and b'"' in text[:200]:
        return "JSON text, such as an error or a configuration, not weights"
    if head.startswith(_ZIP) and suffix == _SAFETENSORS:
        return "a zip archive or a PyTorch checkpoint, not safetensors"
    if head.startswith(_ZIP) and b".pkl" not in head and b"/" not in head[30:94]:
        return "a zip archive, not a checkpoint"
    if suffix != _SAFETENSORS and _is_safetensors(head, size_bytes):
        return f"a safetensors file, though its name ends in {suffix}: give it the ending .safetensors"
    if suffix == _SAFETENSORS and head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        return "a PyTorch checkpoint (a pickle), not safetensors"
    return ""


def _is_safetensors(head: bytes, size_bytes: int) -> bool:
    """Eight bytes with the length of a JSON header, and that header (the format's published description)."""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 10 and head[8:9] == b"{" and 2 <= length <= size_bytes - 8
