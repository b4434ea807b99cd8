"""Takes the pictures that docs/working-day.md shows: ``python -m tests.support.desk_pictures HOME ALBUM SONG FOLDER``.

HOME has the catalog, with the album rendered until its decisions and one take picked with a note.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.integration.auditioned_song import Audition, desk


def main() -> None:
    """Write desk-audition.png, desk-blind.png and desk-history.png."""
    home, album, song, folder = Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
    with desk(home) as link, sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        visit = Audition(browser, link)
        of_song = f"/albums/{album}/songs/{song}"
        visit.open(of_song)
        visit.press("Space", "2")
        visit.page.wait_for_timeout(3000)
        visit.press("Space")
        visit.page.screenshot(path=folder / "desk-audition.png")
        visit.open(f"{of_song}?blind=pairs")
        visit.page.screenshot(path=folder / "desk-blind.png")
        visit.page.goto(f"{visit.origin}{of_song}/history")
        visit.page.screenshot(path=folder / "desk-history.png")
        visit.close()
        browser.close()


if __name__ == "__main__":
    main()
