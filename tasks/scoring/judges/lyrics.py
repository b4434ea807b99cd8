"""Lyric accuracy as a judge: whether the expected words are sung, and at their time.

The voice is separated from the mix and transcribed with the language fixed, and both texts are converted into phonemes,
so that only differences in sound count: English and Chinese by the engine's own rules, other languages by espeak-ng
(:mod:`tasks.phonemes.languages`). Where there are no rules for a language its characters count in place of phonemes.
Of several passes the one nearest to the lyrics counts: a transcriber mishears singing more often than it invents the
right words.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Protocol

from catalog.lyrics.languages import language_code
from catalog.selection.metrics import Measured, MetricSpec, NotMeasurable, Reading, Window
from tasks.audio.audio import Audio
from tasks.audio.metering.loudness import integrated_lufs
from tasks.audio.validity import unreadable
from tasks.scoring.base import Brief
from tasks.scoring.judge_specs import LYRICS, LYRICS_MIX
from tasks.scoring.judges.alignment import Line, TranscribedLine, Unit, aligned, error_rate
from tasks.scoring.judges.languages import ENGINE_RULES, SPOKEN, transcribed_as
from tasks.scoring.judges.transcript import Phrase, Whisper
from tasks.scoring.judges.windows import at_listening_level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from catalog.common.settings import Settings
    from catalog.models.store import InstalledModel

TOLERANCE_S = 4.0
"""How far outside its time a line may be transcribed: long phrases only have times for their ends."""

LONGEST_LINE_S = 15.0
"""The last line before an instrumental part does not last until the next one."""

NO_VOICE_LU = 30.0
"""A separated voice this far below the mix is leakage, from which a transcriber would only invent words."""

READ_ALOUD = ENGINE_RULES | SPOKEN
"""Languages with rules for phonemes: the engine's own, and those of espeak-ng."""

SILENT_VOICE_LU = -60.0
"""Used for a voice too quiet to be measured."""

_NO_WORDS = (NotMeasurable.not_stated("lyric"),) * 3

Sound = Callable[[str], tuple[str, ...]]


class Transcriber(Protocol):
    """Transcribes audio."""

    def knows(self, language: str) -> bool:
        """Whether it supports a language."""

    def passes(self, audio: Audio, language: str) -> Iterator[tuple[Phrase, ...]]:
        """The transcribed phrases, pass by pass."""


@dataclass(frozen=True, slots=True)
class LyricsModels:
    """The judge's models: a transcriber, a function from text to phonemes, and an optional voice separator."""

    transcriber: Transcriber
    phonemes: Callable[[str, str], tuple[str, ...]]
    voice: Callable[[Audio], Audio] | None = None


class LyricsScorer:
    """Scores the separated voice. Its readings have a window for each line instead of every ten seconds."""

    name: ClassVar[str] = "lyrics"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = LYRICS

    def __init__(self, model: LyricsModels, reference: Audio | None = None) -> None:
        self._model = model

    @staticmethod
    def load(models: Sequence[InstalledModel], settings: Settings) -> LyricsModels:
        """The judge's models. Raises MachineError."""
        from tasks.scoring.judges.voice import voice_of

        *ear_models, separator = models
        return _listening(ear_models, settings, voice_of(separator, settings))

    def score(self, audio: Audio, brief: Brief) -> Mapping[str, Reading]:
        """A reading for each of ``metrics``."""
        loudness = unreadable(audio) or integrated_lufs(audio)
        if isinstance(loudness, NotMeasurable):
            return self._named((loudness,) * len(self.metrics))
        has_words = any(_characters(text) for _, text in brief.lines)
        if self._model.voice is None:
            return self._named(self._words(audio, brief) if has_words else _NO_WORDS)
        voice = self._model.voice(audio)
        above_mix_lu = _above(voice, loudness.value)
        if not has_words:
            return self._named((*_NO_WORDS, Measured(above_mix_lu)))
        is_sung = above_mix_lu > -NO_VOICE_LU
        return self._named((*self._words(voice if is_sung else None, brief), NotMeasurable.not_stated("instrumental")))

    def _named(self, readings: Sequence[Reading]) -> Mapping[str, Reading]:
        return dict(zip((spec.name for spec in self.metrics), readings, strict=True))

    def _words(self, voice: Audio | None, brief: Brief) -> tuple[Reading, Reading, Reading]:
        """Phoneme errors, character errors and coverage of the transcribed words; without a voice, of none."""
        language = language_code(brief.language)
        code = transcribed_as(language)
        if not self._model.transcriber.knows(code):
            unknown_language = NotMeasurable(f"the transcriber does not know the language {brief.language!r}")
            return unknown_language, unknown_language, unknown_language
        level = at_listening_level(voice) if voice else NotMeasurable("nobody sings")
        transcripts = list(self._model.transcriber.passes(level, code)) if isinstance(level, Audio) else [()]
        characters = _best(brief, transcripts, _characters)
        phonemes = self._best_phonemes(brief, transcripts, language, otherwise=characters)
        if isinstance(phonemes, NotMeasurable):
            return phonemes, _rate(characters), _coverage(characters)
        return _rate(phonemes), _rate(characters), _coverage(phonemes)

    def _best_phonemes(
        self,
        brief: Brief,
        transcripts: Sequence[tuple[Phrase, ...]],
        language: str,
        *,
        otherwise: tuple[TranscribedLine, ...],
    ) -> tuple[TranscribedLine, ...] | NotMeasurable:
        """The lines by their phonemes, by their characters (``otherwise``) where there are no rules for them."""
        if language not in READ_ALOUD:
            return otherwise
        if any(self._model.phonemes(text, language) for _, text in brief.lines):
            return _best(brief, transcripts, lambda text: self._model.phonemes(text, language))
        if language in ENGINE_RULES:
            return NotMeasurable("no line has a sound that is read for English or Chinese")
        return otherwise


class MixLyricsScorer(LyricsScorer):
    """Scores the whole mix: needs no separation model, but transcribes the less of the words the louder the band is."""

    name: ClassVar[str] = "lyrics_mix"
    revision: ClassVar[int] = 1
    metrics: ClassVar[tuple[MetricSpec, ...]] = LYRICS_MIX

    @staticmethod
    def load(models: Sequence[InstalledModel], settings: Settings) -> LyricsModels:
        """The judge's models. Raises MachineError."""
        return _listening(models, settings, None)


def _listening(
    models: Sequence[InstalledModel], settings: Settings, voice: Callable[[Audio], Audio] | None
) -> LyricsModels:
    from tasks.phonemes.languages import phones_of
    from tasks.phonemes.reader import Reader
    from tasks.phonemes.symbols.vocabulary import without_gaps_and_marks

    whisper, words = models
    reader = Reader.of(words)

    def phonemes(text: str, language: str) -> tuple[str, ...]:
        if language not in ENGINE_RULES:
            return phones_of(text, language)
        return without_gaps_and_marks(reader.tokens(text, language).phones)

    def load() -> Transcriber:
        return Whisper.load(whisper.folder, device=settings.device_here)

    # A song without words needs its voice alone, not the 3 GB of a transcriber.
    return LyricsModels(_LoadedWhenNeeded(load) if voice else load(), phonemes, voice)


class _LoadedWhenNeeded:
    """A transcriber that is loaded by the first song with words."""

    def __init__(self, load: Callable[[], Transcriber]) -> None:
        self._transcriber = cache(load)

    def knows(self, language: str) -> bool:
        """See :class:`Transcriber`."""
        return self._transcriber().knows(language)

    def passes(self, audio: Audio, language: str) -> Iterator[tuple[Phrase, ...]]:
        """See :class:`Transcriber`."""
        return self._transcriber().passes(audio, language)


def _above(voice: Audio, mix_lufs: float) -> float:
    """Loudness of the voice relative to the mix, in LU."""
    loudness = integrated_lufs(voice)
    if isinstance(loudness, NotMeasurable):
        return SILENT_VOICE_LU
    return max(SILENT_VOICE_LU, loudness.value - mix_lufs)


def _best(brief: Brief, transcripts: Sequence[tuple[Phrase, ...]], units_of: Sound) -> tuple[TranscribedLine, ...]:
    """The lines according to the pass with the fewest edits."""
    lines = _lines(brief, units_of)
    return min((aligned(lines, _units(phrases, units_of)) for phrases in transcripts), key=error_rate)


def _lines(brief: Brief, units_of: Sound) -> list[Line]:
    starts_s = [start_s for start_s, _ in brief.lines]
    ends_s = [*starts_s[1:], brief.length_s]
    return [
        _line(start_s, end_s, units, brief.length_s)
        for (start_s, text), end_s in zip(brief.lines, ends_s, strict=True)
        if (units := units_of(text))
    ]


def _line(start_s: float | None, end_s: float | None, units: tuple[str, ...], length_s: float) -> Line:
    if start_s is None or end_s is None:
        return Line(0.0, length_s, units, timed=False)
    return Line(start_s, min(max(end_s, start_s), start_s + LONGEST_LINE_S), units)


def _window(result: TranscribedLine, value: float) -> Window:
    """The window of a line: its time; of a line without one the span in which it was transcribed."""
    start_s, end_s = (result.line.start_s, result.line.end_s) if result.line.timed else result.span_s or (0.0, 0.0)
    return Window(start_s, end_s, value)


def _units(phrases: Sequence[Phrase], units_of: Sound) -> list[Unit]:
    """The units of phrases, spread evenly over their time."""
    return [
        Unit(phrase.start_s + (phrase.end_s - phrase.start_s) * (index + 0.5) / len(units), unit)
        for phrase in phrases
        for units in [units_of(phrase.text)]
        for index, unit in enumerate(units)
    ]


def _rate(lines: Sequence[TranscribedLine]) -> Measured:
    windows = (_window(result, result.error_rate) for result in lines)
    return Measured(error_rate(lines), tuple(windows))


def _coverage(lines: Sequence[TranscribedLine]) -> Measured:
    windows = tuple(_window(result, float(result.is_covered(TOLERANCE_S))) for result in lines)
    return Measured(sum(window.value for window in windows) / len(windows), windows)


def _characters(text: str) -> tuple[str, ...]:
    """Letters, their marks and digits, in any notation: no case, no punctuation, no spaces."""
    folded_text = unicodedata.normalize("NFKC", text).casefold()
    return tuple(character for character in folded_text if unicodedata.category(character)[0] in "LMN")
