"""Syllables of many languages, against lines that were divided by hand, and words that are hard to divide."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.lyrics.syllables import count_syllables
from tests.unit.catalog.lyrics.syllable_lines import DIVIDED, syllables_of, text_of

HARD = {
    "es": "pa-ís o-ír U-ru-guay buey ley yo y ci-güe-ña cui-dar viu-da vein-tiún ca-í-a le-er po-e-ta lí-ne-a a-hí "
    "rí-o hoy muy rey pla-ya o-ye hé-ro-e gue-rra quien fuis-te a-ún con-ti-nú-o Eu-ro-pa au-to-bús a-ve-ri-guáis",
    "de": "Lie-be Häu-ser Mai Kaf-fee See be-en-den ge-ehrt The-a-ter Ru-i-ne Trau-er Bau-er Knie Yacht Rhyth-mus "
    "Quel-le Feu-er Eu-len Nä-he Mäd-chen",
    "nl": "mooi-e leeuw nieuw zo-als ge-ë-in-digd be-a-men trou-wen koei-en vloer ijs blij-ven",
    "hr": "sr-ce krv vrt trg dr-vo mrak sport zvi-je-zda",
    "sr": "ср-це трг зве-зда",
    "tr": "şa-ir hâ-lâ sa-at-ler i-yi o-ku-yo-rum",
    "hu": "sze-ret-lek é-des fi-ú-i",
    "ru": "е-ё тво-я в~лес о-на",
    "uk": "ї-ї лю-бов з~то-бо-ю",
    "pl": "w~do-mu z~to-bą nie-bo",
    "ta": "நான் உன்-னை கா-த-லி-க்கி-றேன்",
    "te": "నే-ను ప్రే-మి-స్తు-న్నా-ను",
    "bn": "আ-মি ভা-লো-বা-সি আ-কাশ আ-মার",
    "pa": "ਘਰ ਜਾਂ-ਦਾ",
    "gu": "ઘ-રે",
    "mr": "घ-री",
    "hi": "खिड़-की लड़-का स-मझ ब-दल क-मल बा-दल मन-चा-हा ॐ",
}


@pytest.mark.parametrize("language", sorted(DIVIDED))
def test_lines_have_the_syllables_that_are_sung(language: str) -> None:
    lines = DIVIDED[language]
    assert len(set(lines)) >= 12
    counted = {line: count_syllables(text_of(line), language) for line in lines}
    wrong = {line: count for line, count in counted.items() if count != syllables_of(line)}
    assert all(abs(count - syllables_of(line)) == 1 for line, count in wrong.items()), wrong
    assert len(wrong) <= 1, wrong


@pytest.mark.parametrize("language", sorted(HARD))
def test_words_that_are_hard_to_divide(language: str) -> None:
    wrong = {
        word: count
        for word in HARD[language].split()
        if (count := count_syllables(text_of(word), language)) != syllables_of(word)
    }
    assert wrong == {}


@pytest.mark.parametrize(
    ("text", "language", "syllables"),
    [
        ("أُحِبُّكَ يَا لَيْلَى", "ar", 7),
        ("I love you", "ru", 3),
        ("夜 und 7", "de", 3),
        ("в", "ru", 1),
        ("в…", "ru", 1),
        ("", "hi", 0),
        ("। ॥", "hi", 0),
        ("मैं rock 夜", "hi", 3),
    ],
)
def test_mixed_and_pointed_text(text: str, language: str, syllables: int) -> None:
    assert count_syllables(text, language) == syllables


@pytest.mark.parametrize(
    ("text", "language", "former", "now"),
    [
        ("und niemand hört mein Herz", "de", 10, 6),
        ("так річки пісню", "uk", 8, 5),
        ("मेरा दिल", "hi", 4, 3),
        ("Seven ferries on the bay", "en", 7, 7),
        ("夜 の 街 7", "ja", 4, 4),
    ],
)
def test_the_former_count_stays_what_it_was(text: str, language: str, former: int, now: int) -> None:
    """By pyphen's patterns: what recipes of the guide from before the rules hold."""
    assert count_syllables(text, language, former=True) == former
    assert count_syllables(text, language) == now


@settings(deadline=None)  # a language's dictionary is read at its first word
@given(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.sampled_from([*DIVIDED, "ta", "ar", "he", "th", "hr", "xx", "pt-BR"]),
)
def test_any_text_is_counted_without_fail(text: str, language: str) -> None:
    count = count_syllables(text, language)
    assert 0 <= count <= 4 * len(text)
    assert (count > 0) >= any(character.isalpha() and character.isascii() for character in text)
