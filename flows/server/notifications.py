"""One message to people when an album is finished or has failed, through a notification block of the Prefect server."""

from __future__ import annotations

import asyncio
import logging

from prefect.blocks.abstract import NotificationBlock
from prefect.blocks.core import Block
from prefect.client.orchestration import SyncPrefectClient
from prefect.exceptions import MissingContextError, ObjectNotFound
from prefect.logging import get_logger, get_run_logger

from catalog.common.errors import MachineError
from catalog.common.settings import Settings

PATIENCE_S = 30.0


async def notify(settings: Settings, *, subject: str, body: str) -> None:
    """Notify through the block that the setting ``notify`` names, if any. Errors are only logged, as they do not
    affect the finished album."""
    if not settings.notify:
        return
    try:
        async with asyncio.timeout(PATIENCE_S):
            block: object = await Block.aload(settings.notify)
            if not isinstance(block, NotificationBlock):
                raise TypeError("it is no notification block")
            with block.raise_on_failure():
                await block.notify(body, subject)
    except Exception as error:
        # Log only the type of the error: its text may contain the address, which is a secret.
        _logger().warning("nobody was notified through the block %s: %s", settings.notify, type(error).__name__)


def missing_block(client: SyncPrefectClient, settings: Settings) -> MachineError | None:
    """The error of the block that the settings name; None where it exists, or none is set."""
    if not settings.notify:
        return None
    kind, _, name = settings.notify.partition("/")
    try:
        document = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        return MachineError(
            f"the Prefect server has no block {settings.notify}",
            remedy="Make it on the server's page Blocks, or correct SONGLINE_NOTIFY",
        )
    if document.block_schema is None or "notify" not in document.block_schema.capabilities:
        return MachineError(
            f"the block {settings.notify} sends no notifications", remedy="Name a notification block in SONGLINE_NOTIFY"
        )
    return None


def _logger() -> logging.Logger | logging.LoggerAdapter[logging.Logger]:
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger("songline")
