"""What the pages of the wall say."""

from __future__ import annotations

import pytest

from catalog.common.errors import WorkError
from catalog.plan.status import CandidateRow, SongRow
from flows.artifacts.pages import SONGS_SHOWN, report, safe, scores_page, songs_page

ERROR = {"error": "these lyrics cannot be sung", "remedy": "Change them"}
FAILURE = WorkError("Rain: every candidate failed", remedy="Mend it")


def take(name, state="rendered", error=None):
    return CandidateRow(name, 1, state, f"key of {name}", error, None)


def song(name, *takes, decision=None, winner=None):
    return SongRow(name.lower(), name, takes, decision, winner)


def test_no_character_of_markdown_or_html_comes_through() -> None:
    assert safe("a\n# <b>|`*_~&amp;[x](y)\\") == r"a \# \<b\>\|\`\*\_\~\&amp;\[x\](y)\\"


@pytest.mark.parametrize(
    "address", ["https://a.example/x", "HTTP://a.example", "ftp://a.example", "www.a.example", "a@b.example"]
)
def test_an_address_in_a_title_is_no_link(address) -> None:
    shown = safe(f"Rain ({address})")
    assert address not in shown
    assert shown.replace("\u200b", "") == f"Rain ({address})"
    assert address not in songs_page("Weather", [song(address, take("t"))], {"x": FAILURE}, album_id="w")


def test_what_is_no_address_stays_as_it_is() -> None:
    assert safe("Twelve: awww, s3://bucket") == "Twelve: awww, s3://bucket"


def test_a_song_in_trouble_is_told_first_with_its_remedy() -> None:
    calm = song("Sun", take("sun-1"), decision={"sentence": "Winner: seed 1."}, winner="sun-1")
    page = songs_page("Weather", [calm, song("Rain", take("rain-1", "failed"))], {"rain": FAILURE}, album_id="weather")
    assert "1 failed · 1 decided · 1 of 2 takes rendered" in page
    assert "| Rain | **failed** | 0 of 1, 1 failed | – |" in page
    assert page.index("- **Rain**: every candidate failed. Mend it.") < page.index("- **Sun**: Winner: seed 1.")


def test_a_take_that_failed_is_told_though_its_song_goes_on() -> None:
    waiting = song("Rain", take("rain-1", "failed", ERROR), take("rain-2", "failed", ERROR), take("rain-3", "leased"))
    page = songs_page("Weather", [waiting], {}, album_id="weather")
    assert page.count("these lyrics cannot be sung. Change them.") == 1
    assert "| rain-1 | failed | these lyrics cannot be sung. Change them. |" in scores_page(waiting)
    assert "Not decided yet." in scores_page(waiting)


def test_of_a_large_album_those_in_trouble_come_first() -> None:
    songs = [song(f"Song{n}", take(f"song{n}-1"), winner=f"song{n}-1") for n in range(SONGS_SHOWN + 5)]
    page = songs_page("Large", songs, {songs[-1].id: FAILURE}, album_id="large")
    assert page.count("| decided |") == SONGS_SHOWN - 1
    assert page.count("| **failed** |") == 1
    assert "And 5 more: `songline status large` shows all." in page


def test_a_note_stands_above_it_all() -> None:
    page = songs_page("Weather", [song("Rain", take("rain-1"))], {}, album_id="w", note="Paused: by hand.")
    assert page.startswith("# Weather\n\n**Paused: by hand.**\n\n")


def test_the_report_tells_how_the_release_is_fetched() -> None:
    calm = song("Sun", take("sun-1"), winner="sun-1")
    told = report("Weather", [calm, song("Rain", take("rain-1"))], {"rain": FAILURE}, fetch="songline export w")
    assert "by `songline export w`." in told
    assert "## Sun\n\nWinner: sun-1.\n" in told
    assert "## Rain\n\n**Failed:** every candidate failed. Mend it.\n" in told
    assert "export" not in report("Weather", [calm], {}, fetch=None)
