"""What the language of a song, or having no words, means for its scores, in sentences for ``validate``."""

from __future__ import annotations

from collections.abc import Iterator

from catalog.album.album import Song
from catalog.album.notices import Notice
from catalog.common.text import listed
from catalog.lyrics.languages import is_listed, language_code, language_name
from catalog.lyrics.scripts import is_foreign, language_of_script
from catalog.selection.policy import Policy
from tasks.scoring.judges.languages import ENGINE_RULES, SPOKEN, TRANSCRIBED
from tasks.scoring.registry import metrics_of_words

VOICE_METRIC = "unwanted_voice_lu"
VOICE_GATE = f"{VOICE_METRIC}: {{max: -15}}"

PHONEME_ERRORS = ("lyric_per", "lyric_mix_per")


def language_notices(song: Song, policy: Policy) -> Iterator[Notice]:
    """Remarks on a song's language: words in the letters of another one, a code without a name, and what the policy's
    judges of lyrics make of it."""
    words = " ".join(line.text for line in song.lyrics.sung)
    if is_foreign(words, song.language):
        usual = language_of_script(words)
        fault = f"The words are not written in the letters of {language_name(song.language)}: set `language: {usual}`"
        yield Notice("warning", "language", f"{fault}, or the language that they are in.")
    if not is_listed(song.language):
        known = "Songline knows no language of that code; tags and pages get it as it is written."
        yield Notice("warning", "language", known)
    named = sorted(metrics_of_words() & policy.named)
    if song.instrumental or not named:
        return
    name, code = language_name(song.language), language_code(song.language)
    if code not in TRANSCRIBED:
        metrics = f"{listed(named)} {'has' if len(named) == 1 else 'have'} no reading, and a gate on it fails"
        yield Notice("warning", "language", f"The judges of lyrics cannot transcribe {name}: {metrics}.")
    elif code not in ENGINE_RULES | SPOKEN and (counted := [each for each in PHONEME_ERRORS if each in named]):
        verb = "counts" if len(counted) == 1 else "count"
        message = f"There are no rules for the phonemes of {name}: {listed(counted)} {verb} characters instead."
        yield Notice("hint", "language", message)


def wordless_notices(song: Song, policy: Policy, *, engine_sings: bool) -> Iterator[Notice]:
    """A hint for a song without words on an engine that sings, where no gate would reject a voice in it."""
    if song.instrumental and engine_sings and VOICE_METRIC not in policy.limits:
        message = f"Nothing rejects a take in which somebody sings: a gate `{VOICE_GATE}` under `selection` does."
        yield Notice("hint", "title", message)
