"""Sample a song with an exported DiffRhythm network: numpy, onnxruntime and the standard library alone.

    songline models export diffrhythm-1.2-base --to onnx --out base-onnx
    python sample.py base-onnx --out song.wav

Without ``--song`` it sings the three seconds of random tokens that ``check.npz`` holds.
"""

from __future__ import annotations

import argparse
import json
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnxruntime

UNGUIDED_BELOW = 1e-5


def load(folder: Path, name: str) -> onnxruntime.InferenceSession:
    """A file of the folder, on the CPU. Name other providers here, such as CUDAExecutionProvider, for a GPU."""
    return onnxruntime.InferenceSession(str(folder / name), providers=["CPUExecutionProvider"])


def read_song(folder: Path, file: Path | None) -> dict[str, np.ndarray]:
    """A song: ``text`` [T] tokens, 0 where nothing is sung, and ``style`` [512]; ``start_time``, ``duration``.

    It may bring its own ``noise`` [T, 64]. For an edit, ``known`` [T, 64] is the existing latent, and ``regenerate``
    [T] says which frames are made anew.
    """
    if file is not None:
        return dict(np.load(file))
    example = np.load(folder / "check.npz")
    return {name: example[name][0] for name in ("text", "style", "duration") if name in example}


def time_grid(plan: dict, steps: int | None, sway: float) -> np.ndarray:
    """Flow times from 0 (noise) to 1: the published ones, or other ones; negative sway puts more near the noise."""
    if steps is None and sway == 0:
        return np.float32(plan["sampling"]["grid"])
    even = np.linspace(0, 1, steps or plan["sampling"]["steps"])
    return np.float32(even + sway * (np.cos(np.pi / 2 * even) - 1 + even))


def rows_of(song: dict[str, np.ndarray], plan: dict, *, guided: bool) -> dict[str, np.ndarray]:
    """The inputs that stay the same: the song's row and, for guidance, the null row that it leads away from."""
    text = np.int64(song["text"])
    cond = np.zeros((len(text), 64), np.float32)
    if "known" in song:
        cond = np.float32(np.where(song["regenerate"][:, None], 0, song["known"][: len(text)]))
    rows = {"cond": [cond], "text": [text], "style": [song["style"]]}
    if guided:
        rows["cond"].append(np.zeros_like(cond))
        rows["text"].append(np.zeros_like(text))
        rows["style"].append(plan["sampling"]["negative_style"])
    for name in ("start_time", "duration"):
        rows[name] = [song.get(name, np.float32(0))] * len(rows["text"])
    return {
        name: np.array(rows[name], tensor["dtype"])
        for name, tensor in plan["network"]["inputs"].items()
        if name in rows
    }


def sample(network, song: dict, plan: dict, noise: np.ndarray, grid: np.ndarray, strength: float) -> np.ndarray:
    """The latent [T, 64] of a song, by Euler's method along the grid."""
    guided = strength >= UNGUIDED_BELOW
    rows = rows_of(song, plan, guided=guided)
    count = len(rows["text"])
    latent = noise.astype(np.float32)
    for now, then in pairwise(grid):
        moment = {"x": np.stack([latent] * count), "time": np.full(count, now)}
        velocity = network.run(None, {**rows, **moment})[0]
        step = velocity[0] + np.float32(strength) * (velocity[0] - velocity[1]) if guided else velocity[0]
        latent = latent + (then - now) * step
    if "known" in song:
        latent = np.where(song["regenerate"][:, None], latent, np.float32(song["known"][: len(latent)]))
    return latent


def decode(decoder, latent: np.ndarray, plan: dict) -> np.ndarray:
    """Audio [2, samples] of a latent, in overlapping chunks: each overwrites the one before from its 16th frame on."""
    sizes = plan["decoder"]
    samples, longest, frames = sizes["frame_samples"], sizes["chunk_frames"], len(latent)
    starts = list(range(0, max(frames - longest, 0) + 1, sizes["hop_frames"]))
    if starts[-1] + longest < frames:
        starts.append(frames - longest)
    audio = np.empty((2, frames * samples), np.float32)
    for start in starts:
        chunk = np.ascontiguousarray(latent[start : start + longest].T[None])
        skipped = sizes["trim_frames"] if start else 0
        sound = decoder.run(None, {"latents": chunk})[0][0]
        audio[:, (start + skipped) * samples : (start + chunk.shape[2]) * samples] = sound[:, skipped * samples :]
    return audio


def write_wav(path: Path, audio: np.ndarray, rate: int) -> None:
    """Audio [2, samples] as WAV, 24 bit; samples beyond full scale are clipped."""
    whole = np.round(np.clip(audio.T, -1, 1) * (2**23 - 1)).astype("<i4")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(rate)
        file.writeframes(whole.reshape(-1, 1).view(np.uint8)[:, :3].tobytes())


def main() -> None:
    """Read the options, sample, decode, write."""
    parser = argparse.ArgumentParser(description="Sample a song with an exported DiffRhythm network.")
    parser.add_argument("folder", type=Path, help="a folder that `songline models export` has written")
    parser.add_argument("--song", type=Path, help="an .npz file with text, style and more; left out: check.npz")
    parser.add_argument("--out", type=Path, default=Path("song.wav"), help="the WAV file to write")
    parser.add_argument("--latent", type=Path, help="an .npy file for the latent [frames, 64]")
    parser.add_argument("--seed", type=int, default=0, help="of the noise, where the song brings none")
    parser.add_argument("--steps", type=int, help="points of the time grid; left out: as published")
    parser.add_argument("--sway", type=float, default=0.0, help="-1 suits few steps; left out: an even grid")
    parser.add_argument("--cfg", type=float, help="strength of guidance; left out: as published")
    given = parser.parse_args()

    plan = json.loads((given.folder / "sampler.json").read_text("utf-8"))
    song = read_song(given.folder, given.song)
    strength = plan["sampling"]["cfg_strength"] if given.cfg is None else given.cfg
    noise = song.get("noise")
    if noise is None:
        noise = np.random.default_rng(given.seed).standard_normal((len(song["text"]), 64), np.float32)
    network = load(given.folder, plan["network"]["file"])
    latent = sample(network, song, plan, noise, time_grid(plan, given.steps, given.sway), strength)
    if given.latent is not None:
        np.save(given.latent, latent)
    audio = decode(load(given.folder, plan["decoder"]["file"]), latent, plan)
    write_wav(given.out, audio, plan["decoder"]["sample_rate"])
    print(f"{given.out}: {audio.shape[1] / plan['decoder']['sample_rate']:.1f} s")


if __name__ == "__main__":
    main()
