"""``examples/onnx/sample.py`` and the loop in an exported folder's README: without torch and Songline, beside both."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the export needs torch")
onnxruntime = pytest.importorskip("onnxruntime", reason="the example needs onnxruntime")
pytest.importorskip("safetensors", reason="the reference data is in safetensors")

from tasks.engines.diffrhythm.export.graph import write_network  # noqa: E402
from tasks.engines.diffrhythm.export.modules import Velocity  # noqa: E402
from tasks.engines.diffrhythm.export.runtime import Session  # noqa: E402
from tasks.engines.diffrhythm.network.sampler import Conditioning, Sampler, Sampling  # noqa: E402
from tasks.engines.diffrhythm.vae.vae import Vae  # noqa: E402
from tests.support.diffrhythm.exported import Exported  # noqa: E402
from tests.support.diffrhythm.networks import base_frames, one_thread, tiny_network  # noqa: E402
from tests.support.diffrhythm.parity import load_case, load_index, over  # noqa: E402
from tests.support.diffrhythm.parity_runs import CFM, song_of  # noqa: E402
from tests.support.places import EXAMPLES  # noqa: E402

__all__ = ["one_thread"]

SAMPLE = EXAMPLES / "onnx" / "sample.py"
TOLERANCE = 2e-4
GROUPS = load_index("model_index.json").get("cfm", {})

BLOCKED = """
import runpy, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"torch", "safetensors", "onnx", "catalog", "db", "flows", "tasks", "tests"}:
            raise ImportError(f"{name} is not for this program")
sys.meta_path.insert(0, Blocker())
program, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = program
runpy.run_path(program, run_name="__main__")
"""


def run_alone(program: Path, *arguments: object, folder: Path) -> str:
    """A program in a process that works in ``folder`` and can import neither torch nor Songline."""
    command = [sys.executable, "-I", "-c", BLOCKED, str(program), *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def example():
    return runpy.run_path(str(SAMPLE))


@pytest.fixture(scope="module")
def song():
    """Words on 150 frames, more than one chunk of the decoder."""
    generator = np.random.default_rng(3)
    style = generator.standard_normal(512).astype(np.float32)
    text = np.where(np.arange(150) % 7 < 5, generator.integers(1, 363, 150), 0)
    noise = generator.standard_normal((150, 64)).astype(np.float32)
    return {"text": text, "style": style / np.linalg.norm(style), "start_time": np.float32(0), "noise": noise}


def by_songline(song, plan):
    """The latents [1, frames, 64] of Songline's own sampler."""
    negative_style = torch.tensor(plan["sampling"]["negative_style"])
    conditioning = Conditioning(torch.from_numpy(song["text"]), torch.from_numpy(song["style"]), negative_style)
    sampler = Sampler(tiny_network(exact_buffers=True), device="cpu", dtype=torch.float32)
    return sampler.sample([conditioning], [torch.from_numpy(song["noise"])], Sampling())


def test_a_song_sampled_alone_is_songlines(exported: Exported, song, tmp_path: Path) -> None:
    np.savez(tmp_path / "song.npz", **song)
    arguments = (exported.folder, "--song", "song.npz", "--out", "song.wav", "--latent", "latent.npy")
    run_alone(SAMPLE, *arguments, folder=tmp_path)
    latents = by_songline(song, exported.document)
    assert np.abs(np.load(tmp_path / "latent.npy") - latents[0].numpy()).max() <= TOLERANCE
    wanted = Vae.load(exported.vae, device="cpu").decode(latents, chunked=True)[0].numpy()
    with wave.open(str(tmp_path / "song.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (2, 44_100, 3)
        stored = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, 2, 3)
    whole = np.zeros((*stored.shape[:2], 4), np.uint8)
    whole[..., 1:] = stored
    audio = (whole.view("<i4")[..., 0] / 2**31).T
    assert audio.shape == wanted.shape == (2, 150 * 2048)
    assert np.abs(audio - wanted).max() <= TOLERANCE


def test_the_loop_of_the_readme_is_songlines(exported: Exported, song, tmp_path: Path) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (exported.folder / "README.md").read_text("utf-8"), re.DOTALL)
    np.savez(tmp_path / "song.npz", **song)
    ending = (
        f"song = np.load({str(tmp_path / 'song.npz')!r})\n"
        "latent = sample(song['text'], song['style'], 0.0, 1.0, song['noise'])\n"
        f"np.save({str(tmp_path / 'latent.npy')!r}, latent)\n"
    )
    (tmp_path / "loop.py").write_text(f"{code}\n{ending}", "utf-8")
    run_alone(tmp_path / "loop.py", folder=exported.folder)
    wanted = by_songline(song, exported.document)[0].numpy()
    assert np.abs(np.load(tmp_path / "latent.npy") - wanted).max() <= TOLERANCE


def test_without_a_song_it_sings_what_is_stored(exported: Exported, tmp_path: Path) -> None:
    said = run_alone(SAMPLE, exported.folder, "--steps", 3, "--cfg", 0, "--sway", -1, folder=tmp_path)
    assert said == "song.wav: 3.0 s\n"
    assert (tmp_path / "song.wav").stat().st_size == 44 + 64 * 2048 * 6


@pytest.fixture(scope="module")
def full_network(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """The full network, exported a second time for songs with durations."""
    frames = max(group["max_frames"] for group in GROUPS.values())
    path = tmp_path_factory.mktemp("full") / "dit.onnx"
    write_network(Velocity(tiny_network(frames), dtype=torch.float32), path)
    return Session(path)


def cases(*, full: bool) -> list[str]:
    return [
        f"{name}/{run}"
        for name, group in GROUPS.items()
        if (group["max_frames"] > base_frames()) is full
        for run in group["runs"]
    ]


class Runner:
    """A loaded file as the example calls it."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def run(self, _names, inputs):
        return [self.session.run(inputs)]


def check_case(example, session: Session, inputs, case: str, sampling) -> None:
    """Every song of a run of the reference data, sampled by the example, against the reference's latents."""
    name, run_name = case.split("/")
    group, given = GROUPS[name], load_case(CFM, name)
    run = group["runs"][run_name]
    conditioning = song_of(group, given)
    plan = {
        "network": {"inputs": inputs},
        "sampling": {**sampling, "negative_style": conditioning.negative_style.numpy()},
    }
    song = {
        "text": conditioning.text.numpy(),
        "style": conditioning.style.numpy(),
        "start_time": conditioning.start_time,
        "duration": conditioning.duration or 0.0,
    }
    if conditioning.known_latents is not None:
        song |= {"known": conditioning.known_latents.numpy(), "regenerate": conditioning.regenerate.numpy()}
    count = run.get("batch", run.get("B"))
    own = given.get(f"{run_name}_y0")
    noises = given[f"y0_b{count}"] if own is None else own[:1].expand(count, -1, -1)
    grid = example["time_grid"](plan, run["steps"], run.get("sway", 0.0))
    for noise, wanted in zip(noises.numpy(), given[run_name].numpy(), strict=True):
        latent = example["sample"](Runner(session), song, plan, noise, grid, run["cfg"])
        assert np.abs(latent - wanted).max() <= TOLERANCE


@over("case", cases(full=False))
def test_the_reference_sampled_with_the_exported_network(example, exported: Exported, case: str) -> None:
    inputs = exported.document["network"]["inputs"]
    check_case(example, Session(exported.network), inputs, case, exported.document["sampling"])


@over("case", cases(full=True))
@pytest.mark.slow
def test_the_reference_sampled_with_the_full_network(example, full_network: Session, tmp_path, case: str) -> None:
    names = ("x", "cond", "text", "time", "start_time", "style", "duration")
    inputs = {name: {"dtype": "int64" if name == "text" else "float32"} for name in names}
    check_case(example, full_network, inputs, case, {"steps": 32})
