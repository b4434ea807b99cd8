"""What differs between two releases, as sentences."""

from __future__ import annotations

from typing import Any

from catalog.release.differences import Difference, differences
from catalog.release.document import Credit, PolicyUsed, Readings, ReleaseDocument, Winner
from tests.unit.catalog.release.test_document import ALBUM, document, file, track


def said(older: ReleaseDocument, newer: ReleaseDocument) -> list[str]:
    return [difference.what for difference in differences(older, newer)]


def changed(**fields: Any) -> ReleaseDocument:
    return document(tracks=[track(1, **fields), track(2)])


def test_the_same_contents_differ_in_nothing_whatever_the_build() -> None:
    assert differences(document(), document(build=7, songline_version="9")) == ()


def test_another_winner_is_told_with_its_reason() -> None:
    winner = Winner(candidate="last-44", seed=44, chosen_by="person", sentence="Picked by a user: seed 44.")
    found = differences(document(), changed(winner=winner, master_sha256="ee" * 32))
    assert found[0] == Difference("song-1", "the take is last-44, before last-43", "Picked by a user: seed 44.")
    assert found[0].document()["reason"] == "Picked by a user: seed 44."
    assert [difference.what for difference in found[1:]] == ["it was mastered anew: levels and length are as before"]


def test_a_pick_of_the_same_take_is_told() -> None:
    winner = track(1).winner.model_copy(update={"chosen_by": "person"})
    assert said(document(), changed(winner=winner)) == ["the take was chosen by a person, before by the policy"]


def test_a_louder_master_is_told_with_its_figures() -> None:
    readings = Readings(integrated_lufs=-9.5, true_peak_dbtp=-1.31, gain_db=5.0)
    newer = changed(readings=readings, master_sha256="ee" * 32, duration_s=96.5)
    assert said(document(), newer) == [
        "it was mastered anew: loudness -9.5 LUFS, before -14.0; length 96.5 s, before 95.0"
    ]


def test_tags_files_songs_and_order_are_told() -> None:
    older = document(tracks=[track(1), track(2)])
    newer = document(
        album=ALBUM.model_copy(
            update={"title": "Day Bus", "year": 2027, "commercial": True, "cover": file("cover.jpg")}
        ),
        tracks=[
            track(1, song="song-2", writers=("B",), credits=(Credit(role="mix", name="C"),), lyrics=file("l/1.lrc")),
            track(
                2,
                song="song-1",
                deliverables={"mp3_320": file("mp3_320/02.mp3")},
                stems={"bass": file("s/b.wav")},
                lead_sheet={"musicxml": file("sheets/2.musicxml")},
                project=file("daw/2.dawproject"),
            ),
        ],
    )
    assert said(older, newer) == [
        "the title is 'Day Bus', before 'Night Bus'",
        "the year is 2027, before none",
        "the commercial use is yes, before no",
        "the cover was added",
        "the running order is now </script>\u202e 夜 🚌 and </script>\u202e 夜 🚌",
        "the writers is B, before none",
        "the credits is C (mix), before none",
        "the file of its lyrics was added",
        "deliverables were added: mp3_320",
        "deliverables were taken out: wav24",
        "stems were added: bass",
        "its lead sheet was added",
        "its project for a workstation was added",
    ]


def test_songs_that_come_and_go_and_another_policy_are_told() -> None:
    policy = PolicyUsed(digest="ab" * 32, source="manifest")
    other = PolicyUsed(digest="cd" * 32, source="manifest")
    older = document(album=ALBUM.model_copy(update={"policy": policy}), tracks=[track(1, title="One")])
    newer = document(album=ALBUM.model_copy(update={"policy": other}), tracks=[track(2, title="Two")])
    assert said(older, newer) == ["winners were chosen by another policy", "One was taken out", "Two was added"]


def test_a_change_of_descriptions_alone_is_told_as_that() -> None:
    assert said(document(), document(files=[file("lineage.json")])) == [
        "only descriptions differ, such as lineage, page or checks"
    ]


def test_stems_of_the_same_take_with_other_bytes_are_told() -> None:
    older = document(tracks=[track(1, stems={"bass": file("s/b.wav"), "drums": file("s/d.wav")})])
    anew = {"bass": file("s/b.wav").model_copy(update={"sha256": "ef" * 32}), "drums": file("s/d.wav")}
    assert said(older, document(tracks=[track(1, stems=anew)])) == ["stems were made anew: bass"]
    winner = track(1).winner.model_copy(update={"candidate": "last-44"})
    assert said(older, document(tracks=[track(1, stems=anew, winner=winner)])) == [
        "the take is last-44, before last-43"
    ]


def test_deliverables_that_another_encoder_wrote_are_told_where_nothing_else_differs() -> None:
    anew = {"wav24": file("wav24/01.wav").model_copy(update={"sha256": "ef" * 32})}
    assert said(document(), changed(deliverables=anew)) == ["deliverables were encoded anew: wav24"]
    assert said(document(), changed(deliverables=anew, isrc="ATABC2600001")) == [
        "the ISRC is 'ATABC2600001', before none"
    ]
