"""Logging: one event per line on standard error, as JSON or readable for a person; for all libraries alike."""

import logging
import sys
from typing import Literal

import structlog


def configure_logging(level: str, log_format: Literal["auto", "console", "json"]) -> None:
    """Set up structlog and the standard library's root logger for this process.

    Args:
        level: least severe message to log: debug, info, warning or error.
        log_format: auto is console when standard error is a terminal, else json.
    """
    for_person = log_format == "console" or (log_format == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if for_person else structlog.processors.JSONRenderer()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    final: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if not for_person:
        final.append(structlog.processors.dict_tracebacks)
    handler = logging.StreamHandler(sys.stderr)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[*final, renderer])
    handler.setFormatter(formatter)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # aiohttp, asyncio and redis at debug would bury ours.
    for noisy in ("aiohttp", "asyncio", "redis"):
        logging.getLogger(noisy).setLevel(logging.INFO if level == "debug" else logging.NOTSET)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
