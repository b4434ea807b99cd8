"""Encoded files beside their master: they decode, keep length and loudness, and MP3 carries its gapless header."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tasks.acceptance.checks import Finding, examine_derivative, failed
from tasks.audio.audio import Audio
from tasks.audio.files import BLOCK, read_audio, write_flac24, write_wav
from tasks.audio.formats.gapless import Gapless, gapless_header
from tests.support.signals.acceptance import RATE, beats, written

CEILING = -0.5


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("master"), beats(4))


@pytest.fixture(scope="module")
def mp3(master: Path) -> Path:
    return lossy(master, "MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.0)


def lossy(master: Path, form: str, subtype: str, **settings: object) -> Path:
    audio = read_audio(master)
    path = master.with_suffix(f".{form}.{subtype}")
    with soundfile.SoundFile(path, "w", audio.rate, audio.channels, subtype, format=form, **settings) as file:
        for start in range(0, audio.frames, BLOCK // 2):
            file.write(audio.samples[:, start : start + BLOCK // 2].T)
    return path


def found(path: Path, master: Path, *, ceiling_dbtp: float = CEILING) -> dict[str, Finding]:
    findings = examine_derivative(path, master, ceiling_dbtp=ceiling_dbtp)
    return {finding.check: finding for finding in findings}


def test_lossless_forms_hold_the_very_samples(master: Path, tmp_path: Path) -> None:
    write_flac24(tmp_path / "a.flac", read_audio(master))
    findings = found(tmp_path / "a.flac", master)
    assert {finding.verdict for finding in findings.values()} == {"pass"}
    assert findings["difference"].sentence == "The master's very samples."
    assert "gapless" not in findings


def test_a_dithered_copy_differs_by_its_noise_alone(master: Path, tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", read_audio(master), subtype="PCM_16", dither_seed=1)
    findings = found(tmp_path / "a.wav", master)
    assert {finding.verdict for finding in findings.values()} == {"pass"}
    assert -90 < (findings["difference"].value or 0) < -60


@pytest.mark.slow
def test_an_mp3_by_lame_passes_and_tells_its_header(master: Path, mp3: Path) -> None:
    findings = found(mp3, master)
    assert {finding.verdict for finding in findings.values()} == {"pass"}
    assert list(findings) == ["decode", "length", "gapless", "true_peak", "loudness", "difference"]
    assert "LAME" in findings["gapless"].sentence
    assert findings["gapless"].value == findings["gapless"].limit == 4 * RATE
    assert (findings["length"].value, findings["length"].limit) == (0, 1152)
    assert (findings["difference"].value or 0) < -20


def test_an_mp3_without_its_header_fails(master: Path, mp3: Path, tmp_path: Path) -> None:
    data = mp3.read_bytes()
    (tmp_path / "a.mp3").write_bytes(data.replace(b"Info", b"none", 1))
    findings = found(tmp_path / "a.mp3", master)
    assert findings["gapless"].verdict == "fail"
    assert "No gapless header" in findings["gapless"].sentence
    assert findings["length"].verdict == "fail"


def test_an_mp3_with_a_header_that_is_cut_short_does_not_decode(master: Path, mp3: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(mp3.read_bytes()[:-9000])
    (finding,) = examine_derivative(tmp_path / "a.mp3", master, ceiling_dbtp=-1)
    assert (finding.check, finding.verdict) == ("decode", "fail")


def test_ogg_vorbis_is_as_long_as_its_master(master: Path) -> None:
    findings = found(lossy(master, "OGG", "VORBIS"), master, ceiling_dbtp=-0.1)
    assert failed(findings.values()) == ()
    assert findings["length"].limit == 0
    assert (findings["difference"].value or 0) < -10


@pytest.mark.slow
def test_opus_is_judged_at_the_rate_of_its_master(tmp_path: Path) -> None:
    path = tmp_path / "m48.wav"
    write_wav(path, Audio.of(beats(4, rate=48000), 48000), subtype="PCM_24")
    findings = found(lossy(path, "OGG", "OPUS"), path, ceiling_dbtp=0.0)
    assert findings["length"].verdict == "pass"
    assert findings["difference"].verdict == "pass"
    assert abs((findings["loudness"].value or 0) - (findings["loudness"].limit or 0)) < 0.5


def test_a_lossy_peak_over_the_ceiling_is_a_warning_until_it_is_far_over(
    master: Path, mp3: Path, tmp_path: Path
) -> None:
    peak = found(mp3, master)["true_peak"].value
    assert peak is not None
    assert found(mp3, master, ceiling_dbtp=peak + 0.01)["true_peak"].verdict == "pass"
    assert found(mp3, master, ceiling_dbtp=peak - 0.5)["true_peak"].verdict == "warn"
    loud = written(tmp_path, 0.99 * np.sign(np.random.Generator(np.random.PCG64(5)).standard_normal((2, RATE))))
    clipped = lossy(loud, "MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.9)
    over = found(clipped, loud, ceiling_dbtp=-1.0)["true_peak"]
    assert (over.value or 0) > 1
    assert over.verdict == "fail"


@pytest.mark.slow
@pytest.mark.parametrize("lowest_hz", [0, 4000], ids=["white", "over 4 kHz"])
@pytest.mark.parametrize(("form", "subtype"), [("MP3", "MPEG_LAYER_III"), ("OGG", "OPUS")])
def test_very_bright_sound_is_a_warning_at_most(tmp_path: Path, form: str, subtype: str, lowest_hz: float) -> None:
    rate = 48000
    noise = np.random.Generator(np.random.PCG64(6)).standard_normal((2, 4 * rate))
    spectrum = np.fft.rfft(noise)
    spectrum[:, : round(lowest_hz * 4)] = 0
    path = tmp_path / "bright.wav"
    write_wav(path, Audio.of(0.05 * np.fft.irfft(spectrum), rate), subtype="PCM_24")
    settings = {"bitrate_mode": "CONSTANT", "compression_level": 0.0} if form == "MP3" else {}
    findings = found(lossy(path, form, subtype, **settings), path)
    assert (findings["loudness"].value or 0) < (findings["loudness"].limit or 0) - 0.5
    assert findings["loudness"].verdict == "warn"
    assert failed(findings.values()) == ()


def test_a_difference_as_strong_as_the_master_fails_and_half_of_it_warns(master: Path, tmp_path: Path) -> None:
    lines = read_audio(master).samples
    noise = np.random.Generator(np.random.PCG64(7)).standard_normal(lines.shape)
    noise *= np.sqrt(np.square(lines).mean() / np.square(noise).mean())
    for gain_db, verdict in ((-9, "pass"), (-3, "warn"), (0.5, "fail")):
        write_wav(tmp_path / "a.wav", Audio.of(lines + 10 ** (gain_db / 20) * noise, RATE), subtype="FLOAT")
        finding = found(tmp_path / "a.wav", master)["difference"]
        assert (finding.verdict, finding.value) == (verdict, pytest.approx(gain_db, abs=0.1))


def test_a_lossless_peak_over_the_ceiling_fails(master: Path) -> None:
    assert found(master, master, ceiling_dbtp=-20.0)["true_peak"].verdict == "fail"


def test_another_song_softer_or_shorter_is_noticed(master: Path, tmp_path: Path) -> None:
    lines = beats(4)
    for name, samples, checks in (
        ("softer", 0.85 * lines, ("loudness",)),
        ("shifted", np.roll(lines, 1105, axis=1), ("difference",)),
        ("shorter", lines[:, :-1], ("length",)),
        ("mono", lines[:1], ("loudness", "difference")),
    ):
        write_wav(tmp_path / name, Audio.of(samples, RATE), subtype="PCM_24")
        assert failed(examine_derivative(tmp_path / name, master, ceiling_dbtp=0)) == checks, name


def test_what_does_not_decode_fails(master: Path, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"not audio")
    (finding,) = examine_derivative(tmp_path / "a.mp3", master, ceiling_dbtp=-1)
    assert (finding.check, finding.verdict) == ("decode", "fail")


def header(version: int, mode: int, *, tag: bytes = b"Info", flags: int = 15) -> bytes:
    """A first frame with 7 frames, a delay of 576 and a padding of 1000, by the field sizes of the specification."""
    side = {3: (32, 17), 2: (17, 9)}[version][mode == 3]
    fields = b"".join(
        part for bit, part in ((1, struct.pack(">I", 7)), (2, b"size"), (4, bytes(100)), (8, b"qual")) if flags & bit
    )
    lame = b"LAME3.100" + bytes(12) + (576 << 12 | 1000).to_bytes(3, "big") + bytes(12)
    sync = bytes([0xFF, 0xE0 | version << 3 | 3, 0x90, mode << 6])
    return sync + bytes(side) + tag + struct.pack(">I", flags) + fields + lame


@pytest.mark.parametrize("version", [3, 2])
@pytest.mark.parametrize("mode", [0, 1, 3])
@pytest.mark.parametrize("flags", [15, 1, 3])
def test_headers_of_all_layouts_are_read(version: int, mode: int, flags: int) -> None:
    samples = 7 * (1152 if version == 3 else 576) - 1576
    expected = Gapless("LAME3.100", 576, 1000, samples)
    data = header(version, mode, flags=flags)
    assert gapless_header(data) == expected
    assert gapless_header(b"ID3\x04\0\0\0\0\x01\x02" + bytes(130) + data) == expected


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff\xfb", header(3, 0)[:60], header(3, 0, flags=14), header(3, 0, tag=b"none"), b"RIFF" + bytes(200)],
)
def test_what_is_no_header_is_none(data: bytes) -> None:
    assert gapless_header(data) is None
