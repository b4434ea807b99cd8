"""Detects the type of a file by its first bytes and its size, before it is accepted as a model file."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

from catalog.models.spec import WEIGHT_SUFFIXES

HEAD_BYTES = 1024
_MARK = b"\xef\xbb\xbf"
_LFS = re.compile(
    rb"version https?://(?:git-lfs\.github\.com/spec/v|hawser\.github\.com/spec/v|git-media\.io/v/)\d\s.*?"
    rb"(?:size (\d+))?\s*\Z",
    re.DOTALL,
)
"""The pointer of git-LFS, also under its names before the first version."""

_POINTERS = (
    (re.compile(rb"(?:\.\./)*(?:\.git/annex|/annex)/objects/"), "a git-annex pointer, not that file (`git annex get`)"),
    (re.compile(rb"# xet version \d"), "a Xet pointer, not that file (`git xet` or the hub's own client gets it)"),
    (re.compile(rb"(?:[^\n]*\n){0,6}outs:\r?\n- (?:md5|hash|path|size)"), "a DVC pointer, not that file (`dvc pull`)"),
)
_ANSWER = re.compile(
    rb"(?:error:? ?)?(?:[45]\d\d\b|entry not found|(?:file |page |repository |model )?not found\b|"
    rb"access (?:to|denied)|invalid (?:user|credential|token|api)|forbidden\b|unauthori[sz]ed\b|bad request\b|"
    rb"too many requests\b|\{\s*\"(?:error|message|detail)\"\s*:|rate limit|internal server error|"
    rb"service unavailable|moved permanently|you need to (?:log|sign) in)"
)
"""Beginnings of short texts that servers send instead of a file."""

_MOST_ANSWERED_BYTES = 4096
_ZEROS = "nothing but zeros at its beginning, as an unfinished download leaves them"
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
    (b"PK\x05\x06", "an empty zip archive"),
    (b"SQLite format 3\0", "a database"),
    (b"\x00\x05\x16\x07", "what macOS keeps beside a file (AppleDouble), not that file"),
    (b"L\0\0\0\x01\x14\x02\0", "a shortcut of Windows"),
    (b"d8:announce", "a torrent, not the file that it leads to"),
    (b"# Git", "text"),
)
"""Beginnings that no model file has, weights or not."""
_OF_WEIGHTS = (
    (b"GGUF", "a GGUF file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x89HDF", "an HDF5 file"),
)
"""Beginnings that weights of the supported kinds do not have."""

_SAFETENSORS, _ZIP = ".safetensors", b"PK\x03\x04"
_LONGEST_HEADER_BYTES = 1 << 24


def read_head(path: Path) -> bytes:
    """The beginning of a file."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def no_model(name: str, head: bytes, size_bytes: int) -> str:
    """Why a file that begins with ``head`` cannot be the model file ``name``; empty where it can.

    A phrase that follows "it is", such as "a web page".
    """
    if size_bytes == 0:
        return "empty"
    suffix = PurePosixPath(name).suffix.lower()
    if stand_in := in_its_place(head):
        return stand_in
    for signature, kind in _MAGIC:
        if head.startswith(signature):
            return kind
    if head[4:8] == b"ftyp":
        return "an audio or video file (MP4)"
    text = _text(head)
    if size_bytes <= _MOST_ANSWERED_BYTES and suffix not in (".txt", ".md") and _ANSWER.match(text):
        return f"an answer of a server ({_quoted(head)})"
    return _no_weights(suffix, head, text, size_bytes) if suffix in WEIGHT_SUFFIXES else ""


def in_its_place(head: bytes) -> str:
    """The kind of placeholder that tools and servers leave instead of a file, by its beginning: a pointer to it, or a
    web page. Empty for everything else."""
    content = head.removeprefix(_MARK)
    if pointer := _LFS.match(content):
        size_note = f" of {pointer[1].decode()} bytes" if pointer[1] else ""
        return f"a git-LFS pointer to a file{size_note}, not that file (`git lfs pull` gets it)"
    for pattern, kind in _POINTERS:
        if pattern.match(content):
            return kind
    if _text(head).startswith(_MARKUP):
        return "a web page or an XML answer, such as an error or a login page"
    return ""


def file_is_no_model(path: Path, name: str) -> str:
    """:func:`no_model` for a file on disk; for safetensors the size is compared with the header."""
    size_bytes = path.stat().st_size
    kind = no_model(name, read_head(path), size_bytes)
    is_promised = PurePosixPath(name).suffix.lower() == _SAFETENSORS and not kind
    return _not_whole(path, size_bytes) if is_promised else kind


def _not_whole(path: Path, size_bytes: int) -> str:
    """Why a safetensors file is incomplete: its size differs from its header. Empty where it is complete or unknown."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = file.read(length) if length <= min(size_bytes, _LONGEST_HEADER_BYTES) else b""
    try:
        tensors = [value for key, value in json.loads(header).items() if key != "__metadata__"]
        end = max((int(tensor["data_offsets"][1]) for tensor in tensors), default=0)
    except (ValueError, AttributeError, LookupError, TypeError, RecursionError):
        return ""
    expected_bytes = 8 + length + end
    return (
        ""
        if expected_bytes == size_bytes
        else f"a safetensors file of {expected_bytes} bytes that has {size_bytes} here"
    )


def _text(head: bytes) -> bytes:
    """The beginning as lower-case text without a byte order mark."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head[: len(head) // 2 * 2].decode("utf-16", "replace").encode().lstrip().lower()
    return head.removeprefix(_MARK).lstrip().lower()


def _quoted(head: bytes) -> str:
    words = " ".join(head.decode(errors="replace").split())
    return repr(words if len(words) <= 60 else f"{words[:60]}…")


def _no_weights(suffix: str, head: bytes, text: bytes, size_bytes: int) -> str:
    if text[:1] in (b"{", b"[") and b'"' in text[:200]:
        return "JSON text, such as an error or a configuration, not weights"
    for signature, kind in _OF_WEIGHTS:
        if head.startswith(signature):
            return f"{kind}, not weights as they are read here"
    if len(head) >= HEAD_BYTES and not head.strip(b"\0"):
        return _ZEROS
    if suffix == _SAFETENSORS and head[8:9] == b"{" and int.from_bytes(head[:8], "little") > size_bytes - 8:
        return "a safetensors file that is cut short"
    if head.startswith(_ZIP) and suffix == _SAFETENSORS:
        return "a zip archive or a PyTorch checkpoint, not safetensors"
    if head.startswith(_ZIP) and b".pkl" not in head and b"/" not in head[30:94]:
        return "a zip archive, not a checkpoint"
    if suffix != _SAFETENSORS and _is_safetensors(head, size_bytes):
        return f"a safetensors file, though its name ends in {suffix}: give it the ending .safetensors"
    is_pickled = head[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
    # A header of 640 bytes, and some other lengths, begins with the same two bytes as a pickle.
    if suffix == _SAFETENSORS and is_pickled and not _is_safetensors(head, size_bytes):
        return "a PyTorch checkpoint (a pickle), not safetensors"
    return ""


def _is_safetensors(head: bytes, size_bytes: int) -> bool:
    """Whether it begins with eight bytes that give the length of a JSON header, and that header (the format's
    published description)."""
    length = int.from_bytes(head[:8], "little")
    return len(head) > 10 and head[8:9] == b"{" and 2 <= length <= size_bytes - 8
