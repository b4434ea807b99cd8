"""Retakes in the catalog: the words of a passage, and candidates that stay with the one they were taken from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.album.album import Album, Song
from catalog.album.document import manifest_document
from catalog.album.mastering import MasteringSpec
from catalog.catalog import Catalog
from catalog.common.errors import InputError
from catalog.lyrics.lrc import parse_lrc
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.text import parse_text
from catalog.plan.plan import Candidate, expand, store_plan
from catalog.plan.retakes import (
    Parent,
    at_times_of,
    changed_words,
    number_of_lines_warning,
    offer_retakes,
    parent_take,
    parents_of,
    with_retakes,
    with_words,
)
from catalog.plan.status import songs_of
from catalog.recipe import Recipe
from catalog.selection.decide import Policy

WORDS = parse_lrc("[ar:Ada]\n[00:02.00]First\n[00:05.00]Second\n[00:10.00]Third\n")
SUNG = parse_lrc("[00:02.00]First\n[00:05.00]Another\n[00:10.00]Third\n")


def recipe(seed, prompt="x", **inputs):
    return Recipe("faulty", 1, seed, 20.0, {"prompt": prompt, **inputs})


def album_of(*ids, lyrics=WORDS):
    songs = [
        Song(
            id=name,
            position=number,
            title=name.title(),
            artist="Ada",
            lyrics=lyrics,
            prompt="x",
            reference=None,
            reference_digest=None,
            bpm=None,
            key=None,
            language="en",
            length_s=20.0,
            engine="faulty",
            settings={},
            seeds=(1, 2),
        )
        for number, name in enumerate(ids, 1)
    ]
    return Album(
        id="small",
        title="Small",
        artist="Ada",
        year=None,
        genre=None,
        cover=None,
        commercial=False,
        release="all",
        songs=tuple(songs),
        selection=Policy(),
        mastering=MasteringSpec(),
        stems="none",
        deliverables=("mp3_320",),
    )


TWO = (recipe(1), recipe(2))


def plan(catalog, album, recipes=TWO):
    """Store the album with a candidate a recipe, and the retakes there are of them."""
    asked = {song.id: expand(album, song, recipes) for song in album.songs}
    catalog.ledger.declare_renders([c.recipe for offered in asked.values() for c in offered])
    candidates = with_retakes(catalog.database, album.id, asked)
    store_plan(catalog.database, album, document=manifest_document(album), candidates=candidates, cover_digest=None)
    return candidates


def take(catalog, parent, *seeds, lyrics=None):
    """Offer retakes of a candidate."""
    of = parent_take(catalog.database, parent.id)
    recipes = [recipe(seed, parent=parent.render_key) for seed in seeds]
    catalog.ledger.declare_renders(recipes)
    return offer_retakes(catalog.database, of, recipes, lyrics=lyrics)


def ids(candidates):
    return [candidate.id for candidate in candidates]


# --- words


def test_lines_that_begin_in_the_passage_are_replaced() -> None:
    assert with_words(WORDS, SUNG, start_s=5, end_s=10).lines == SUNG.lines
    assert with_words(WORDS, SUNG, start_s=5.01, end_s=12).lines == WORDS.lines
    assert with_words(WORDS, SUNG, start_s=0, end_s=5).lines == WORDS.lines, "a passage ends before its end"
    more = parse_lrc("[00:05.50]Two\n[00:07.00]For one\n[00:12.00]Outside\n")
    told = with_words(WORDS, more, start_s=4, end_s=10)
    assert [line.text for line in told.lines] == ["First", "Two", "For one", "Third"]
    assert told.tags == WORDS.tags
    nothing = with_words(WORDS, parse_lrc("[00:01.00]x"), start_s=4, end_s=10)
    assert [line.text for line in nothing.lines] == ["First", "Third"]


stamps = st.lists(st.integers(0, 2000), unique=True, min_size=1, max_size=12)


@pytest.mark.slow
@given(stamps, stamps, st.integers(0, 2000), st.integers(1, 2000))
def test_words_come_from_one_side_of_the_passage_or_the_other(own, other, start, length) -> None:
    mine, theirs = (
        Lyrics(tuple(LyricLine(cs / 100, text) for cs in sorted(times))) for times, text in ((own, "a"), (other, "b"))
    )
    start_s, end_s = start / 100, (start + length) / 100
    found = with_words(mine, theirs, start_s=start_s, end_s=end_s)
    times = [line.start_s for line in found.lines]
    assert times == sorted(set(times))
    assert all((line.text == "b") == (start_s <= line.start_s < end_s) for line in found.lines)
    assert with_words(found, theirs, start_s=start_s, end_s=end_s).lines == found.lines
    if found.lines:
        assert parse_lrc(found.to_lrc()).digest == found.digest


# --- candidates


@pytest.mark.both_databases
def test_a_retake_stands_behind_the_candidates_and_names_its_parent(catalog: Catalog) -> None:
    album = album_of("one", "two")
    first, _ = plan(catalog, album)["one"]
    taken = take(catalog, first, 2, 3, lyrics=SUNG)
    assert ids(taken)[0].startswith("one-2r-")
    planned = plan(catalog, album)
    assert ids(planned["one"]) == [*ids(expand(album, album.songs[0], [recipe(1), recipe(2)])), *ids(taken)]
    assert [c.parent for c in planned["one"]] == [None, None, first.id, first.id]
    assert parents_of(catalog.database, ids(planned["one"])) == dict.fromkeys(ids(taken), first.id)
    assert [c.order for c in planned["one"]][:2] == [0, 1]
    assert 1 < planned["one"][2].order < planned["one"][3].order
    assert [c.lyrics and c.lyrics.digest for c in planned["one"]] == [None, None, SUNG.digest, SUNG.digest]
    assert planned["one"][2].of(album.songs[0]).lyrics == SUNG
    assert planned["one"][0].of(album.songs[0]) is album.songs[0]
    assert len(planned["two"]) == 2, "another song's candidates have none"
    assert [c.id for c in songs_of(catalog.database, "small")[0].candidates] == ids(planned["one"])


@pytest.mark.slow
@pytest.mark.both_databases
def test_retakes_of_retakes_follow_while_the_first_of_them_is_asked_for(catalog: Catalog) -> None:
    album = album_of("one")
    first, second = plan(catalog, album)["one"]
    (taken,) = take(catalog, first, 2, lyrics=SUNG)
    (again,) = take(catalog, taken, 3)
    (other,) = take(catalog, second, 3)
    assert set(ids(plan(catalog, album)["one"])) == {first.id, second.id, taken.id, again.id, other.id}
    left = plan(catalog, album, [recipe(2)])["one"]
    assert ids(left) == [second.id, other.id]
    assert [c.id for c in songs_of(catalog.database, "small")[0].candidates] == ids(left)
    assert ids(plan(catalog, album, [recipe(1)])["one"]) == [first.id, taken.id, again.id], "and they come back"
    assert ids(plan(catalog, album, [recipe(1, "jazz")])["one"])[1:] == []


@pytest.mark.both_databases
def test_a_retake_without_new_words_sings_its_parents(catalog: Catalog) -> None:
    album = album_of("one")
    first, _ = plan(catalog, album)["one"]
    (taken,) = take(catalog, first, 2, lyrics=SUNG)
    (again,) = take(catalog, taken, 3)
    assert parent_take(catalog.database, first.id).lyrics.digest == WORDS.digest
    assert parent_take(catalog.database, again.id).lyrics.digest == SUNG.digest
    found = {c.id: c for c in plan(catalog, album)["one"]}
    assert found[again.id].lyrics == SUNG
    assert found[again.id].parent == taken.id


@pytest.mark.both_databases
def test_the_same_take_is_offered_once(catalog: Catalog) -> None:
    album = album_of("one")
    first, _ = plan(catalog, album)["one"]
    taken = take(catalog, first, 2)
    assert ids(take(catalog, first, 2)) == ids(taken)
    more = take(catalog, first, 2, 3)
    assert ids(more)[0] == taken[0].id
    planned = plan(catalog, album)["one"]
    assert len(planned) == 4
    assert len({c.order for c in planned}) == 4
    assert isinstance(planned[3], Candidate)


@pytest.mark.both_databases
def test_seeds_that_the_manifest_gains_stand_before_its_retakes(catalog: Catalog) -> None:
    album = album_of("one")
    first, _ = plan(catalog, album)["one"]
    (taken,) = take(catalog, first, 2)
    planned = plan(catalog, album, [recipe(1), recipe(2), recipe(3), recipe(4)])["one"]
    assert [c.seed for c in planned] == [1, 2, 3, 4, 2]
    assert planned[-1].id == taken.id
    assert ids(planned) == [c.id for c in songs_of(catalog.database, "small")[0].candidates]
    assert len({c.order for c in planned}) == 5


@pytest.mark.both_databases
def test_a_parent_is_named_by_the_beginning_of_its_id(catalog: Catalog) -> None:
    first, second = plan(catalog, album_of("one"))["one"]
    found = parent_take(catalog.database, first.id[:5])
    assert (found.id, found.album_id, found.song_id, found.song_title) == (first.id, "small", "one", "One")
    assert (found.render_key, found.language) == (first.render_key, "en")
    with pytest.raises(InputError, match="several"):
        parent_take(catalog.database, "one-")
    with pytest.raises(InputError, match="no candidate"):
        parent_take(catalog.database, "two-")
    assert parent_take(catalog.database, second.id).id == second.id


@pytest.mark.both_databases
def test_a_candidate_that_is_no_longer_planned_is_no_parent(catalog: Catalog) -> None:
    first, second = plan(catalog, album_of("one", "two"))["one"]
    (taken,) = take(catalog, first, 2)
    plan(catalog, album_of("one", lyrics=SUNG), [recipe(1, "y"), recipe(2)])
    for gone in (first, taken):
        with pytest.raises(InputError, match=f"{gone.id} is no longer planned"):
            parent_take(catalog.database, gone.id)
    assert parent_take(catalog.database, second.id).id == second.id
    plan(catalog, album_of("two"))
    with pytest.raises(InputError, match="no longer planned"):
        parent_take(catalog.database, second.id)


def test_words_that_grew_past_what_lyrics_may_have_are_refused(catalog: Catalog) -> None:
    parent = plan(catalog, album_of("one"))["one"][0]
    many = Lyrics(tuple(LyricLine(number / 100, "la") for number in range(1001)))
    with pytest.raises(InputError, match="1000 lines"):
        take(catalog, parent, 7, lyrics=many)


def test_plain_lines_take_the_times_of_those_in_the_passage() -> None:
    old = parse_lrc("[00:01.00]one\n[00:04.00][Chorus]two\n[00:06.00]\n[00:08.00]three\n[00:12.00]four")
    text = parse_text("new two\nnew three")
    placed = at_times_of(old, text, start_s=4.0, end_s=12.0)
    merged = with_words(old, placed, start_s=4.0, end_s=12.0)
    assert merged.to_lrc() == (
        "[00:01.00]one\n[Chorus]\n[00:04.00]new two\n[00:06.00]\n[00:08.00]new three\n[00:12.00]four\n"
    )


def test_another_number_of_plain_lines_is_refused() -> None:
    with pytest.raises(InputError, match="the text has 1 line, and 2 lines begin in the passage") as caught:
        at_times_of(parse_lrc("[00:01.00]one\n[00:04.00]two"), parse_text("a"), start_s=0.0, end_s=9.0)
    assert "songline lyrics time" in caught.value.remedy


def changed(old: Lyrics, new: Lyrics) -> Lyrics:
    parent = Parent("one-1", "album", "one", "One", "key", "en", old)
    return changed_words(parent, new, name="new.txt", start_s=4.0, end_s=9.0)


def test_words_without_times_are_replaced_as_a_whole() -> None:
    new = parse_lrc("[00:01.00][Verse]new one\n[00:02.00]new two")
    assert changed(parse_text("one\ntwo"), new).to_text() == "[Verse]\nnew one\nnew two\n"
    with pytest.raises(InputError, match=r"new\.txt changes no line"):
        changed(parse_text("one\ntwo"), parse_text("one\ntwo"))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (parse_text("a\nb\nc"), "x\ny", "2 lines of new.txt take the place of the song's 3. Nothing says which lines"),
        (parse_text("a\nb\nc"), "x", "1 line of new.txt takes the place of the song's 3."),
        (parse_text("a\nb\nc"), "x\ny\nz", None),
        (WORDS, "x", None),
    ],
)
def test_a_text_with_another_number_of_lines_is_warned_of(old: Lyrics, new: str, said: str | None) -> None:
    parent = Parent("one-1", "album", "one", "One", "key", "en", old)
    told = number_of_lines_warning(parent, changed(old, parse_text(new)), name="new.txt")
    assert told.startswith(said) if said else told == ""


def test_new_words_need_a_passage_with_words_and_a_change() -> None:
    assert "[00:05.00]New" in changed(WORDS, parse_text("New")).to_lrc()
    with pytest.raises(InputError, match="is a song without words"):
        changed(Lyrics(()), parse_text("New"))
    with pytest.raises(InputError, match="has no line that begins in the passage"):
        changed(WORDS, parse_lrc("[00:20.00]New"))
    with pytest.raises(InputError, match="changes no line that begins in the passage"):
        changed(WORDS, parse_text("Second"))
