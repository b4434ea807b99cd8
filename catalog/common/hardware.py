"""What this machine's processor and GPUs can do, read without torch."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16"})
"""Processor features, either of which makes products in bfloat16 fast."""
INT8 = frozenset({"avx512_vnni", "avx_vnni", "amx_int8"})
"""Those for products in int8."""

CPU_INFO = Path("/proc/cpuinfo")


@cache
def cpu_features() -> frozenset[str]:
    """The processor's features by the kernel's names; none where the kernel does not list them."""
    try:
        lines = CPU_INFO.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), frozenset())


@cache
def compute_capability() -> tuple[int, int] | None:
    """The highest compute capability of this machine's NVIDIA GPUs, asked of the driver; None where it has none."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        return max(_capabilities(nvml), default=None)
    finally:
        nvml.nvmlShutdown()


def _capabilities(nvml: ctypes.CDLL) -> list[tuple[int, int]]:
    count = ctypes.c_uint(0)
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return []
    found = []
    for number in range(count.value):
        device, major, minor = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()
        is_known = nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(number), ctypes.byref(device)) == 0
        get = nvml.nvmlDeviceGetCudaComputeCapability
        if is_known and get(device, ctypes.byref(major), ctypes.byref(minor)) == 0:
            found.append((major.value, minor.value))
    return found
