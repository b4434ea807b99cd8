"""What a prompt lacks, and what is embedded of it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.style.prompt.advice import advice, embedded_text, unstated_topics

TOPICS = ("genre", "tempo", "instruments", "vocal", "mood")
PROMPTS = st.text(st.sampled_from("abcdefg ABC,.;#♯m0123456789bpm小调-\n"), max_size=40)


class TestLacking:
    @pytest.mark.parametrize(
        ("prompt", "missing"),
        [
            ("", TOPICS),
            ("a song about my dog", TOPICS),
            ("indie pop, 120 BPM, A minor", ("instruments", "vocal", "mood")),
            ("Warm Indie-Folk ballad, female vocal, acoustic guitar and strings, 92 BPM", ()),
            ("Pop Emotional Piano", ("tempo", "vocal")),
            ("Hip-Hop with 808s and a rapper,\nfast, dark", ()),
            ("DRUM & BASS, 174 bpm, euphoric, no vocals", ("instruments",)),
            ("drum and bass with piano", ("tempo", "vocal", "mood")),
            ("slow waltz for two cellos, instrumental, melancholic", ()),
            ("流行，女声，钢琴，忧伤，慢歌", ()),
            ("中国风，古筝与笛子，男声", ("tempo", "mood")),
            ("摇滚，节奏120bpm，吉他", ("vocal", "mood")),
            ("每分钟90拍的民谣", ("instruments", "vocal", "mood")),
        ],
    )
    def test_what_is_not_said_is_told_in_order(self, prompt: str, missing: tuple[str, ...]) -> None:
        assert unstated_topics(prompt) == missing

    @pytest.mark.parametrize("prompt", ["poplar trees", "a rocket", "harpoon", "formality", "happenings", "bellsouth"])
    def test_words_are_not_found_inside_others(self, prompt: str) -> None:
        assert unstated_topics(prompt) == TOPICS

    @given(PROMPTS, PROMPTS)
    def test_saying_more_never_lacks_more(self, first: str, second: str) -> None:
        assert set(unstated_topics(f"{first} | {second}")) <= set(unstated_topics(first))

    @pytest.mark.slow
    @given(PROMPTS)
    def test_letters_widths_and_breaks_do_not_matter(self, prompt: str) -> None:
        wide = prompt.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F) if not chr(code).isdigit()})
        written = "Warm POP, female-vocal\n, " + prompt
        assert unstated_topics(written) == unstated_topics(written.upper().replace(" ", "  "))
        assert "genre" not in unstated_topics("ＰＯＰ，" + wide)


class TestAdvice:
    def test_it_is_one_finished_sentence(self) -> None:
        assert advice("techno, 130 BPM, dark, synths") == (
            "The prompt does not say vocal, so the model will choose it for each seed."
        )
        assert advice("indie pop, 120 BPM") == (
            "The prompt does not say instruments, vocal or mood, so the model will choose them for each seed."
        )

    def test_a_full_prompt_needs_none(self) -> None:
        assert advice("happy folk, male voice, banjo, fast") is None

    def test_a_song_that_is_not_sung_should_say_so(self) -> None:
        assert '"instrumental"' in (advice("happy folk, banjo, fast", is_sung=False) or "")
        assert advice("happy instrumental folk, banjo, fast", is_sung=False) is None

    def test_a_tempo_from_the_songs_field_counts_in_the_embedded_text(self) -> None:
        prompt = "happy folk, male voice, banjo"
        assert "tempo" in (advice(prompt) or "")
        assert advice(embedded_text(prompt, bpm=92, key=None)) is None


class TestEmbeddedText:
    @pytest.mark.parametrize(
        ("prompt", "bpm", "key", "text"),
        [
            ("indie pop", 96.0, "A minor", "indie pop, 96 BPM, A minor"),
            ("  indie pop\n", None, None, "indie pop"),
            ("indie pop, 120 BPM", 96.0, "F# minor", "indie pop, 120 BPM, F# minor"),
            ("indie pop in A minor", 92.5, "A minor", "indie pop in A minor, 92.5 BPM"),
            ("流行，120BPM，A小调", 120.0, "A minor", "流行，120BPM，A小调"),
            ("", 60.0, "C major", "60 BPM, C major"),
            ("", None, None, ""),
        ],
    )
    def test_tempo_and_key_are_added_where_the_prompt_leaves_them_out(
        self, prompt: str, bpm: float | None, key: str | None, text: str
    ) -> None:
        assert embedded_text(prompt, bpm=bpm, key=key) == text

    @given(PROMPTS, st.floats(30, 300), st.sampled_from(["A minor", "C major", "F# minor", "Bb major"]))
    def test_the_prompt_stands_first_and_nothing_is_said_twice(self, prompt: str, bpm: float, key: str) -> None:
        once = embedded_text(prompt, bpm=bpm, key=key)
        assert once.startswith(prompt.strip())
        assert embedded_text(once, bpm=bpm, key=key) == once


def test_it_stays_light() -> None:
    """``validate`` reads prompts and must not pay for numpy."""
    code = "import sys, tasks.style.mulan.names, tasks.style.prompt.advice; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
