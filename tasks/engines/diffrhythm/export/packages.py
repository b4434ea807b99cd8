"""The packages that the export needs; none of them is imported here."""

from __future__ import annotations

from catalog.common.errors import MachineError
from catalog.common.packages import missing_packages

_ENGINE_PACKAGES = ("torch", "safetensors")
_ONNX_PACKAGES = ("onnx", "onnxruntime", "onnxscript")


def require_export_packages() -> None:
    """Raise MachineError that names the extras whose packages are not installed."""
    extras = {"diffrhythm": missing_packages(_ENGINE_PACKAGES), "onnx": missing_packages(_ONNX_PACKAGES)}
    needed_extras = [extra for extra, missing_names in extras.items() if missing_names]
    if not needed_extras:
        return
    names = ", ".join(name for missing_names in extras.values() for name in missing_names)
    extra_names = " and ".join(f"`{extra}`" for extra in needed_extras)
    raise MachineError(
        f"the export to ONNX needs packages that are not installed: {names}",
        remedy=f"Install Songline with its extra{'s'[: len(needed_extras) > 1]} {extra_names}",
    )
