"""Every setting of Songline in one class; nothing else reads the environment."""

from __future__ import annotations

import ctypes
import os
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from catalog.common.errors import InputError
from catalog.common.hardware import BFLOAT16, cpu_features
from catalog.common.inbox_location import validate_location
from db.bounds import LONGEST_LEASE_S

SQLITE_FILE = "catalog.sqlite3"


def _at_home(value: object) -> object:
    """A path with its leading ``~`` or ``~NAME`` expanded; shells expand only unquoted ones."""
    text = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(text, str) or not text.startswith("~"):
        return value
    if "\0" in text:
        raise ValueError("a path cannot contain NUL")
    home_path = os.path.expanduser(text)
    if home_path.startswith("~"):
        raise ValueError(f"this machine has no home folder {text.partition('/')[0]}; write the absolute path")
    return home_path


def _inbox_place(text: str) -> str:
    return validate_location(str(_at_home(text)))


Folder = Annotated[Path, BeforeValidator(_at_home)]
"""A path in the settings: ``~`` is the home folder, never a folder of that name."""


@cache
def gpu_is_there() -> bool:
    """Whether the NVIDIA driver shows a GPU to this process; asks NVML, without importing torch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return False
    count = ctypes.c_uint(0)
    if nvml.nvmlInit_v2() != 0:
        return False
    try:
        return nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 and count.value > 0
    finally:
        nvml.nvmlShutdown()


class Settings(BaseSettings):
    """The settings, read from ``SONGLINE_*`` variables. With the defaults, everything runs embedded on this machine."""

    # A wrong value may be a misplaced secret: no error repeats it.
    model_config = SettingsConfigDict(
        env_prefix="SONGLINE_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Folder = Field(
        default_factory=lambda: user_data_path("songline"), description="Folder for all of Songline's data."
    )
    shared_home: Literal["", "group"] = Field(
        "", description="group: all users of the home's group work in it; empty: it is its user's alone."
    )
    database_url: str = Field(
        "", repr=False, description="Catalog, postgresql://USER:PASSWORD@HOST/DATABASE; empty: SQLite inside the home."
    )
    database_pool_size: int = Field(5, ge=1, le=100, description="Connections of each process; doubled when busy.")
    database_statement_timeout_s: float = Field(60.0, ge=0, description="Longest statement on PostgreSQL; 0: no limit.")
    database_lock_timeout_s: float = Field(30.0, ge=0, description="Longest wait for a row lock on PostgreSQL.")
    database_patience_s: float = Field(30.0, ge=0, description="How long to wait for an unreachable database.")
    store_url: str = Field(
        "",
        pattern=r"^(s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_-][A-Za-z0-9._-]*)*/?)?$",
        description="Artifact store, s3://BUCKET or s3://BUCKET/PREFIX, the bucket in small letters, digits, dots and "
        "hyphens; empty: a folder inside the home.",
    )
    s3_endpoint: str = Field(
        "https://s3.amazonaws.com",
        pattern=r"^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/?$",
        description="Address of the S3 service, such as http://127.0.0.1:9000.",
    )
    s3_region: str = Field("us-east-1", min_length=1, description="Region of the bucket.")
    s3_access_key: SecretStr = Field(SecretStr(""), description="Name of the store's credentials.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="Secret of the store's credentials.")
    s3_ca_file: Folder | None = Field(None, description="Certificates (PEM) to trust; empty: the public ones.")
    s3_patience_s: float = Field(45.0, ge=0, le=600, description="How long to retry after an error of the store.")
    inbox: Annotated[str, AfterValidator(_inbox_place)] = Field(
        "", description="Manifests to render by night: a folder, s3://BUCKET or s3://BUCKET/PREFIX."
    )
    cache_gb: float = Field(20.0, ge=0, description="Limit for the local copies of a remote store's artifacts.")
    engine: str = Field("guide", description="Engine where a manifest names none.")
    max_candidates: int = Field(
        20_000,
        ge=1,
        le=2_048_000,
        description="Candidates that one album may ask for; more is a fault of the manifest.",
    )
    models: Folder | None = Field(None, description="Folder of the model registry; empty: inside the home.")
    models_table: Folder | None = Field(None, description="A table of models (TOML), merged over the built-in one.")
    hub_url: str = Field("", description="Address of the model hub or its mirror; empty: the public hub.")
    soundfont: Folder | None = Field(
        None, description="SoundFont (.sf2, .sf3) that the guide plays with; empty: that of its package."
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where models run; auto: a GPU if there is one.")
    render_device: Literal["same", "cpu", "cuda"] = Field(
        "same", description="Where albums planned here are rendered, if elsewhere: recipes name its precision."
    )
    cpu_dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Precision of networks on a CPU where a song leaves it open; auto: bfloat16 where it has that.",
    )
    workers: int = Field(0, ge=0, le=64, description="Worker processes; 0: one per core.")
    shard_minutes: float = Field(12.0, gt=0, description="Work of one run on a work pool, by measured speed.")
    poll_s: float = Field(2.0, gt=0, description="Time between two checks of an album on work pools.")
    starting_s: float = Field(
        180.0, gt=0, description="How long a claimed run may take to begin; more where its node pulls an image first."
    )
    releases: Folder | None = Field(None, description="Folder that finished albums of work pools are written to.")
    releases_url: str = Field("", description="Address under which that folder is served; empty: none.")
    notify: str = Field(
        "",
        pattern=r"^([a-z0-9-]+/[a-z0-9-]+)?$",
        description="Notification block that is sent finished and failed albums, such as slack-webhook/studio.",
    )
    run_history_days: float = Field(30.0, gt=0, description="Age at which Prefect's records of ended runs are removed.")
    lease_s: float = Field(60.0, gt=0, le=LONGEST_LEASE_S, description="Lifetime of a lease without renewal.")
    renew_s: float = Field(15.0, gt=0, description="Time between two renewals of a lease.")
    retry_base_s: float = Field(2.0, ge=0, description="Wait before the second attempt; doubled for each further one.")
    max_attempts: int = Field(5, ge=1, description="Attempts before a transient error counts as a failure.")
    debug: bool = Field(False, description="Show the traceback of an unexpected error.")
    gc_grace_s: float = Field(3600.0, ge=0, description="Age at which bytes without a row are garbage.")

    @cached_property
    def catalog_place(self) -> str | Path:
        """The catalog's location: the URL in the settings, else its file. A path is not converted to a URL, in which
        ``?``, ``%`` and ``#`` have a meaning."""
        return self.database_url or self.home.absolute() / SQLITE_FILE

    @property
    def store_path(self) -> Path:
        """Folder of the embedded artifact store."""
        return self.home / "store"

    @property
    def cache_path(self) -> Path:
        """Folder of local copies of a remote store's artifacts."""
        return self.home / "cache"

    @property
    def models_path(self) -> Path:
        """Folder of the model registry."""
        return self.models or self.home / "models"

    @property
    def device_here(self) -> Literal["cpu", "cuda"]:
        """The device on which models run on this machine, determined without loading any model."""
        if self.device != "auto":
            return self.device
        return "cuda" if gpu_is_there() else "cpu"

    @property
    def device_of_renders(self) -> Literal["cpu", "cuda"]:
        """The device on which planned renders will run: this machine's, unless the settings name another."""
        return self.device_here if self.render_device == "same" else self.render_device

    @property
    def dtype_on_cpu(self) -> Literal["float32", "bfloat16"]:
        """The precision of networks on a CPU: the setting, else by this machine's processor."""
        if self.cpu_dtype != "auto":
            return self.cpu_dtype
        return "bfloat16" if BFLOAT16 & cpu_features() else "float32"

    @property
    def prefect_path(self) -> Path:
        """Prefect's home in embedded mode; one per user where a group shares Songline's home."""
        folder_name = f"prefect-{os.geteuid()}" if self.shared_home else "prefect"
        return self.home / folder_name

    @property
    def worker_count(self) -> int:
        """Worker processes to start: the setting, else the number of cores this process may use."""
        return self.workers or len(os.sched_getaffinity(0))


def load_settings() -> Settings:
    """Read the environment. Raises InputError that names the wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        detail = error.errors()[0]
        field = str(detail["loc"][0])
        name = f"SONGLINE_{field.upper()}"
        problem = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "string_pattern_mismatch":  # the pattern itself helps few users
            problem = f"this is not a valid value: {(Settings.model_fields[field].description or '').rstrip('.')}"
        raise InputError(f"{name}: {problem}", remedy=f"Correct {name} in the environment, or unset it") from error
