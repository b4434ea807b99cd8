"""A line of lyrics to tokens, each run of it by its own language's rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from catalog.common.errors import InputError
from tasks.phonemes.chinese.bopomofo import load_syllables
from tasks.phonemes.chinese.chinese import chinese_phones, has_numerals
from tasks.phonemes.chinese.polyphones import load_polyphones
from tasks.phonemes.chinese.readings import LexiconReadings, PypinyinReadings, Reading, Readings, load_lexicon
from tasks.phonemes.english import english_phones
from tasks.phonemes.espeak import espeak_version
from tasks.phonemes.kana import kana_phones
from tasks.phonemes.numerals import has_digits
from tasks.phonemes.segments import Segment, plain, published_segments, segments
from tasks.phonemes.spoken_notes import notes_on
from tasks.phonemes.symbols.packages import version
from tasks.phonemes.symbols.vocabulary import WORD_GAP, Vocabulary, load_vocabulary, without_gaps_and_marks

if TYPE_CHECKING:
    from catalog.models.store import InstalledModel

_KEPT_LINES = 4096


@dataclass(frozen=True, slots=True)
class Spoken:
    """One line as the model sings it.

    ``phones`` are all that were read, ``tokens`` those that the model has (a token is the id plus one), ``dropped`` the
    others. ``notes`` describe changes to the line beyond reading it, ``versions`` everything the result depends on.
    """

    phones: tuple[str, ...]
    tokens: tuple[int, ...]
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    words: tuple[tuple[Reading, ...], ...] = ()


@dataclass(slots=True)
class _Phones:
    """The phones of a line so far."""

    phones: list[str] = field(default_factory=list)
    words: list[tuple[Reading, ...]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)


class Reader:
    """Reads lines with the files of ``diffrhythm-data``, and of ``diffrhythm-chinese`` where it is installed.

    Nothing is loaded before a line needs it, and loaded data stays for the life of the process. A line is read once.
    """

    def __init__(self, vocabulary: Vocabulary, *, chinese: Callable[[], Readings]) -> None:
        self._vocabulary = vocabulary
        self._load_readings = chinese
        self._kept = lru_cache(maxsize=_KEPT_LINES)(self._tokens)

    @classmethod
    def of(cls, data: InstalledModel, chinese: InstalledModel | None = None) -> Reader:
        """A reader with the installed files. Raises InputError where ``vocab.json`` is no table of symbols."""
        return cls(load_vocabulary(data.path("vocab.json")), chinese=lambda: _chinese_readings(data, chinese))

    def tokens(self, text: str, language: str) -> Spoken:
        """A line of a song in ``language`` (``en``, ``zh``, …), which decides only how digits alone are read.

        Never fails because of the text: unreadable parts are reported in the notes.
        """
        return self._kept(text, language)

    def published(self, text: str) -> Spoken:
        """A line exactly as the original reads it. Raises InputError for one without English or Chinese letters."""
        runs = published_segments(text)
        if runs[0].language not in {"en", "zh"}:
            raise InputError(f"Unknown language: {runs[0].language}")
        return self._spoken(runs, is_complete=False)

    def _tokens(self, text: str, language: str) -> Spoken:
        readable, unread_letters = plain(text)
        runs = segments(readable, language)
        reading = self._spoken(runs, is_complete=True)
        is_sung = bool(self._vocabulary.tokens(without_gaps_and_marks(reading.phones))[0])
        notes = notes_on(runs, unread=unread_letters, dropped=reading.dropped, is_sung=is_sung)
        if not is_sung:
            reading = replace(reading, phones=(), tokens=())
        return replace(reading, notes=notes if text.strip() else ())

    def _spoken(self, runs: Sequence[Segment], *, is_complete: bool) -> Spoken:
        phone_lists = _Phones()
        for run in runs:
            if run.language == "zh":
                self._read_chinese(run.text, phone_lists, is_complete=is_complete)
            elif run.language == "en":
                _read_english(run.text, phone_lists)
            else:
                phone_lists.phones += kana_phones(run.text)
        if runs and runs[-1].language == "en" and phone_lists.phones[-1:] == [WORD_GAP]:
            del phone_lists.phones[-1]
        tokens, dropped_phones = self._vocabulary.tokens(phone_lists.phones)
        return Spoken(
            phones=tuple(phone_lists.phones),
            tokens=tokens,
            dropped=dropped_phones,
            versions=phone_lists.versions,
            segments=tuple(runs),
            words=tuple(phone_lists.words),
        )

    def _read_chinese(self, text: str, read: _Phones, *, is_complete: bool) -> None:
        phones, words = chinese_phones(text, self._readings, is_complete=is_complete)
        read.phones += phones
        read.words.append(tuple(words))
        read.versions |= {"jieba": version("jieba"), **self._readings.versions}
        if has_numerals(text):
            read.versions["cn2an"] = version("cn2an")

    @cached_property
    def _readings(self) -> Readings:
        return self._load_readings()


def _read_english(text: str, read: _Phones) -> None:
    read.phones += english_phones(text)
    read.versions |= {"espeak-ng": espeak_version(), "phonemizer": version("phonemizer")}
    if has_digits(text):
        read.versions["inflect"] = version("inflect")


def _chinese_readings(data: InstalledModel, chinese: InstalledModel | None) -> Readings:
    """The published lexicon and polyphone model where they are installed, else pypinyin."""
    table = load_syllables(data.path("pinyin_2_bpmf.txt"))
    if chinese is None:
        return PypinyinReadings(table)
    return LexiconReadings(
        load_lexicon(chinese.path("chinese_lexicon.txt")),
        table=table,
        polyphonic=frozenset(data.path("polychar.txt").read_text(encoding="utf-8").split()),
        polyphones=load_polyphones(
            model=chinese.path("poly_bert_model.onnx"),
            vocabulary=chinese.path("vocab.txt"),
            readings=chinese.path("polydict.json"),
        ),
        versions={
            "lexicon": chinese.digests["chinese_lexicon.txt"],
            "polyphones": chinese.digests["poly_bert_model.onnx"],
        },
    )
