"""The precisions and forms of weights that this machine has, and what was measured of networks in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog.common.errors import SonglineError
from catalog.common.hardware import BFLOAT16, INT8, compute_capability, cpu_features
from catalog.common.packages import missing_packages
from catalog.common.settings import Settings
from catalog.models.store import InstalledModel, ModelStore
from flows.cli.admin.findings import Check
from tasks.engines.diffrhythm.inputs import BUILT_IN
from tasks.engines.diffrhythm.measured_precision import MeasuredPrecision, known_precisions
from tasks.engines.diffrhythm.weight_forms import EXTRA, FP8_CAPABILITY, PACKAGES, Form

INSTALL = f"For `weights: int8` or `fp8`, install Songline with its extra `{EXTRA}`"


def precisions(settings: Settings) -> Iterator[Check]:
    """What the device computes fast, whether the package for it is here, and what was measured."""
    if settings.device_here == "cuda":
        yield _gpu()
    else:
        yield _cpu(settings)
    if missing_packages(PACKAGES):
        yield Check("int8 and fp8", "note", "torchao is not installed", INSTALL)
    else:
        yield Check("int8 and fp8", "ok", "torchao is here")
    for measured in known_precisions(settings):
        yield _measured(measured)


def deep_precisions(settings: Settings) -> Iterator[Check]:
    """A whole sample of every installed network in every form that this machine has, against full precision."""
    store = ModelStore(settings.models_path, table=settings.models_table)
    yield from deep_checks(settings, [name for name in store.specs() if store.installed(name)])


def deep_checks(settings: Settings, names: Iterable[str]) -> list[Check]:
    """The same for those of these installed models that are networks."""
    store = ModelStore(settings.models_path, table=settings.models_table)
    specs = [store.spec(name) for name in names]
    networks = [spec.name for spec in specs if spec.adapter is None and (spec.like or spec.name) in BUILT_IN]
    return [_sampled(settings, store.need(name), form) for name in networks for form in forms_here(settings)]


def forms_here(settings: Settings) -> tuple[Form, ...]:
    """The forms of quantised weights that this machine can compute."""
    if missing_packages((*PACKAGES, "torch")):
        return ()
    capability = compute_capability() if settings.device_here == "cuda" else None
    return ("int8", "fp8") if capability and capability >= FP8_CAPABILITY else ("int8",)


def sentence(measured: MeasuredPrecision) -> str:
    """The figures of a measurement."""
    figures = f"{measured.forward_error:.3f} off full precision in one evaluation"
    if measured.sample_error is not None and measured.sample_cosine is not None:
        figures += f", {measured.sample_error:.3f} in a whole sample (cosine of the means {measured.sample_cosine:.4f})"
    if measured.embedding_cosine is not None and measured.match_full is not None and measured.match is not None:
        figures += (
            f", embeddings of the same seeds {measured.embedding_cosine:.3f} alike, match with the prompts "
            f"{measured.match:.3f} (full precision {measured.match_full:.3f})"
        )
    return f"{figures}, on {measured.device}"


def _cpu(settings: Settings) -> Check:
    features = cpu_features()
    has = [f"{name} ({', '.join(sorted(features & of))})" for name, of in _KINDS if features & of]
    lacks = [f"no {name}" for name, of in _KINDS if not features & of]
    found = f"{', '.join([*has, *lacks])}; `dtype: auto` means {settings.dtype_on_cpu}; fp8 needs a GPU"
    if BFLOAT16 & features:
        return Check("precision", "ok", found)
    remedy = "`weights: int8` is twice as fast as float32 here" if INT8 & features else "Rendering in float32 is slow"
    return Check("precision", "note", found, remedy)


_KINDS = (("bfloat16", BFLOAT16), ("int8", INT8))


def _gpu() -> Check:
    capability = compute_capability()
    if capability is None:
        return Check("precision", "note", "the GPU's compute capability is not known", "Update its driver")
    version, needed = (".".join(map(str, pair)) for pair in (capability, FP8_CAPABILITY))
    kinds = ("bfloat16", "int8") if capability >= (8, 0) else ()
    fp8 = "fp8" if capability >= FP8_CAPABILITY else f"no fp8 (that needs {needed})"
    return Check("precision", "ok", f"compute capability {version}: {', '.join((*kinds, fp8))}")


def _measured(measured: MeasuredPrecision) -> Check:
    with_adapters = f" with {measured.adapters} adapters" if measured.adapters else ""
    name = f"{measured.network}{with_adapters} in {measured.weights}"
    if measured.is_doubtful:
        return Check(name, "note", sentence(measured), "Listen before you deliver, or leave `weights` out")
    return Check(name, "ok", sentence(measured))


def _sampled(settings: Settings, network: InstalledModel, form: Form) -> Check:
    from tasks.engines.diffrhythm.embedding_check import EmbeddingCheck
    from tasks.engines.diffrhythm.precision_gate import measure_sample

    try:
        return _measured(measure_sample(settings, network, form, check=EmbeddingCheck.here(settings)))
    except SonglineError as error:
        return Check(f"{network.spec.name} in {form}", "note", error.what, error.remedy)
