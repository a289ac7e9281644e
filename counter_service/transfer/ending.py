"""How a program that transfers ends: with one line of JSON, or with one of the log and an exit status."""

import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog
import uvloop

from counter_service.errors import CounterServiceError, TransferRefusedError
from counter_service.logs import configure_logging
from counter_service.transfer.marks import Part
from counter_service.transfer.settings import TransferSettings

_FAILED: Final = 1
_REFUSED: Final = 3

_log = structlog.get_logger()

Settings = TypeVar("Settings", bound=TransferSettings)


def run_to_end(settings: Settings, work: Callable[[Settings], Coroutine[Any, Any, Part]]) -> None:
    """Do the work, and print what it has brought.

    Raises:
        SystemExit: with 3 it was refused, with 1 it is to be repeated; the log's last line says why.
    """
    configure_logging(settings.log_level, settings.log_format)
    started_s = time.monotonic()
    try:
        brought = uvloop.run(work(settings))
    except TransferRefusedError as error:
        _log.error("transfer refused", reason=str(error))
        raise SystemExit(_REFUSED) from error
    except (CounterServiceError, OSError) as error:
        _log.error("transfer failed", reason=str(error))
        raise SystemExit(_FAILED) from error
    seconds = round(time.monotonic() - started_s, 3)
    sys.stdout.write(json.dumps({"paths": brought.paths, "total": brought.total, "seconds": seconds}) + "\n")
