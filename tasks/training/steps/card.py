"""The card of an adapter: what it was made from, by which rights, how its training went, and how to use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from catalog.common.digests import Json
from catalog.common.text import counted
from tasks.training.steps.progress import Point

SHOWN_PARAMETERS = (
    *("rank", "alpha", "steps", "batch", "accumulation", "learning_rate", "warm_up", "ema", "drop_words"),
    *("drop_style", "crop_frames", "evaluate_every", "patience", "seed", "dtype"),
)
_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>()#+-.!|~"})


def card(parameters: Mapping[str, Json], result: Mapping[str, Json], curve: Sequence[Point]) -> str:
    """The card as Markdown, of a training's parameters, its result and its curve; what the user wrote is escaped."""
    return "\n".join(
        [
            "# LoRA adapter",
            "",
            f"Trained by Songline for `{parameters['base']['name']}`; rotary tables: {parameters['rope']}.",
            f"Adapter digest: `{result['digest']}`",
            "",
            "## Rights",
            "",
            _plain(parameters["rights"]),
            "",
            "Commercial albums may use it, as far as the network's own licence allows."
            if parameters["commercial"]
            else "Commercial albums may not use it.",
            "",
            "## Songs",
            "",
            *_songs(parameters["songs"]),
            "",
            "## How the training went",
            "",
            *_course(result),
            "",
            *_curve(curve),
            "",
            "## Likeness to the songs",
            "",
            *_likenesses(result["copies"]),
            "",
            "## Parameters",
            "",
            *(f"- {name}: {parameters['training'][name]}" for name in SHOWN_PARAMETERS),
            f"- targets: {', '.join(parameters['training']['targets'])}",
            "",
        ]
    )


def likeness_sentence(likeness: Mapping[str, Json]) -> str:
    """One finding of the copy check, for people."""
    if likeness["is_close"]:
        place = clock(likeness["song_s"])
        return f"at {clock(likeness['latent_s'])} it is close to {likeness['song']} at {place}"
    correlation = f"correlation {likeness['correlation']:.2f}"
    return f"nothing is close to a song; the most similar is {likeness['song']} ({correlation})"


def copied_sentence(copy: Mapping[str, Json]) -> str:
    """One finding of the copy check with the song whose words and style were sung again."""
    return f"Sung with the words and style of {copy['take']}: {likeness_sentence(copy)}"


def summary(result: Mapping[str, Json]) -> str:
    """How a training ended, for people."""
    early = result["stopped"] == "early"
    ending = "it ended when the held-out loss no longer fell" if early else "as many as were asked for"
    return f"{counted(result['steps'], 'step')}: {ending}. The adapter is that of step {result['best_step']}."


def clock(seconds: float) -> str:
    """A time as ``1:05``."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _plain(text: str) -> str:
    return text.translate(_MARKUP)


def _songs(songs: Sequence[Mapping[str, Json]]) -> list[str]:
    lines = []
    for song in songs:
        words = counted(len(song["lines"]), "line") if song["lines"] else "no words"
        use = ", held out" if song["held_out"] else ""
        lines.append(f"- {_plain(song['name'])} ({clock(song['duration_s'])}, {words}{use})")
    return lines


def _course(result: Mapping[str, Json]) -> list[str]:
    lines = [summary(result)]
    if result["held_out_loss"] is not None and result["untrained_loss"]:
        share = 100 * (1 - result["held_out_loss"] / result["untrained_loss"])
        before, after = result["untrained_loss"], result["held_out_loss"]
        lines.append(f"Held-out loss: {before:.4f} before, {after:.4f} at that step ({share:.1f} % lower).")
    else:
        lines.append("No song was held out, so nothing says how well it does on songs that it has not learned.")
    return lines


def _curve(curve: Sequence[Point]) -> list[str]:
    """The evaluated points as a table; without any, ten of the training loss."""
    points = [point for point in curve if point.held_out is not None] or list(curve[:: max(1, len(curve) // 10)])
    lines = ["| step | loss | held-out loss |", "| --- | --- | --- |"]
    return lines + [f"| {point.step} | {_figure(point.loss)} | {_figure(point.held_out)} |" for point in points]


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _likenesses(copies: Sequence[Mapping[str, Json]]) -> list[str]:
    if not copies:
        return ["It was not checked."]
    return [f"- {_plain(copied_sentence(copy))}" for copy in copies]
