"""Restricts Prefect in Songline's processes, whichever server answers as its API.

Prefect loads the result of a run from wherever the run's state points, with whatever serializer that state names: a
pickle, or JSON that names classes to instantiate. Anyone who can answer as the API, or write a run's state, could run
code here. Songline never stores a result with Prefect, so no stored result is ever loaded.

Prefect reads settings from ``.env``, ``prefect.toml`` and ``pyproject.toml`` of the working folder, which may be any
folder. Songline's processes take them from the environment and from Prefect's profile only.

Prefect's logs contain no secrets: see :mod:`flows.runtime.clean_logs`.

Each restriction is applied to a module of Prefect when that module is imported, so that importing this one is cheap.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:  # every command imports this module
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

PREFECT = "prefect"
LIBRARIES = frozenset({"cloudpickle", "pickle", "lzma", "gzip", "bz2", "zlib"})
DEFAULTS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_WORKER_WEBSERVER_HOST": "127.0.0.1",
}
"""Defaults unless the user sets them: no telemetry, and a worker's health page on this machine only."""


class StoredResultRefused(Exception):
    """A run's state pointed to a stored result, which Songline neither writes nor loads."""


def _refuse(*_: object, **__: object) -> NoReturn:
    raise StoredResultRefused(
        "A state of a run points to a stored result. Songline stores none and loads none: look who else writes to"
        " the Prefect server"
    )


async def _refuse_async(*_: object, **__: object) -> NoReturn:
    _refuse()


def _restrict_serializers(module: ModuleType) -> None:
    """Refuse to load serialized values, and to import a library named by a serializer, as reading a state would."""
    for name in ("PickleSerializer", "JSONSerializer", "CompressedSerializer"):
        getattr(module, name).loads = _refuse
    for name in ("validate_picklelib", "validate_compressionlib"):
        getattr(module, name)  # fail where a Prefect version renames them
        setattr(module, name, _known_library)


def _known_library(name: str) -> str:
    if name not in LIBRARIES:
        raise ValueError(f"{name!r} is no library that Songline lets Prefect serialize by")
    return name


def _restrict_results(module: ModuleType) -> None:
    module.ResultStore._from_metadata = _refuse_async


def _restrict_bundles(module: ModuleType) -> None:
    module._deserialize_bundle_object = _refuse  # type: ignore[attr-defined]


def _restrict_settings(module: ModuleType) -> None:
    """Remove files of the working folder from the sources of settings and from the search for the profiles' path."""
    from pydantic_settings import PydanticBaseSettingsSource

    class NoFile(PydanticBaseSettingsSource):
        """A source that reads nothing; it replaces those that read a file of the working folder."""

        def __init__(self, settings_cls: Any, **_: object) -> None:
            super().__init__(settings_cls)

        def get_field_value(self, field: Any, field_name: str) -> tuple[None, str, bool]:
            return None, field_name, False

        def __call__(self) -> dict[str, Any]:
            return {}

    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    with suppress(RuntimeError):  # this user has no home folder, and so no profiles
        home = Path(os.environ.get("PREFECT_HOME") or Path.home() / ".prefect")
        os.environ.setdefault("PREFECT_PROFILES_PATH", str(home / "profiles.toml"))
    for name in (
        "FilteredDotEnvSettingsSource",
        "PrefectTomlConfigSettingsSource",
        "PyprojectTomlConfigSettingsSource",
    ):
        getattr(module, name)  # fail where a Prefect version renames them
        setattr(module, name, NoFile)
    configure = module.build_settings_config

    def configure_without_file(*arguments: Any, **named: Any) -> Any:
        return configure(*arguments, **named) | {"env_file": None}

    module.build_settings_config = configure_without_file  # type: ignore[attr-defined]


def _restrict_toml(module: ModuleType) -> None:
    """Remove the same files from sources that individual groups of settings add, whatever their names."""
    source = module.TomlConfigSettingsSourceBase
    source._read_files  # noqa: B018 (fails where a Prefect version renames it)
    source._read_files = lambda *_, **__: {}


RESTRICTIONS: Mapping[str, Callable[[ModuleType], None]] = {
    "prefect.settings.sources": _restrict_toml,
    "prefect.settings.base": _restrict_settings,
    "prefect.serializers": _restrict_serializers,
    "prefect.results": _restrict_results,
    "prefect.bundles": _restrict_bundles,
}


class _Restricting:
    """An import hook that finds the modules of :data:`RESTRICTIONS` by the other finders, and restricts each right
    after its execution. Prefect's logs are cleaned before any module of it is executed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == PREFECT:
            from catalog.network.certificates import require_certificates

            require_certificates()  # Prefect would print a traceback and go on
            _clean_logs()
        restrict = RESTRICTIONS.get(fullname)
        if restrict is None:
            return None
        finders = (finder for finder in sys.meta_path if finder is not self)
        spec = next((spec for finder in finders if (spec := finder.find_spec(fullname, path, target))), None)
        if spec is not None and spec.loader is not None:
            _run_after(spec.loader, restrict)
        return spec


def _clean_logs() -> None:
    from flows.runtime.clean_logs import clean_prefect_logs

    clean_prefect_logs()


def _run_after(loader: Loader, restrict: Callable[[ModuleType], None]) -> None:
    run = loader.exec_module

    def run_restricted(module: ModuleType) -> None:
        run(module)
        restrict(module)

    loader.exec_module = run_restricted  # type: ignore[method-assign]


def restrict_prefect() -> None:
    """Restrict the modules of Prefect that are imported, and those that will be. Idempotent."""
    if any(isinstance(finder, _Restricting) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, _Restricting())
    if PREFECT in sys.modules:
        _clean_logs()
    for name, restrict in RESTRICTIONS.items():
        if name in sys.modules:
            restrict(sys.modules[name])
