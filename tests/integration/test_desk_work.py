"""Work that the pages of a running `songline desk` start, and other sites that try to."""

from __future__ import annotations

import json
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tasks.audio.audio import Audio
from tasks.audio.files import write_wav
from tests.integration.desk_visit import Desk, album, desk, page, rendered

__all__ = ["album", "desk", "page", "rendered"]

pytestmark = pytest.mark.slow
LONG_MS = 240_000


def takes(desk: Desk, song: int = 0) -> list[str]:
    return [take["id"] for take in desk.album.json("scores", "small")["songs"][song]["candidates"]]


def test_a_retake_that_the_engine_refuses_says_why(page: Page, desk: Desk) -> None:
    """The guide engine, which made this album, can render no passage again on its own."""
    before = takes(desk)
    page.goto(f"{desk.origin}/candidates/{before[0]}")
    page.click("#retake summary")
    page.fill("#retake [name=from]", "0:02")
    page.fill("#retake [name=to]", "5.5")
    page.fill("#retake [name=seeds]", "1")
    page.click("#retake [type=submit]")
    job = page.locator("#work .job").first
    expect(job).to_contain_text("1 take of 0:02 to 0:06", timeout=LONG_MS)
    expect(job.locator(".state")).to_have_text("failed", timeout=LONG_MS)
    assert len(job.locator(".bad").all()) == 1
    assert "Add a seed to the song, or use an engine that sings." in job.locator(".bad").inner_text()
    assert takes(desk) == before


def test_a_take_from_elsewhere_is_added(page: Page, desk: Desk, tmp_path) -> None:
    rate = 44_100
    tone = 0.2 * np.sin(2 * np.pi * 220 * np.arange(10 * rate) / rate)
    write_wav(tmp_path / "-- bounce.wav", Audio(np.stack([tone, tone]).astype(np.float32), rate), subtype="PCM_16")
    before = takes(desk, 1)
    page.goto(f"{desk.origin}/albums/small/songs/two/takes")
    page.click("#add summary")
    page.set_input_files("#add [type=file]", tmp_path / "-- bounce.wav")
    page.fill("#add [name=origin]", "--live session")
    page.click("#add [type=submit]")
    expect(page.locator("#work .job .state").first).to_have_text("done", timeout=LONG_MS)
    made = set(takes(desk, 1)) - set(before)
    assert len(made) == 1
    expect(page.locator(f"#take-{made.pop()}")).to_contain_text("rendered")
    assert list((desk.album.home / "scratch").glob("*/take.wav")) == []


def test_the_render_button_makes_what_the_manifest_asks_for_now(page: Page, desk: Desk) -> None:
    document = json.loads(desk.album.manifest.read_text())
    document["songs"][0]["seeds"] = [1, 2, 3]
    desk.album.manifest.write_text(json.dumps(document))
    page.goto(f"{desk.origin}/albums/small")
    page.get_by_role("button", name="Render").click()
    job = page.locator("#work .job").first
    expect(job).to_contain_text("Render small")
    expect(job.locator(".state")).to_have_text("done", timeout=LONG_MS)
    assert any(take.startswith("one-3-") for take in takes(desk))
    page.goto(f"{desk.origin}/albums/small/releases")
    expect(page.locator("#build-2")).to_contain_text("current")


class Elsewhere(BaseHTTPRequestHandler):
    """A page of another port of this machine, which a browser counts as the same site."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title>")

    def log_message(self, *_: Any) -> None:
        return


def test_a_page_of_another_origin_can_neither_change_nor_read(page: Page, desk: Desk) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    take = takes(desk)[-1]
    before = desk.album.json("scores", "small")
    visitor = page.context.new_page()  # it has the cookie
    visitor.goto(f"http://127.0.0.1:{server.server_address[1]}/")
    tried = visitor.evaluate(
        """async ([origin, take]) => {
          const address = `${origin}/api/candidates/${take}/reject`;
          const body = JSON.stringify({});
          const plain = { method: "POST", credentials: "include", mode: "no-cors", body };
          await fetch(address, plain).catch(() => null);
          const headers = { "content-type": "application/json" };
          const json = { method: "POST", credentials: "include", headers, body };
          const changed = await fetch(address, json).then(() => true, () => false);
          const read = await fetch(`${origin}/`, { credentials: "include" }).then(() => true, () => false);
          const shown = await new Promise((done) => {
            const audio = new Audio(`${origin}/albums/small/releases/1/files/mp3_320/01%20-%20Song%20One.mp3`);
            audio.onerror = () => done(false);
            audio.onloadedmetadata = () => done(true);
          });
          return { changed, read, shown };
        }""",
        [desk.origin, take],
    )
    server.shutdown()
    server.server_close()
    assert tried == {"changed": False, "read": False, "shown": False}
    assert desk.album.json("scores", "small") == before


def test_the_port_answers_nobody_without_the_link(desk: Desk) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{desk.origin}/", timeout=20)
    assert refused.value.code == 401
    refused.value.close()
