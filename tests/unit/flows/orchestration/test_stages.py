"""What the log of the run in charge says of an album's stages."""

from __future__ import annotations

from flows.orchestration.stages import Stages
from flows.pipeline.progress import Progress, SongProgress


def begun(**titles: str) -> tuple[Progress, Stages, list[str]]:
    progress, said = Progress([]), list[str]()
    progress.songs = {song_id: SongProgress(title, 20) for song_id, title in titles.items()}
    return progress, Stages(progress, said.append), said


def test_each_change_is_said_once_and_nothing_of_what_did_not_begin() -> None:
    progress, stages, said = begun(one="One", two="Two")
    stages.begin("release", 1)
    for _ in range(3):
        stages.log_changes()
    assert said == ["Coordinating 2 songs with 40 takes, until the stage release."]
    progress.note("one", rendered=12)
    for _ in range(3):
        stages.log_changes()
    assert said[1:] == ["Rendered 12 of 40 takes."]
    progress.note("one", rendered=8, scored=20, selected_seed=3)
    stages.log_changes()
    assert said[2:] == ["Rendered 20 of 40 takes.", "Decided 1 of 2 songs."]
    progress.note("one", mastered=True, delivered=True)
    progress.note("two", failed="no take passed")
    stages.log_changes()
    stages.log_changes()
    assert said[4:] == ["Mastered 1 of 2 songs.", "Finished 1 of 2 songs.", "Failed: Two: no take passed"]


def test_a_failure_names_its_song_once() -> None:
    progress, stages, said = begun(one="One")
    progress.note("one", failed="One: no take passed")
    stages.log_changes()
    assert said == ["Failed: One: no take passed"]


def test_a_later_attempt_says_so() -> None:
    _, stages, said = begun(one="One")
    stages.begin("select", 3)
    assert said == ["Coordinating 1 song with 20 takes, until the stage select, attempt 3."]
