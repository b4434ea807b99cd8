"""Audio files made to take memory and time, to lie, to lead elsewhere, or to make numpy complain."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import threading
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import soundfile

from catalog.common.errors import AudioRefused, MachineError
from tasks.audio.errors import AudioFileError
from tasks.audio.files import notes_on, read_audio
from tasks.audio.metering.meter import meter_file, read_measurement
from tasks.audio.stream import open_stream
from tasks.mastering.analysis.reference import reference_from
from tasks.style.reference.inspection import inspect
from tests.attacks.hostile_sound import RATE, made, of_ffmpeg, silence
from tests.attacks.measured import measured
from tests.support.albums import album_document, write_album

__all__ = ["silence"]


def test_small_files_that_hold_long_sound_stay_small_in_memory(silence: Path, tmp_path: Path) -> None:
    shutil.copy(silence, tmp_path / "long.flac")
    document = album_document(mastering={"reference": "long.flac"})
    document["songs"][0]["reference"] = "long.flac"  # type: ignore[index]
    checked = measured("validate", write_album(tmp_path, document), home=tmp_path / "home")
    assert checked.code == 0, checked.stderr
    assert checked.peak_mib < 300


def test_a_measured_file_does_not_fill_memory(silence: Path, tmp_path: Path) -> None:
    read = measured("measure", silence, home=tmp_path / "home")
    assert read.code == 0, read.stderr
    assert read.peak_mib < 300


@pytest.mark.parametrize("hear", [inspect, reference_from])
def test_a_reference_of_hours_is_refused_by_its_header(hear: object, tmp_path: Path) -> None:
    path = tmp_path / "day.wav"
    data = 16 * 3600 * RATE
    header = b"WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, RATE, RATE, 1, 8) + b"data" + struct.pack("<I", data)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", len(header) + data) + header)
        file.truncate(8 + len(header) + data)
    began = time.process_time()
    with pytest.raises((AudioFileError, AudioRefused), match="longer than 10 minutes"):
        hear(path)  # type: ignore[operator]
    assert time.process_time() - began < 0.5


def test_channels_and_rate_are_refused_before_anything_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.wav").write_bytes(made("WAV", channels=6))
    (tmp_path / "b.wav").write_bytes(made("WAV", rate=4000))
    (tmp_path / "c.wav").write_bytes(made("WAV", channels=100, seconds=0.1))
    monkeypatch.setattr(soundfile.SoundFile, "read", lambda *_, **__: pytest.fail("decoded"))
    for name, what in (("a.wav", "6 channels"), ("b.wav", "4000 Hz"), ("c.wav", "100 channels")):
        with pytest.raises(AudioRefused, match=what):
            reference_from(tmp_path / name)


def test_a_stream_that_goes_on_past_its_bound_is_left(tmp_path: Path) -> None:
    path = of_ffmpeg(tmp_path, "a.m4a")
    with pytest.raises(AudioFileError, match="longer than"), open_stream(path, longest_s=2.0) as stream:
        sum(len(block) for block in stream.blocks(1000))


@pytest.mark.parametrize(
    ("form", "subtype"),
    [("OGG", "VORBIS"), ("OGG", "OPUS"), ("FLAC", "PCM_16"), ("WAV", "PCM_16"), ("AIFF", "PCM_16"), ("MP3", None)],
)
@pytest.mark.parametrize("share", [0.3, 0.8, 0.99])
def test_a_file_that_is_cut_is_told(form: str, subtype: str | None, share: float, tmp_path: Path) -> None:
    data = made(form, subtype, rate=48_000)
    path = tmp_path / f"a.{form.lower()}"
    path.write_bytes(data)
    assert read_audio(path).frames > 3 * 48_000
    path.write_bytes(data[: int(len(data) * share)])
    for read in (read_audio, inspect, meter_file):
        with pytest.raises(AudioFileError):
            read(path)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.m4a", ("-c:a", "aac")),
        ("b.m4a", ("-c:a", "alac")),
        ("c.aac", ("-c:a", "aac")),
        ("d.webm", ("-c:a", "libopus")),
        ("e.wv", ("-c:a", "wavpack")),
        ("-f.m4a", ("-c:a", "aac")),
    ],
)
def test_what_libsndfile_does_not_read_is_read_by_ffmpeg(name: str, options: tuple[str, ...], tmp_path: Path) -> None:
    path = of_ffmpeg(tmp_path, f"./{name}", *options)
    audio = read_audio(path)
    assert (audio.channels, audio.frames / audio.rate) == (2, pytest.approx(4, abs=0.1))
    assert meter_file(path).meter == read_measurement(audio)
    is_lossless = name in ("b.m4a", "e.wv")
    assert any("lost detail" in finding.message for finding in inspect(path)) is not is_lossless
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(AudioFileError):
        read_audio(path)


def test_without_ffmpeg_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = of_ffmpeg(tmp_path, "a.m4a")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match=r"a\.m4a can only be read with ffmpeg") as missing:
        read_audio(path)
    assert "Install ffmpeg" in missing.value.remedy
    said = measured("measure", path, home=tmp_path / "home", PATH=str(tmp_path))
    assert said.code == 4
    assert "Install ffmpeg" in said.stderr


def test_a_playlist_leads_nowhere(tmp_path: Path) -> None:
    asked: list[str] = []

    class Listening(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Listening)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/a.ts"
    (tmp_path / "secret.wav").write_bytes(made("WAV"))
    playlists = {
        "a.m4a": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{address}\n#EXT-X-ENDLIST\n",
        "b.webm": f"ffconcat version 1.0\nfile '{tmp_path}/secret.wav'\n",
        "c.aac": f"#EXTM3U\n#EXTINF:1,\nfile://{tmp_path}/secret.wav\n",
    }
    try:
        for name, text in playlists.items():
            (tmp_path / name).write_text(text)
            with pytest.raises(AudioFileError, match="cannot be read as audio"):
                read_audio(tmp_path / name)
    finally:
        server.shutdown()
        server.server_close()
    assert asked == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="NOT TESTED: there is no /proc")
def test_nothing_is_left_open_or_running(tmp_path: Path) -> None:
    path = of_ffmpeg(tmp_path, "a.m4a")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with open_stream(path) as stream:
            next(stream.blocks(100))
    assert len(os.listdir("/proc/self/fd")) == before
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    assert all("ffmpeg" not in Path(f"/proc/{child}/cmdline").read_text() for child in children)


def test_the_other_half_of_an_old_macintosh_file_is_not_looked_for(tmp_path: Path) -> None:
    """libsndfile opens ``._NAME`` beside what it does not know: a pipe there would keep the command for ever."""
    path, half = tmp_path / "ref.wav", tmp_path / "._ref.wav"
    path.write_bytes(bytes(1000))
    os.mkfifo(half)
    refused: list[str] = []

    def hear() -> None:
        try:
            inspect(path)
        except AudioFileError as error:
            refused.append(str(error))

    hearing = threading.Thread(target=hear)
    hearing.start()
    was_opened = False
    while hearing.is_alive():
        with suppress(OSError):
            os.close(os.open(half, os.O_WRONLY | os.O_NONBLOCK))  # where somebody waits at the other end
            was_opened = True
        hearing.join(0.05)
    assert "ref.wav cannot be read as audio" in refused[0]
    assert not was_opened


def test_what_the_reader_of_a_decoded_file_runs_into_is_no_fault_of_the_file(tmp_path: Path) -> None:
    path = of_ffmpeg(tmp_path, "a.m4a")
    full = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space left") as caught, open_stream(path):
        raise full
    assert caught.value is full


def test_a_note_on_a_header_takes_no_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = of_ffmpeg(tmp_path, "a.m4a")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert notes_on(path) == ()
