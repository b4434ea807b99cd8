"""Removes secrets and terminal control characters from Prefect's log records on console, in files and on the server."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from catalog.common.redaction import redacted
from catalog.common.text import visible

_PREFECT = "prefect"


def clean_prefect_logs() -> None:
    """Have every record of Prefect's loggers cleaned when it is created, its traceback included. Idempotent.

    Called before Prefect is imported: see :mod:`flows.runtime.prefect_restrictions`.
    """
    record_factory = logging.getLogRecordFactory()
    if getattr(record_factory, "is_cleaning", False):
        return

    def cleaned_record(*arguments: Any, **named: Any) -> logging.LogRecord:
        record: logging.LogRecord = record_factory(*arguments, **named)
        if record.name.partition(".")[0] == _PREFECT:
            _clean(record)
        return record

    cleaned_record.is_cleaning = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(cleaned_record)


def _clean(record: logging.LogRecord) -> None:
    try:
        text = record.getMessage()
    except (TypeError, ValueError):  # arguments that do not fit the message: logging itself reports them
        return
    record.msg, record.args = visible(redacted(text)), ()
    if record.exc_info and record.exc_info[0] is not None:
        record.exc_text = visible(redacted("".join(traceback.format_exception(*record.exc_info)))).rstrip("\n")
