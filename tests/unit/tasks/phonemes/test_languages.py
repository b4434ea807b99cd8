"""The phonemes of other languages: each gives phones, numbers in its own words, and homophones are one."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from tasks.phonemes.languages import READ, VOICES, phones_of

needs_espeak = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("phonemizer", "espeakng_loader")),
    reason="NOT TESTED: the extra lyrics is not installed",
)

LINES = {
    "ar": "أنا أحبك يا بيروت", "bg": "аз вървя сам", "bn": "আমি তোমাকে ভালোবাসি", "ca": "camino sol per la ciutat",
    "cs": "jdu domů sám", "da": "jeg går alene hjem", "de": "ich höre deine Stimme", "el": "σε αγαπώ πολύ",
    "es": "camino solo por la ciudad", "fa": "من تو را دوست دارم", "fi": "kävelen kotiin yksin",
    "fr": "où vont les rêves perdus", "hi": "मैं घर जा रहा हूँ", "hr": "idem sam kući", "hu": "hazamegyek egyedül",
    "id": "aku pulang", "it": "ho perso la strada", "ja": "うちにかえる", "ko": "나는 집에 간다", "mr": "मी घरी जातो",
    "nb": "jeg går hjem", "nl": "ik loop alleen", "no": "jeg går hjem", "pl": "idę sam przez miasto",
    "pt": "não sei se vais voltar", "ro": "merg acasă singur", "ru": "я иду домой под дождём", "sk": "idem sám domov",
    "sv": "jag går hem ensam", "sw": "ninakupenda sana", "ta": "நான் உன்னை காதலிக்கிறேன்",
    "te": "నేను నిన్ను ప్రేమిస్తున్నాను", "tr": "yağmur altında", "uk": "я іду додому", "ur": "میں تم سے پیار کرتا ہوں",
    "vi": "tôi đi về nhà",
}  # fmt: skip

HOMOPHONES = [
    ("es", "tuvo vaca", "tubo baca"),
    ("fr", "les verts", "les vers"),
    ("de", "das Lied", "das Lid"),
    ("it", "ha perso", "a perso!"),
    ("ru", "плод", "плот"),
    ("pl", "morze", "może"),
    ("ja", "ぼく は", "ボクハ"),
    ("ja", "ﾎﾞｸﾊ", "ぼくは"),
    ("hi", "घर २५", "घर 25"),
    ("de", "21 Tage", "einundzwanzig Tage"),
    ("it", "8", "otto"),
    ("ur", "۲۵ گانے", "25 گانے"),
]


def test_every_language_with_rules_has_a_line_here() -> None:
    assert set(LINES) == READ == {*VOICES, "ja"}


@needs_espeak
@pytest.mark.parametrize("language", sorted(LINES))
def test_a_line_gives_phones_without_gaps_and_marks(language: str) -> None:
    phones = phones_of(f"«{LINES[language]}…»", language)
    assert len(phones) >= 8
    assert all(phone.strip() and phone.isprintable() for phone in phones)
    assert not set("".join(phones)) & set(" |_,.?!;…«»¿ˈˌ()")
    assert phones == phones_of(LINES[language], f"{language}-XX")


@needs_espeak
@pytest.mark.parametrize(("language", "one", "other"), HOMOPHONES)
def test_what_sounds_the_same_is_the_same(language: str, one: str, other: str) -> None:
    assert phones_of(one, language) == phones_of(other, language)


@needs_espeak
@pytest.mark.parametrize(
    ("language", "one", "other"), [("es", "pero", "perro"), ("de", "Hut", "Mut"), ("ko", "집", "짐")]
)
def test_what_sounds_different_is_not(language: str, one: str, other: str) -> None:
    assert phones_of(one, language) != phones_of(other, language)


def test_a_kanji_stands_for_itself_since_it_has_several_readings() -> None:
    assert phones_of("夜の街 A3", "ja") == ("夜", "n", "oʊ", "街", "a", "3")


@needs_espeak
@pytest.mark.parametrize("language", ["de", "ar", "ja"])
def test_where_nothing_is_spoken_there_are_no_phones(language: str) -> None:
    assert phones_of(" …!? ♪ ", language) == ()


@needs_espeak
def test_english_is_read_as_before_whatever_was_read_in_between() -> None:
    from tasks.phonemes.english import english_phones

    before = english_phones("Don't stop the rain, 7 days")
    for language in ("ru", "vi", "de"):
        phones_of(LINES[language], language)
    assert english_phones("Don't stop the rain, 7 days") == before
