"""What a processor can do is read from the kernel's list, and decides what ``auto`` means on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.common import hardware
from catalog.common.settings import Settings


@pytest.fixture
def processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Settings]]:
    """Settings on a machine whose kernel lists this."""
    monkeypatch.delenv("SONGLINE_CPU_DTYPE", raising=False)

    def with_list(text: str, **named: str) -> Settings:
        (tmp_path / "cpuinfo").write_text(text)
        monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "cpuinfo")
        hardware.cpu_features.cache_clear()
        return Settings(home=tmp_path, **named)  # type: ignore[arg-type]

    yield with_list
    hardware.cpu_features.cache_clear()


LISTED = "processor\t: 0\nmodel name\t: A\nflags\t\t: fpu sse {}\nbugs\t\t: x\n\nprocessor\t: 1\nflags\t\t: fpu\n"


@pytest.mark.parametrize(
    ("feature", "dtype"),
    [("avx512_bf16", "bfloat16"), ("amx_bf16", "bfloat16"), ("avx512_vnni", "float32"), ("", "float32")],
)
def test_auto_is_bfloat16_where_the_processor_has_it(processor, feature: str, dtype: str) -> None:
    assert processor(LISTED.format(feature)).dtype_on_cpu == dtype


@pytest.mark.parametrize("text", ["", "Features\t: fp asimd bf16\n", "flags"])
def test_a_list_without_known_names_means_float32(processor, text: str) -> None:
    assert processor(text).dtype_on_cpu == "float32"


def test_the_setting_comes_first(processor) -> None:
    assert processor(LISTED.format("avx512_bf16"), cpu_dtype="float32").dtype_on_cpu == "float32"
    assert processor(LISTED.format(""), cpu_dtype="bfloat16").dtype_on_cpu == "bfloat16"


def test_no_list_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "CPU_INFO", tmp_path / "none")
    hardware.cpu_features.cache_clear()
    assert hardware.cpu_features() == frozenset()
    hardware.cpu_features.cache_clear()
