"""The README of an exported folder: its files, how a song is sampled, and the licences."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.engines.diffrhythm.export.document import LicenceEntry

SAMPLING = '''\
import json
from itertools import pairwise

import numpy as np
import onnxruntime

plan = json.load(open("sampler.json"))
network = onnxruntime.InferenceSession("dit.onnx")


def sample(text, style, start_time, duration, noise):
    """Latent [frames, 64] of one song: tokens [frames] int64, style [512], noise [frames, 64] float32."""
    guidance, grid = plan["sampling"]["cfg_strength"], np.float32(plan["sampling"]["grid"])
    nothing = np.zeros_like(noise)
    rows = {  # the song, and the null row that guidance leads away from
        "cond": np.stack([nothing, nothing]),
        "text": np.stack([text, np.zeros_like(text)]),
        "style": np.float32([style, plan["sampling"]["negative_style"]]),
        "start_time": np.float32([start_time] * 2),
        "duration": np.float32([duration] * 2),
    }
    rows = {name: rows[name] for name in rows if name in plan["network"]["inputs"]}
    latent = noise.copy()
    for now, then in pairwise(grid):
        moment = {"x": np.stack([latent, latent]), "time": np.float32([now, now])}
        song, null = network.run(None, {**rows, **moment})[0]
        latent += (then - now) * (song + guidance * (song - null))
    return latent
'''
"""The loop as a program: numpy and onnxruntime alone."""

_TEXT = """\
# A DiffRhythm network for ONNX

Written by `songline models export`. Nothing here needs torch or Songline.

| file | what it is |
| --- | --- |
| `dit.onnx`, `dit.onnx.data` | the network and its weights (keep both in one folder): one evaluation of some rows |
| `vae_decoder.onnx` | latents [batch, 64, frames] to audio [batch, 2, 2048 frames] at 44.1 kHz |
| `sampler.json` | shapes, time grid, guidance, chunks of the decoder, models it was made from, digests, licences |
| `check.npz` | inputs and torch's outputs, which `songline models export --check FOLDER` compares |

## Sampling

`text` has one token for each frame (21.5 a second), 0 where nothing is sung; `style` is a MuQ-MuLan vector;
`start_time` is 0 for a song from its beginning; `duration` is the song's share of the longest one (networks for
longer songs only). Inputs and output are float32, also where the layers are float16. For an edit, `cond` holds the
known latent, and 0 where frames are made anew. Attention takes `attention_bytes` for a row of `max_frames`, and grows
with the square of the frames.

```python
{sampling}```

The decoder takes `latent.T[None]`; long songs go through it in overlapping chunks, as `sampler.json` describes them.

## Licences

{licences}

{use}
"""

_MARKUP = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_[]<>|"})


def readme(licences: Sequence[LicenceEntry]) -> str:
    """The text in Markdown."""
    lines = (
        f"- {entry.model}: {_plain(entry.name)} [{_plain(entry.id)}]. {_plain(entry.sentence.rstrip('.'))}. {entry.url}"
        for entry in licences
    )
    forbidding = [entry.model for entry in licences if not entry.commercial]
    use = f"Commercial use is not allowed as it stands, because of {', '.join(forbidding)}." if forbidding else ""
    return _TEXT.format(sampling=SAMPLING, licences="\n".join(map(str.rstrip, lines)), use=use).rstrip() + "\n"


def _plain(text: str) -> str:
    """What the owner of a model wrote, without effect as markup or HTML."""
    return text.translate(_MARKUP)
