"""The scorers, in order; a new one is one line here and its metrics in :mod:`tasks.scoring.specs`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from catalog.common.errors import MachineError
from catalog.common.packages import missing_packages
from catalog.selection.metrics import MetricSpec
from tasks.scoring import judge_specs, specs
from tasks.scoring.just_noticeable import with_step
from tasks.separation.demucs.models import PACKAGES as STEM_PACKAGES
from tasks.style.mulan.names import MUQ_MULAN
from tasks.style.mulan.names import PACKAGES as MULAN_PACKAGES

if TYPE_CHECKING:
    from tasks.scoring.base import Scorer

AUDIOBOX, CLAP, WHISPER = "audiobox-aesthetics", "clap-music", "whisper-large-v3"
WORDS, VOCALS = "diffrhythm-data", "htdemucs"
"""Names in the registry of models: the language data for phonemes, and the voice separator."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A scorer as far as it can be known without loading it; ``path`` is ``module:class``.

    ``revision`` is raised whenever a reading of the scorer may change: every candidate is then scored again.
    """

    name: str
    revision: int
    metrics: tuple[MetricSpec, ...]
    path: str

    def kind(self) -> Any:
        """Its class; imports its module."""
        module, _, attribute = self.path.partition(":")
        return getattr(import_module(module), attribute)

    def load(self) -> Scorer:
        """The scorer itself."""
        scorer: Scorer = self.kind()()
        return scorer


@dataclass(frozen=True, slots=True)
class Judge(Registered):
    """A scorer that uses ``models`` of the registry; it runs only where a policy names one of its metrics.

    Its ``packages`` (by import name) come with Songline's ``extras``. ``reads_lyrics`` puts the song's words into its
    request; for the other judges a changed word causes no new request.
    """

    models: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    reads_lyrics: bool = False

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed on this machine."""
        return tuple(missing_packages(self.packages))


SCORERS: tuple[Registered, ...] = (
    Registered("technical", 3, specs.TECHNICAL, "tasks.scoring.measures.technical:TechnicalScorer"),
    Registered("adherence", 1, specs.ADHERENCE, "tasks.scoring.measures.adherence:AdherenceScorer"),
)
"""The scorers that run for every candidate."""

_TRANSFORMERS = ("torch", "transformers", "tokenizers", "safetensors")
_VOICE = ("faster_whisper", "phonemizer", "espeakng_loader", "inflect", "jieba", "cn2an", "pypinyin")

JUDGES: tuple[Judge, ...] = (
    Judge("mulan", 1, specs.MULAN, "tasks.scoring.judges.mulan:MulanScorer", (MUQ_MULAN,), ("mulan",), MULAN_PACKAGES),
    Judge("clap", 1, judge_specs.CLAP, "tasks.scoring.judges.clap:ClapScorer", (CLAP,), ("clap",), _TRANSFORMERS),
    Judge(
        "aesthetics",
        1,
        judge_specs.AESTHETICS,
        "tasks.scoring.judges.aesthetics:AestheticsScorer",
        (AUDIOBOX,),
        ("aesthetics",),
        ("torch", "audiobox_aesthetics"),
    ),
    Judge(
        "lyrics",
        1,
        judge_specs.LYRICS,
        "tasks.scoring.judges.lyrics:LyricsScorer",
        (WHISPER, WORDS, VOCALS),
        ("lyrics", "stems"),
        (*_VOICE, *STEM_PACKAGES),
        reads_lyrics=True,
    ),
    Judge(
        "lyrics_mix",
        1,
        judge_specs.LYRICS_MIX,
        "tasks.scoring.judges.lyrics:MixLyricsScorer",
        (WHISPER, WORDS),
        ("lyrics",),
        _VOICE,
        reads_lyrics=True,
    ),
)
"""The scorers that need models; ``path`` is a class that :func:`tasks.scoring.load_judge.load_judge` creates."""


WORDS_FAMILY = "lyrics"


def metric_specs() -> dict[str, MetricSpec]:
    """Every metric by name with its just-noticeable step, in the order of the scorers."""
    return {spec.name: with_step(spec) for scorer in (*SCORERS, *JUDGES) for spec in scorer.metrics}


def scorer_revisions() -> dict[str, int]:
    """The revision of every scorer that runs for every candidate, by name."""
    return {scorer.name: scorer.revision for scorer in SCORERS}


def judges_for(metrics: Collection[str], *, is_sung: bool = True) -> tuple[Judge, ...]:
    """The judges of any of these metrics; for a song that is not sung, metrics of its words are left out."""
    metric_names = set(metrics) if is_sung else set(metrics) - metrics_of_words()
    return tuple(judge for judge in JUDGES if any(spec.name in metric_names for spec in judge.metrics))


def metrics_of_words() -> frozenset[str]:
    """The metrics that compare the singing with the words."""
    return frozenset(
        spec.name for scorer in (*SCORERS, *JUDGES) for spec in scorer.metrics if spec.family == WORDS_FAMILY
    )


def require_packages(judges: Collection[Judge]) -> None:
    """Raise MachineError with the one command that installs the missing packages of these judges, if any."""
    incomplete_judges = [judge for judge in judges if judge.missing]
    if not incomplete_judges:
        return
    packages = sorted({package for judge in incomplete_judges for package in judge.missing})
    extras = sorted({extra for judge in incomplete_judges for extra in judge.extras})
    names = ", ".join(judge.name for judge in incomplete_judges)
    raise MachineError(
        f"the policy asks {names}, and {_are_not(packages)} installed",
        remedy=f"Run `{install_command(*extras)}`",
        judges=names,
    )


def install_command(*extras: str) -> str:
    """The command that installs the packages of extras."""
    return f"pip install 'songline[{','.join(extras)}]'"


def judge_named(name: str) -> Judge:
    """The judge of that name. Raises KeyError where there is none."""
    return {judge.name: judge for judge in JUDGES}[name]


def models_of_scorer(name: str) -> tuple[str, ...]:
    """The registry's names of the models that a scorer uses; empty where it uses none."""
    return next((judge.models for judge in JUDGES if judge.name == name), ())


def load_scorers() -> tuple[Scorer, ...]:
    """Every scorer that needs no model, loaded, in order."""
    return tuple(scorer.load() for scorer in SCORERS)


def _are_not(packages: list[str]) -> str:
    return f"{', '.join(packages)} {'is' if len(packages) == 1 else 'are'} not"
