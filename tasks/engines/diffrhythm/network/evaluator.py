"""The network as used in sampling: many evaluations of few songs, with all time-independent parts calculated before.

Per song: words, style, known latent and the text that is added in the first layers. Per run: all time embeddings. Per
evaluation only the input projection of the latent, the layers, and the output remain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from tasks.engines.diffrhythm.network.conditioning import Conditioning
from tasks.engines.diffrhythm.network.config import CONDITION, HEADS
from tasks.engines.diffrhythm.network.fused import FusedLayer, QuantisedLayer, fused
from tasks.engines.diffrhythm.network.layers import EPS, attend
from tasks.engines.diffrhythm.network.network import DiT
from tasks.engines.diffrhythm.network.schedule import rotate

KEPT_LENGTHS = 4
ROWS_AT_ONCE = 16384
"""Frames that go through a hidden layer at once: enough to fill any device, and a limit to its memory."""

WHOLE_LAYER_MODE = "max-autotune-no-cudagraphs"
"""CUDA graphs need tensors that stay at one address, and layers change theirs in place."""


@dataclass(frozen=True, slots=True)
class Branch:
    """Neighbours in the network's batch that share a text: the latents they evaluate, and the text's constant parts.

    ``constant`` [1, T, D] goes into the input projection, ``fusions`` [1, T, D] each after the first layers.
    """

    rows: slice
    latents: slice
    constant: Tensor
    fusions: Sequence[Tensor]


@dataclass(frozen=True, slots=True)
class Prepared:
    """All inputs of one run besides the latents: B songs, K times, N = B or 2B rows of the network's batch.

    ``vectors`` [K, N, 1, D] is the part of the input projection that is equal for all frames; ``scale`` and ``shift``
    [K, N, 1, D] belong to the output; ``rotary`` are tables [T, 1, 1, head_dim].
    """

    branches: Sequence[Branch]
    vectors: Tensor
    scale: Tensor
    shift: Tensor
    rotary: tuple[Tensor, Tensor]


class Evaluator:
    """A network on ``device`` (it takes it over): layers in ``dtype``, small and time-related parts in float32.

    ``layers`` are used in place of the network's own, which are then left alone; they are iterated once for each
    evaluation.
    """

    def __init__(
        self,
        network: DiT,
        *,
        device: torch.device,
        dtype: torch.dtype,
        compile: bool,
        layers: Iterable[FusedLayer] | None = None,
    ) -> None:
        self._network = _placed(network.eval(), device, dtype, with_layers=layers is None)
        self._device = device
        self._dtype = dtype
        self._layers = [fused(layer) for layer in network.transformer_blocks] if layers is None else layers
        self._is_quantised = isinstance(layers, list) and all(isinstance(layer, QuantisedLayer) for layer in layers)
        latent, self._known, self._text, self._style, self._time = _input_weights(network)
        self._latent = latent.T
        self._rotate: Callable[..., Tensor] = torch.compile(rotate, fullgraph=True) if compile else rotate
        self._gate: Callable[[Tensor], None] = torch.compile(_gate, fullgraph=True) if compile else _gate
        self._null_words: dict[int, Tensor] = {}
        self._run_layer = self._whole_layer() if compile and self._is_slow_eager() else self._run_stages

    def prepare(self, songs: Sequence[Conditioning], times: Tensor, *, guided: bool) -> Prepared:
        """The parts of a run over ``times`` [K] that do not depend on the latents; all songs of one length."""
        frames = len(songs[0].text)
        moments = self._moments_of_each if self._is_quantised else self._moments
        scale, shift, vectors = moments(songs, times, guided=guided)
        branches = list(self._cond_branches(songs))
        if guided:
            all_songs = slice(0, len(songs))
            rows = slice(len(songs), 2 * len(songs))
            branches.append(self._branch(rows, all_songs, self._words_of_none(frames), known=None))
        cos, sin = (table[:, None, None].to(self._dtype) for table in self._network.rotary(frames, self._device))
        return Prepared(branches, vectors, scale, shift, (cos, sin))

    def velocity(self, latents: Tensor, prepared: Prepared, step: int) -> Tensor:
        """Velocities [N, T, 64] at ``latents`` [B, T, 64], both float32: B of the songs, then B of the null branch."""
        h = self._enter(latents, prepared, step)
        for number, layer in enumerate(self._layers):
            self._run_layer(h, layer, prepared.rotary)
            if number < self._network.config.fused_layers:
                for branch in prepared.branches:
                    h[branch.rows].add_(branch.fusions[number])
        return self._leave(h, prepared.scale[step], prepared.shift[step])

    def _enter(self, latents: Tensor, prepared: Prepared, step: int) -> Tensor:
        """The input embedding [N, T, D], projected in float32."""
        vectors = prepared.vectors[step]
        h = latents.new_empty(len(vectors), latents.shape[1], vectors.shape[-1], dtype=self._dtype)
        for branch in prepared.branches:
            branch_latents = latents[branch.latents]
            projection = torch.baddbmm(
                vectors[branch.rows], branch_latents, self._latent.expand(len(branch_latents), -1, -1)
            )
            torch.add(projection, branch.constant, out=h[branch.rows])
        return h.add_(self._network.input_embed.conv_pos_embed(h))

    def _run_stages(self, h: Tensor, layer: FusedLayer, rotary: tuple[Tensor, Tensor]) -> None:
        """One layer, in place."""
        run_layer(h, layer, rotary, rotate=self._rotate, gate=self._gate)

    def _whole_layer(self) -> Callable[[Tensor, FusedLayer, tuple[Tensor, Tensor]], None]:
        """The same, compiled as a whole into one graph for all layers."""
        return torch.compile(run_layer, fullgraph=True, dynamic=False, mode=WHOLE_LAYER_MODE)

    def _is_slow_eager(self) -> bool:
        """Whether a layer takes many small kernels, as a GPU's dynamic quantisation does: a CPU is better off without
        compiling the products."""
        return self._device.type == "cuda" and self._is_quantised

    def _leave(self, h: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        """The output [N, T, 64], calculated in float32 song by song, which takes twice a song's width of memory."""
        outputs = []
        for number, song in enumerate(h.unbind()):
            normed_song = F.layer_norm(song.float(), song.shape[-1:], eps=EPS)
            modulation = torch.addcmul(shift[number], normed_song, 1 + scale[number])
            outputs.append(self._network.proj_out(modulation))
        return torch.stack(outputs)

    def _moments_of_each(
        self, songs: Sequence[Conditioning], times: Tensor, *, guided: bool
    ) -> tuple[Tensor, Tensor, Tensor]:
        """:meth:`_moments` song by song, as small products round by the number of their rows: a last bit's difference
        would become a whole step where activations are rounded to eight bits."""
        of_each = [self._moments([song], times, guided=guided) for song in songs]

        def together(part: int) -> Tensor:
            branches = [song[part].unbind(1) for song in of_each]
            return torch.stack([row for branch in zip(*branches, strict=True) for row in branch], dim=1)

        return together(0), together(1), together(2)

    def _moments(self, songs: Sequence[Conditioning], times: Tensor, *, guided: bool) -> tuple[Tensor, Tensor, Tensor]:
        """Scale, shift and the frame-independent input of every row at every time, [K, N, 1, D] each."""
        network, count = self._network, len(songs)
        starts = self._vector([song.start_time for song in songs])
        durations = self._vector([song.duration or 0.0 for song in songs])
        moments = torch.stack(
            [network.moment(time.expand(count), starts, durations) for time in times.to(self._device)]
        )
        styles = torch.stack([song.style for song in songs] + [song.negative_style for song in songs])
        styles = styles[: 2 * count if guided else count].to(self._device, torch.float32)
        repeats = len(styles) // count
        moments = moments.repeat(1, repeats, 1)
        scale, shift = network.norm_out.modulation(moments)
        vectors = F.linear(styles, self._style, network.input_embed.proj.bias)
        vectors = vectors + F.linear(moments, self._time)
        return scale.unsqueeze(2), shift.unsqueeze(2), vectors.unsqueeze(2)

    def _cond_branches(self, songs: Sequence[Conditioning]) -> Iterator[Branch]:
        """One branch for each run of neighbours that are the same song."""
        run_start = 0
        for run_end in range(1, len(songs) + 1):
            if run_end == len(songs) or songs[run_end] is not songs[run_start]:
                rows = slice(run_start, run_end)
                words = self._network.text_embed(songs[run_start].text[None].to(self._device))
                yield self._branch(rows, rows, words, songs[run_start].known_outside())
                run_start = run_end

    def _branch(self, rows: slice, latents: slice, words: Tensor, known: Tensor | None) -> Branch:
        constant = F.linear(words, self._text)
        if known is not None:
            constant = constant + F.linear(known.to(self._device, torch.float32), self._known)
        fusion_input = words.to(self._dtype)
        return Branch(rows, latents, constant, [fusion(fusion_input) for fusion in self._network.text_fusion_linears])

    def _words_of_none(self, frames: int) -> Tensor:
        """The embedding [1, T, 512] of a text of nothing but filler, cached for the most recent lengths."""
        if frames not in self._null_words:
            if len(self._null_words) == KEPT_LENGTHS:
                self._null_words.pop(next(iter(self._null_words)))
            filler = torch.zeros(1, frames, dtype=torch.int64, device=self._device)
            self._null_words[frames] = self._network.text_embed(filler)
        return self._null_words[frames]

    def _vector(self, numbers: Sequence[float]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.float32, device=self._device)


def _placed(network: DiT, device: torch.device, dtype: torch.dtype, *, with_layers: bool) -> DiT:
    """The network on its device: the layers in ``dtype``, and small parts and time, whose values half precision cannot
    hold, in float32. Its layers stay where they are where others take their place."""
    layer_modules: list[nn.Module] = [network.text_fusion_linears, network.input_embed.conv_pos_embed]
    if with_layers:
        layer_modules.append(network.transformer_blocks)
    float32_modules: list[nn.Module] = [network.time_embed, network.start_time_embed, network.text_embed]
    float32_modules += [network.input_embed.proj, network.norm_out, network.proj_out]
    if network.duration_time_embed is not None:
        float32_modules.append(network.duration_time_embed)
    for module in layer_modules:
        module.to(device).to(dtype)
    for module in float32_modules:
        module.to(device).float()
    return network


def _input_weights(network: DiT) -> tuple[Tensor, ...]:
    """The input projection split by its inputs: latent, known latent, text, style, time."""
    config = network.config
    widths = [config.mel_dim, config.mel_dim, config.text_dim, CONDITION, CONDITION]
    return torch.split(network.input_embed.proj.weight, widths, dim=1)


def run_layer(
    h: Tensor,
    layer: FusedLayer,
    rotary: tuple[Tensor, Tensor],
    *,
    rotate: Callable[..., Tensor] = rotate,
    gate: Callable[[Tensor], None] | None = None,
) -> None:
    """One layer [N, T, D], in place."""
    width = h.shape[-1:]
    qkv = F.linear(F.rms_norm(h, width, layer.attention_norm, EPS), layer.qkv).view(*h.shape[:2], 3, HEADS, -1)
    q, k = rotate(qkv[:, :, :2], *rotary).unbind(2)
    attention = attend(q, k, qkv[:, :, 2], causal=False)
    flat_view = h.flatten(0, 1)
    layer.add_attention(flat_view, attention.flatten(0, 1))
    del qkv, q, k, attention
    for rows in torch.split(flat_view, ROWS_AT_ONCE):
        hidden = F.linear(F.rms_norm(rows, width, layer.hidden_norm, EPS), layer.gate_up)
        (gate or _gate)(hidden)
        layer.add_hidden(rows, hidden[:, : hidden.shape[1] // 2])


def _gate(hidden: Tensor) -> None:
    """The gated activation of [N, 2 F], stored in its first half."""
    gate, up_half = hidden.chunk(2, dim=-1)
    F.silu(gate, inplace=True).mul_(up_half)
