"""The listening page as text: escaped, quoted, sealed against the network. A real browser opens it elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from catalog.release.listening_page.drawing import loudness_path, loudness_y, waveform_path
from catalog.release.listening_page.page import (
    FileView,
    LyricView,
    PageView,
    ReadingView,
    StemView,
    TrackView,
    candidate_views,
    render_page,
)
from catalog.release.listening_page.score_sheet import level, limit_text, metric_label, number, score_sheet
from catalog.selection.decision import CandidateOutcome, Decision, GateOutcome, Limit, Missing, Value
from catalog.selection.metrics import MetricSpec

HOSTILE = "</script><img src=x onerror=alert(1)>\"' onload=alert(2) \u202e{{ 7*7 }}"

DECISION = Decision(
    policy={},
    weights={"tempo_match": 0.7, "mono_loss_lu": 0.3},
    left_out={},
    candidates=(
        CandidateOutcome(
            id="last-43",
            seed=43,
            order=1,
            gates=(GateOutcome(name="clipping_runs", value=0, not_measurable=None, limit=Limit(max=3), passed=True),),
            metrics={
                "tempo_match": Value(value=0.98, unit=""),
                "mono_loss_lu": Value(value=0.4, unit="LU"),
                "clipping_runs": Value(value=0, unit="runs"),
                "tempo_bpm": Missing(not_measurable="no steady beat was found"),
                "audiobox_pq": Missing(not_measurable="it was not scored"),
            },
            normalised={"tempo_match": 1.0, "mono_loss_lu": 0.5},
            score=0.85,
            rank=1,
            sentence="Seed 43 ranks first.",
        ),
        CandidateOutcome(
            id="last-44",
            seed=44,
            order=2,
            gates=(GateOutcome(name="clipping_runs", value=31, not_measurable=None, limit=Limit(max=3), passed=False),),
            metrics={"tempo_match": Value(value=0.5, unit=""), "clipping_runs": Value(value=31, unit="runs")},
            normalised={},
            score=None,
            rank=None,
            sentence="Seed 44 is out: 31 clipping runs, where at most 3 are allowed.",
        ),
    ),
    winner="last-43",
    sentence="Seed 43 wins.",
    reasons=(),
)


def view(text: str = "Last Bus Home") -> PageView:
    track = TrackView(
        position=1,
        title=text,
        artist=f"{text} artist",
        duration_s=95.0,
        name="seed 43",
        candidate="last-43",
        sentence=f"Chosen: {text}",
        files=(
            FileView("wav24", "WAV 24-bit", "wav24/01 - a#b?%.wav", 25_123_000),
            FileView("mp3_320", "MP3 320", "mp3_320/01 - a#b?%.mp3", 3_800_000),
        ),
        prompt=text,
        peaks=((-0.5, 0.5), (-1.0, 0.25)),
        loudness=((3.0, -20.0), (4.0, None), (5.0, -14.0), (6.0, -13.0)),
        target_lufs=-14.0,
        readings=(
            ReadingView("Loudness", -14.04, "LUFS", -14.0),
            ReadingView("Loudness range", None, "LU", reason="less than 3 s"),
        ),
        note=text,
        lyrics=(LyricView(10.0, text), LyricView(12.5, ""), LyricView(14.5, "Second line")),
        candidates=candidate_views(DECISION),
        weights=DECISION.weights,
        stems=(StemView("vocals", "stems/01 - x/vocals.wav", 1000),),
    )
    spec = MetricSpec("tempo_match", "", "higher", "adherence", f"Nearness {text}")
    return PageView(
        title=text,
        artist=text,
        tracks=(track,),
        genre=text,
        disclosure=text,
        licences=(text,),
        metrics={spec.name: spec},
    )


class Elements(HTMLParser):
    """Every start tag with its attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def named(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def test_no_text_becomes_markup() -> None:
    page, plain = Elements(render_page(view(HOSTILE))), Elements(render_page(view()))
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert [sorted(attributes) for _, attributes in page.tags] == [sorted(attributes) for _, attributes in plain.tags]
    assert page.texts.count(HOSTILE) >= 4
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.tags for name in attributes)


def test_nothing_comes_from_a_network() -> None:
    page = Elements(render_page(view()))
    links = [each.get(key) for _, each in page.tags for key in ("src", "href", "srcset", "action") if each.get(key)]
    assert links
    assert not [link for link in links if re.match(r"(?!data:)\w+:|//", str(link))]
    policy = next(each["content"] or "" for each in page.named("meta") if each.get("http-equiv"))
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_paths_are_quoted_and_stay_inside() -> None:
    page = Elements(render_page(view()))
    assert "mp3_320/01%20-%20a%23b%3F%25.mp3" in [each["src"] for each in page.named("audio")]
    track = view().tracks[0]
    for path in ("../x.wav", "/etc/passwd", "a/../../b", "..\\x"):
        broken = replace(view(), tracks=(replace(track, files=(FileView("mp3_320", "MP3", path),)),))
        with pytest.raises(ValueError, match="leaves the release"):
            render_page(broken)


@pytest.mark.parametrize(
    ("kinds", "played"),
    [(("wav24", "flac24", "mp3_320"), "mp3_320"), (("wav24", "flac24"), "flac24"), (("wav24",), "wav24")],
)
def test_the_smallest_deliverable_is_played(kinds: tuple[str, ...], played: str) -> None:
    files = tuple(FileView(kind, kind, f"{kind}/x") for kind in kinds)
    page = Elements(render_page(replace(view(), tracks=(replace(view().tracks[0], files=files),))))
    assert page.named("audio")[0]["src"] == f"{played}/x"


def test_a_song_with_nothing_to_play_still_has_its_page() -> None:
    bare = TrackView(
        position=1, title="x", artist="y", duration_s=0.0, name="seed 1", candidate="c", sentence="Only take.", files=()
    )
    page = Elements(render_page(PageView(title="t", artist="y", tracks=(bare,))))
    assert page.named("audio") == []
    assert "disabled" in next(each for each in page.named("button") if each.get("class") == "play")


def test_every_candidate_is_on_the_sheet() -> None:
    text = " ".join(" ".join(Elements(render_page(view())).texts).split())
    for said in ("#1 Seed 43", "out Seed 44", "0.850", "≤ 3", "Seed 44 is out: 31 clipping", "70%", "✕ failed 31"):
        assert said in text
    assert "no steady beat was found" in text


def test_the_sheet_sorts_metrics_by_what_they_did() -> None:
    sheet = score_sheet(candidate_views(DECISION), DECISION.weights, {})
    assert [row.label for row in sheet.weighted] == ["Tempo match", "Mono loss, LU"]
    assert [row.label for row in sheet.gates] == ["Clipping runs"]
    assert [row.label for row in sheet.others] == ["Tempo"], "judges that were not asked have no row"
    assert [cell.text for cell in sheet.weighted[1].cells] == ["0.4", "–"]
    assert [cell.passed for cell in sheet.gates[0].cells] == [True, False]


def test_a_person_s_pick_is_shown_as_chosen() -> None:
    assert [each.chosen for each in candidate_views(DECISION, winner="last-44")] == [False, True]


def test_words_and_figures() -> None:
    assert metric_label("true_peak_dbtp") == "True peak"
    assert metric_label("dc_offset") == "DC offset"
    assert [number(value) for value in (-14.0, 0.123456, 15430.2, -0.0, 1e-9)] == [
        "−14",
        "0.123",
        "15430",
        "0",
        "1e−09",
    ]
    assert [limit_text(limit) for limit in (Limit(max=0), Limit(min=-0.2), Limit(min=1, max=2))] == [
        "≤ 0",
        "≥ −0.2",
        "1 to 2",
    ]


def test_the_waveform_reaches_its_peak_and_closes() -> None:
    path = waveform_path(((-0.1, 0.2), (-0.2, 0.1)))
    assert path == "M250 7.5L750 28.5L750 92.5L250 71.5Z"
    assert waveform_path(()) == ""
    assert "nan" not in waveform_path(((0.0, 0.0),))


def test_the_loudness_curve_leaves_gaps_and_stays_in_its_strip() -> None:
    path = loudness_path(((1, -14.0), (2, -14.0), (3, None), (4, -90.0), (5, 0.0)), 10, target_lufs=-14)
    assert path.count("M") == 2
    assert all(0 <= float(y) <= 100 for y in re.findall(r" ([\d.]+)", path))
    assert loudness_y(-14, target_lufs=-14) == loudness_y(-23, target_lufs=-23) == 25


def test_the_same_view_gives_the_same_page() -> None:
    assert render_page(view()) == render_page(view())


def test_targets_are_as_exact_as_the_readings_beside_them() -> None:
    shown = [level(value) for value in (-14.0, -9.538, -9.75, -0.5)]
    assert shown == ["\u221214", "\u22129.5", "\u22129.75", "\u22120.5"]


def test_the_numbers_of_a_long_album_have_as_many_digits_as_its_last() -> None:
    def numbers(count: int) -> list[str]:
        tracks = tuple(replace(_any_track(), position=position) for position in (1, count))
        return re.findall(
            r'<span class="number">(\d+)</span>', render_page(PageView(title="A", artist="B", tracks=tracks))
        )

    assert numbers(99) == ["01", "99"] * 2
    assert numbers(120) == ["001", "120"] * 2


def _any_track() -> TrackView:
    return TrackView(
        position=1, title="A", artist="B", duration_s=1.0, name="seed 1", candidate="a-1", sentence="Only.", files=()
    )
