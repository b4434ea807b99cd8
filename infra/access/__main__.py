"""Sets up the accounts of workers in database and store, with administrator accounts. Run once before workers start.

``python -m infra.access`` takes the workers' own settings (``SONGLINE_DATABASE_URL``, ``SONGLINE_STORE_URL``,
``SONGLINE_S3_…``, ``SONGLINE_INBOX``) and the administrator accounts, which only it may know: see
:class:`Administration`.
"""

from __future__ import annotations

import sys
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from catalog.common.errors import InputError, MachineError, SonglineError
from catalog.common.settings import Settings, load_settings
from infra.access.bucket import Account, make_bucket_user
from infra.access.database import CATALOG, make_databases


class Administration(BaseSettings):
    """The administrator accounts, which no worker gets."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    postgres_admin_url: SecretStr = Field(description="A superuser's address of PostgreSQL.")
    prefect_database_password: SecretStr = Field(description="What the Prefect server enters its database with.")
    minio_root_user: str = Field(min_length=3, description="MinIO's root account.")
    minio_root_password: SecretStr = Field(description="Its secret.")


def main() -> int:
    """Create databases, roles, tables, buckets and the store's user; returns the exit code."""
    try:
        give_access(load_settings(), _administration())
    except SonglineError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def give_access(settings: Settings, administration: Administration) -> None:
    """Bring database and store to the workers' settings. Idempotent."""
    url = urlsplit(settings.database_url)
    if (url.username, url.path) != (CATALOG, f"/{CATALOG}"):
        raise MachineError(
            f"workers are not told to be {CATALOG} in the database {CATALOG}",
            remedy=f"Set SONGLINE_DATABASE_URL to postgresql://{CATALOG}:PASSWORD@HOST:PORT/{CATALOG}",
        )
    make_databases(
        administration.postgres_admin_url.get_secret_value(),
        catalog_password=unquote(url.password or ""),
        prefect_password=administration.prefect_database_password.get_secret_value(),
    )
    make_bucket_user(
        settings.s3_endpoint,
        root=Account(administration.minio_root_user, administration.minio_root_password.get_secret_value()),
        user=Account(settings.s3_access_key.get_secret_value(), settings.s3_secret_key.get_secret_value()),
        locations=[place for place in (settings.store_url, settings.inbox) if place.startswith("s3://")],
        region=settings.s3_region,
    )


def _administration() -> Administration:
    try:
        return Administration()
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0]).upper()
        raise InputError(f"{name} is not set as it must be", remedy=f"Set {name} in the environment") from error


if __name__ == "__main__":
    sys.exit(main())
