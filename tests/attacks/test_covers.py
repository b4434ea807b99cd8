"""Covers that carry more than a picture, are none, or are made to fill memory."""

from __future__ import annotations

import struct
import time
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from catalog.album.cover.cover import MAX_COVER_BYTES, read_cover_picture
from catalog.catalog import Catalog
from catalog.common.digests import digest_bytes
from catalog.common.errors import InputError, ManifestError
from catalog.common.settings import Settings
from flows.planning.plan_album import declare_album, plan_album
from flows.planning.read_manifest import read_album
from tests.attacks.measured import MOST_CPU_S
from tests.support.albums import album_document, write_album
from tests.support.covers import PROFILE, chunk, jpeg, png, segment

GPS = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x88\x25\0\x04\0\0\0\x01\0\0\0\x1a\0\0\0\0 48.1372 N 11.5756 E"
SECRET = b"48.1372"
ICC = b"ICC_PROFILE\0\x01\x01" + PROFILE
ADOBE = b"Adobe\0d\0\0\0\0\1"


@pytest.mark.parametrize(
    ("cover", "lacks"),
    [
        (jpeg(before=segment(0xE1, GPS)), SECRET),
        (jpeg(before=segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>Ada</x>")), b"Ada"),
        (jpeg(before=segment(0xFE, b"made at home")), b"home"),
        (jpeg(before=segment(0xED, b"Photoshop 3.0\0caption")), b"caption"),
        (jpeg(before=segment(0xE0, b"JFXX\0\x10thumbnail")), b"thumbnail"),
        (jpeg(before=segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\x01\x01cut away")), b"cut away"),
        (jpeg(before=segment(0xE2, b"MPF\0another picture")), b"another"),
        (jpeg() + b"PK\x03\x04 an archive behind the picture", b"archive"),
        (jpeg() + jpeg(before=segment(0xFE, b"second")), b"second"),
        (png(beside=chunk(b"eXIf", GPS)), SECRET),
        (png(beside=chunk(b"tEXt", b"Author\0Ada")), b"Ada"),
        (png(beside=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x>Ada</x>")), b"Ada"),
        (png(beside=chunk(b"zTXt", b"Author\0\0" + zlib.compress(b"Ada"))), b"Author"),
        (png(beside=chunk(b"tIME", struct.pack(">H5B", 2026, 1, 2, 3, 4, 5))), b"tIME"),
        (png(beside=chunk(b"prVt", b"private data")), b"private"),
        (png() + b"PK\x03\x04 an archive behind the picture", b"archive"),
    ],
)
def test_what_stands_beside_or_behind_the_picture_is_left_out(cover: bytes, lacks: bytes) -> None:
    assert lacks in cover
    read = read_cover_picture(cover)
    assert lacks not in read.picture
    assert read.picture in (jpeg(), png(), jpeg(before=segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0")))
    assert read_cover_picture(read.picture).picture == read.picture


@pytest.mark.parametrize(
    "cover",
    [
        jpeg(before=segment(0xE0, b"JFIF\0\1\2\0\0\1\0\1\0\0") + segment(0xE2, ICC) + segment(0xEE, ADOBE)),
        jpeg(marker=0xC2, components=1),
        png(beside=chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE, 0)) + chunk(b"pHYs", bytes(9))),
        png(8, 8, kind=6, bits=16),
        png(8, 8, kind=3, bits=1),
    ],
)
def test_a_picture_with_what_it_needs_keeps_every_byte(cover: bytes) -> None:
    assert read_cover_picture(cover).picture == cover


PAYLOAD = b"a foreign payload in a cover"
RESTARTS = b"".join(bytes([0xFF, marker]) for marker in range(0xD0, 0xD8))
PIXELS = zlib.compress(bytes(4))


@pytest.mark.parametrize(
    "cover",
    [
        png()[:-12] + chunk(b"IEND", PAYLOAD),
        png(beside=chunk(b"sBIT", PAYLOAD)),
        png(beside=chunk(b"gAMA", bytes(4)) * 2 + chunk(b"tEXt", PAYLOAD)),
        png(beside=chunk(b"PLTE", PAYLOAD + b"..")),
        png()[:33] + chunk(b"IDAT", PIXELS + PAYLOAD) + chunk(b"IEND", b""),
        png()[:33] + chunk(b"IDAT", PIXELS) + chunk(b"IDAT", PAYLOAD) + chunk(b"IEND", b""),
        png(beside=chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE) + PAYLOAD)),
        png(beside=chunk(b"iCCP", b"icc\0\0" + zlib.compress(PROFILE + PAYLOAD, 0))),
        png(beside=chunk(b"iCCP", PAYLOAD + b"\0\0" + zlib.compress(PROFILE))),
        jpeg(before=segment(0xE2, ICC + PAYLOAD)),
        jpeg(before=segment(0xE2, ICC) + segment(0xE2, b"ICC_PROFILE\0\x02\x02" + PAYLOAD)),
        jpeg(before=segment(0xEE, ADOBE + PAYLOAD)),
        jpeg(before=segment(0xEE, ADOBE) + segment(0xEE, b"Adobe" + PAYLOAD)),
        jpeg(before=segment(0xDB, bytes(65) + PAYLOAD)),
        jpeg(before=segment(0xC4, bytes(17) + PAYLOAD)),
        jpeg(before=segment(0xDD, b"\0\4" + PAYLOAD)),
        jpeg(before=segment(0xCC, PAYLOAD)),
        jpeg()[:-2] + segment(0xDC, PAYLOAD) + b"\xff\xd9",
        jpeg()[:-2] + b"\xff\xd3" + PAYLOAD + b"\xff\xd9",
    ],
)
def test_a_payload_in_a_part_of_the_picture_itself_is_refused_or_left_out(cover: bytes) -> None:
    assert PAYLOAD in cover or zlib.compress(PROFILE + PAYLOAD, 0) in cover
    try:
        delivered = read_cover_picture(cover).picture
    except InputError:
        return
    assert PAYLOAD not in delivered
    assert read_cover_picture(delivered).picture == delivered


def test_only_the_turning_of_a_photo_is_kept_of_its_exif() -> None:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack("<HHII", 0x8825, 4, 1, 38)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entry + bytes(4) + SECRET
    read = read_cover_picture(jpeg(before=segment(0xE1, exif)))
    assert read.turned
    assert SECRET not in read.picture
    assert read_cover_picture(read.picture) == read


@pytest.mark.parametrize("cover", [jpeg(before=segment(0xE2, ICC)), png(4, 4, beside=chunk(b"pHYs", bytes(9)))])
def test_a_picture_that_is_cut_anywhere_is_refused(cover: bytes) -> None:
    for size in range(len(cover)):
        with pytest.raises(InputError, match="the cover"):
            read_cover_picture(cover[:size])


def test_a_flipped_bit_in_a_png_is_found() -> None:
    cover = bytearray(png(4, 4))
    for at in range(8, len(cover)):
        cover[at] ^= 0x10
        with pytest.raises(InputError, match="the cover"):
            read_cover_picture(bytes(cover))
        cover[at] ^= 0x10


@pytest.mark.parametrize(
    ("cover", "what"),
    [
        (png(8_001, 8_000), "more than 64000000"),
        (jpeg(60_000, 60_000), "more than 64000000"),
        (jpeg(0, 8), "no pixels"),
        (jpeg(marker=0xC3), "do not show"),
        (jpeg(components=2), "do not show"),
        (jpeg(before=jpeg()[2:-2]), "several pictures"),
        (jpeg(before=b"\xff\xe1\0\0"), "no length"),
        (jpeg(before=segment(0xFE, b"") * 3000), "more than 2000 segments"),
        (jpeg()[:-2] + jpeg()[21:-2] * 200 + b"\xff\xd9", "more than 100 parts"),
        (png(beside=chunk(b"prVt", b"") * 60_000), "more than 50000 parts"),
        (jpeg()[:-20] + b"GIF89a", "damaged|cut short"),
        (png(beside=chunk(b"ABCD", b"")), "unknown kind"),
        (png(beside=chunk(b"IHDR", bytes(13))), "two headers"),
        (png()[:33] + chunk(b"IDAT", zlib.compress(bytes(50_000_000))) + chunk(b"IEND", b""), "not as many"),
        (png()[:33] + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b""), "not as many"),
        (b"GIF89a", "neither a JPEG nor a PNG"),
        (b"\xff\xd8\xff" + bytes(MAX_COVER_BYTES), f"more than {MAX_COVER_BYTES}"),
    ],
)
def test_a_picture_that_makes_no_sense_is_refused(cover: bytes, what: str) -> None:
    with pytest.raises(InputError, match=what):
        read_cover_picture(cover)


def test_a_real_jpeg_and_an_interlaced_png_are_whole(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image").effect_noise((64, 48), 40).convert("RGB")
    for name, options in (("a.jpg", {}), ("b.jpg", {"progressive": True, "restart_marker_blocks": 2}), ("c.png", {})):
        image.save(tmp_path / name, **options)
        read = read_cover_picture((tmp_path / name).read_bytes())
        assert (read.width_px, read.height_px, read.colours) == (64, 48, "rgb")
        assert read.picture == (tmp_path / name).read_bytes()


def test_a_release_gets_the_cleaned_cover(catalog: Catalog, tmp_path: Path) -> None:
    head = {"id": "small", "title": "Small", "artist": "Ada Vale", "cover": "cover.jpg"}
    path = write_album(tmp_path, album_document(album=head))
    (tmp_path / "cover.jpg").write_bytes(jpeg(before=segment(0xE1, GPS)) + b"behind")
    album = read_album(path, catalog.settings)
    planned = declare_album(catalog, album)
    assert planned.cover_digest == plan_album(catalog, album).cover_digest == digest_bytes(jpeg())
    assert catalog.store.local(digest_bytes(jpeg())).read_bytes() == jpeg()


def test_validate_refuses_a_cut_cover_and_says_where(tmp_path: Path) -> None:
    head = {"title": "Small", "artist": "Ada Vale", "cover": "cover.png"}
    path = write_album(tmp_path, album_document(album=head))
    (tmp_path / "cover.png").write_bytes(png(100, 100)[:-20])
    with pytest.raises(ManifestError, match=r"album\.cover: the cover is cut short"):
        read_album(path, Settings())


@pytest.mark.parametrize(
    "cover",
    [
        jpeg()[:-2] + b"\xff" * 9_000_000 + b"\0\xff\xd9",
        jpeg()[:-2] + b"\xff" * 9_000_000 + b"\xd3\xff\xd9",
        jpeg()[:-2] + b"\xff" * 9_000_000 + b"\xd9",
        jpeg(before=b"\xff" * 9_000_000),
        jpeg(before=segment(0xDD, b"\0\1"))[:-2] + RESTARTS * 500_000 + b"\xff\xd9",
        png()[:33] + chunk(b"prVt", b"") * 24_000 + chunk(b"IDAT", b"") * 24_000 + png()[33:],
        png()[:33] + chunk(b"IDAT", b"") * 800_000 + png()[33:],
    ],
    ids=["fill and a stuffed byte", "fill and a restart", "fill", "fill in front", "restarts", "chunks", "more chunks"],
)
def test_a_picture_made_of_endless_small_parts_takes_little_time(cover: bytes) -> None:
    assert len(cover) < MAX_COVER_BYTES
    began = time.process_time()
    with suppress(InputError):
        read_cover_picture(cover)
    assert time.process_time() - began < MOST_CPU_S
