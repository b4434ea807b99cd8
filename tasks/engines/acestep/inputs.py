"""A song's inputs for this engine: its texts, and what of its fields is refused, doubtful or without effect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.album.tempo_and_key import bpm_from_prompt, key_from_prompt, parse_key
from catalog.common.errors import InputError, MachineError
from catalog.lyrics.languages import language_code
from catalog.lyrics.lyrics import LyricLine, Lyrics
from catalog.lyrics.singing_rate import dense_words_warning
from catalog.models.store import ModelStore
from tasks.engines.acestep.names import FRAME_RATE_HZ, LONGEST_S, SHORTEST_S
from tasks.engines.acestep.settings import AceStepSettings
from tasks.engines.acestep.texts import (
    MAX_LYRIC_TOKENS,
    MAX_PROMPT_TOKENS,
    Conditions,
    TooLong,
    fitting_caption,
    prompt_text,
    song_lyrics,
    special_mark,
)
from tasks.engines.acestep.tokens import Count, token_counter
from tasks.engines.adapters.stated import adapter_notices, without_effect

LANGUAGES = frozenset(
    (
        *("ar", "az", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fr", "he", "hi", "hr"),
        *("ht", "hu", "id", "is", "it", "ja", "ko", "la", "lt", "ms", "ne", "nl", "no", "pa", "pl", "pt", "ro"),
        *("ru", "sa", "sk", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "yue", "zh"),
    )
)
"""The languages that the authors list."""

WRITTEN_FORMS: Mapping[str, str] = {"nb": "no", "nn": "no"}
"""Languages of which the authors list another code: the two written forms of Norwegian."""


@dataclass(frozen=True, slots=True)
class SongTexts:
    """Both texts of a song as they are tokenised, and how many characters of its prompt were left out."""

    prompt: str
    lyrics: str
    left_out: int


def song_texts(song: Song, settings: AceStepSettings, count: Count) -> SongTexts:
    """The texts of a song. Raises InputError for a length, a mark or lyrics that the model does not take."""
    conditions = conditions_of(song, settings)
    check_marks(song.lyrics, song.prompt or "")
    caption = (song.prompt or "").strip()
    fitting = fitting_caption(caption, conditions, count)
    lyrics = song_lyrics(song.lyrics, sung_language(song.language), count)
    return SongTexts(prompt_text(fitting, conditions), lyrics, len(caption) - len(fitting))


def conditions_of(song: Song, settings: AceStepSettings) -> Conditions:
    """Tempo, key, meter and length: of the song's fields, else of its prompt. Raises InputError for a length."""
    bpm = song.bpm if song.bpm is not None else bpm_from_prompt(song.prompt)
    key = parse_key(song.key) if song.key is not None else key_from_prompt(song.prompt)
    whole_bpm = round(bpm) if bpm is not None else None
    return Conditions(whole_bpm, key, settings.time_signature, checked_length(song.length_s))


def checked_length(length_s: float) -> int:
    """The length in whole seconds. Raises InputError for one that the model does not make."""
    if length_s != int(length_s) or not SHORTEST_S <= length_s <= LONGEST_S:
        raise InputError(
            f"ACE-Step makes whole seconds from {SHORTEST_S} to {LONGEST_S}, not {length_s:g} s",
            remedy=f"Set `length_s` to one of {SHORTEST_S} to {LONGEST_S}",
        )
    return int(length_s)


def frames_of(length_s: float) -> int:
    """The frames of the latents. Raises InputError for a length that the model does not make."""
    return checked_length(length_s) * FRAME_RATE_HZ


def sung_language(tag: str) -> str:
    """A tag's language as the model knows languages: ``pt-BR`` is ``pt``, ``cmn`` is ``zh``."""
    code = language_code(tag)
    return WRITTEN_FORMS.get(code, code)


def check_marks(lyrics: Lyrics, prompt: str) -> None:
    """Raise InputError where a text holds a mark that the tokenizer would not read as words."""
    for what, text in (("prompt", prompt), *(("lyrics", _written(line)) for line in lyrics.lines)):
        if mark := special_mark(text):
            raise InputError(f"the {what} hold{'s' * (what == 'prompt')} {mark!r}", remedy="Remove it")


def faults(song: Song, settings: AceStepSettings, models: ModelStore) -> Iterator[Notice]:
    """The faults of a song's fields that this engine would refuse, without the texts' budgets."""
    try:
        checked_length(song.length_s)
    except InputError as error:
        yield Notice("fault", "length_s", error.what, error.remedy)
    if special_mark(song.prompt or ""):
        yield Notice("fault", "prompt", f"the prompt holds {special_mark(song.prompt or '')!r}", "Remove it")
    for line in song.lyrics.lines:
        if mark := special_mark(_written(line)):
            yield Notice("fault", "lyrics", f"the lyrics hold {mark!r}", "Remove it", line=line.line)
    notices = adapter_notices(settings.adapters, models, settings.network)
    yield from (notice for notice in notices if notice.kind == "fault")


def warnings(song: Song, settings: AceStepSettings, models: ModelStore) -> Iterator[Notice]:
    """What is doubtful about a song without faults."""
    if song.lyrics.sung and song.lyrics.timed:
        message = "ACE-Step does not keep the times of the lyrics: it sings the lines in order, when it likes."
        yield Notice("warning", "lyrics", message)
    if dense := dense_words_warning(song.lyrics, length_s=song.length_s, language=song.language):
        yield Notice("warning", "lyrics", dense)
    if not song.instrumental and sung_language(song.language) not in LANGUAGES:
        message = f"Its authors do not list {song.language!r} among the languages that ACE-Step sings."
        yield Notice("warning", "language", message)
    if song.bpm is not None and song.bpm != round(song.bpm):
        message = f"ACE-Step takes whole beats per minute: it gets {round(song.bpm)}."
        yield Notice("warning", "bpm", message)
    yield from adapter_notices(settings.adapters, models, settings.network)
    yield from budget_notices(song, settings, models)


def budget_notices(song: Song, settings: AceStepSettings, models: ModelStore) -> Iterator[Notice]:
    """Texts that are longer than the model reads: lyrics are a fault, a prompt is shortened.

    Where the tokenizer is not here, a hint: unless the texts are so short that they fit whatever their tokens.
    """
    try:
        texts = song_texts(song, settings, _counter_or_bytes(song, settings, models))
    except TooLong as error:
        yield Notice("fault", "lyrics", error.what, error.remedy, line=error.line or None)
    except MachineError as error:
        message = f"Whether the texts fit into the model's budgets was not checked: {error}"
        yield Notice("hint", "prompt", message)
    else:
        if texts.left_out:
            message = (
                f"The prompt is longer than the {MAX_PROMPT_TOKENS} tokens that ACE-Step reads: "
                f"its last {texts.left_out} characters are left out."
            )
            yield Notice("warning", "prompt", message)


def unused(song: Song, settings: AceStepSettings) -> Iterator[tuple[str, str]]:
    """Fields that are set and have no effect, each with a sentence."""
    if song.style is not None:
        yield "style", "ACE-Step does not use `style`: prompt and reference give the style."
    yield from without_effect(settings.adapters)


def _written(line: LyricLine) -> str:
    """What the model reads of a line: its words, and the label of the section that begins with it."""
    return f"{line.section}\n{line.text}"


def _counter_or_bytes(song: Song, settings: AceStepSettings, models: ModelStore) -> Count:
    """The tokenizer's counter, or for short texts their bytes, of which a token never has less than one."""
    try:
        return token_counter(models)
    except MachineError:
        texts = song_texts(song, settings, _no_tokens)
        if _bytes(texts.prompt) <= MAX_PROMPT_TOKENS and _bytes(texts.lyrics) <= MAX_LYRIC_TOKENS:
            return _bytes
        raise


def _bytes(text: str) -> int:
    return len(text.encode()) + 1  # the tokenizer may add an end mark of its own


def _no_tokens(_: str) -> int:
    return 0
