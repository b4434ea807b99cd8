"""Languages on the page: each text says its own and has its own direction; an instrumental is called one."""

from __future__ import annotations

import re
from dataclasses import replace

from catalog.release.listening_page.page import LyricView, PageView, TrackView, render_page

LINES = (LyricView(2.0, "أنا أحبك يا بيروت"), LyricView(7.0, "Beirut, ma belle"))


def page(**changes: object) -> str:
    track = TrackView(
        position=1, title="أغنية", artist="Ada Vale", duration_s=20.0, name="seed 1", candidate="a-1",
        sentence="Chosen.", files=(),
    )  # fmt: skip
    return render_page(PageView(title="A", artist="B", tracks=(replace(track, **changes), track)))  # type: ignore[arg-type]


def test_words_and_title_say_their_languages() -> None:
    html = page(lyrics=LINES, language="ar", title_language="ar-LB")
    assert re.search(r'<ol class="lyrics" lang="ar" ', html)
    assert html.count('<bdi lang="ar-LB">أغنية</bdi>') == 2, "in the list of songs and over the song"
    assert html.count("<bdi>أغنية</bdi>") == 2


def test_each_line_has_the_direction_of_its_own_letters() -> None:
    html = page(lyrics=LINES, language="ar")
    for line in LINES:
        assert f'<bdi dir="auto">{line.text}</bdi>' in html
    assert "text-align: start" in html


def test_where_no_language_is_known_none_is_said() -> None:
    assert '<ol class="lyrics" tabindex' in page(lyrics=LINES)


def test_an_instrumental_is_called_one_and_has_no_words() -> None:
    html = page(instrumental=True)
    assert html.count("<span>Instrumental</span>") == 1
    assert 'class="lyrics"' not in html
    assert "Instrumental" not in page(lyrics=LINES)
