"""``status --gpu``: the cost of renders on each device, from the figures that each render records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from rich.text import Text

from catalog.catalog import open_catalog
from catalog.common.digests import Json
from catalog.common.settings import load_settings
from catalog.monitoring.render_costs import render_costs
from flows.cli.console.lookup import album_id
from flows.console import SafeTable, print_json, stdout
from tasks.engines.diffrhythm.network.flops import share_of_peak


@dataclass(frozen=True, slots=True)
class DeviceUse:
    """All renders of one engine in one precision, and one form of weights, on one kind of device.

    ``songs_per_hour`` counts text, sampler and decoder, not loading; ``tflop_per_s`` and ``share_of_peak`` are the
    sampler's alone, the share None for a device whose peak is not known. ``forward_error`` is the worst of quantised
    weights.
    """

    engine: str
    device: str
    dtype: str
    songs: int
    songs_per_hour: float
    mean_batch: float
    text_s: float
    sampler_s: float
    vae_s: float
    tflop_per_s: float
    share_of_peak: float | None
    peak_memory_bytes: int | None
    weights: str = "full"
    forward_error: float | None = None

    @property
    def precision(self) -> str:
        """The precision, and what is special about the weights."""
        if self.weights == "full":
            return self.dtype
        error = "" if self.forward_error is None else f" ({self.forward_error:.3f} off full precision)"
        return f"{self.dtype}, weights {self.weights}{error}"


def status(album: str | None, *, as_json: bool) -> None:
    """Print every kind of device that rendered, for one album or for all."""
    settings = load_settings()
    with open_catalog(settings) as catalog:
        costs = render_costs(catalog.database, album_id(album, settings) if album else None)
    groups: dict[tuple[str, str, str, str], list[Mapping[str, Json]]] = {}
    for cost in costs:
        form = str(cost.figures.get("weights", "full"))
        key = (cost.engine, str(cost.figures["device"]), str(cost.figures["dtype"]), form)
        groups.setdefault(key, []).append(cost.figures)
    uses = [_use(*key, figures) for key, figures in groups.items()]
    if as_json:
        print_json({"devices": [asdict(use) for use in uses]})
    else:
        _print(uses)


def _use(engine: str, device: str, dtype: str, form: str, figures: Sequence[Mapping[str, Json]]) -> DeviceUse:
    def total(name: str) -> float:
        return float(sum(record[name] for record in figures))

    text_s, sampler_s, vae_s = total("text_s"), total("sampler_s"), total("vae_s")
    peaks = [record["peak_memory_bytes"] for record in figures if record["peak_memory_bytes"]]
    errors = [record["forward_error"] for record in figures if record.get("forward_error") is not None]
    flops, songs = total("flops"), len(figures)
    return DeviceUse(
        engine=engine,
        device=device,
        dtype=dtype,
        songs=songs,
        songs_per_hour=3600 * songs / max(text_s + sampler_s + vae_s, 1e-9),
        mean_batch=total("batch") / songs,
        text_s=text_s / songs,
        sampler_s=sampler_s / songs,
        vae_s=vae_s / songs,
        tflop_per_s=flops / max(sampler_s, 1e-9) / 1e12,
        share_of_peak=share_of_peak(flops, sampler_s, device_name=device, dtype=dtype),
        peak_memory_bytes=max(peaks, default=None),
        weights=form,
        forward_error=max(errors, default=None),
    )


def _print(uses: Sequence[DeviceUse]) -> None:
    if not uses:
        stdout().print("No render has left figures yet: the guide engine leaves none.")
        return
    table = SafeTable("device", "songs", "songs/h", "s a song", "TFLOP/s", "memory")
    for use in uses:
        peak = "" if use.share_of_peak is None else f", {100 * use.share_of_peak:.0f} % of its peak"
        table.add_row(
            Text(f"{use.device}\n{use.engine}, {use.precision}"),
            f"{use.songs}\nin batches of {use.mean_batch:.1f}",
            f"{use.songs_per_hour:.0f}",
            f"{use.sampler_s:.2f} sampler\n{use.text_s:.2f} text, {use.vae_s:.2f} VAE",
            f"{use.tflop_per_s:.3g}{peak}",
            "-" if use.peak_memory_bytes is None else f"{use.peak_memory_bytes / 2**30:.1f} GiB",
        )
    stdout().print(table)
