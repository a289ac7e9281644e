"""How a program that transfers begins and ends: with settings; with one line of JSON, or of the log and a status."""

import json
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog
import uvloop

from counter_service.errors import CounterServiceError, InvalidSettingsError, TransferRefusedError
from counter_service.logs import configure_logging
from counter_service.settings import exit_for_invalid_settings, settings_of
from counter_service.transfer.marks import Part
from counter_service.transfer.settings import TransferSettings

_FAILED: Final = 1
_REFUSED: Final = 3

_log = structlog.get_logger()

Settings = TypeVar("Settings", bound=TransferSettings)


def run_to_end(kind: type[Settings], program: str, work: Callable[[Settings], Coroutine[Any, Any, Part]]) -> None:
    """Do the work with the settings that flags and environment say, and print what it has brought.

    Raises:
        SystemExit: with 2 the settings are wrong, with 3 it was refused, with 1 it is to be repeated. The last line
            says why.
    """
    try:
        settings = settings_of(kind, sys.argv[1:])
    except InvalidSettingsError as error:
        exit_for_invalid_settings(error, program)
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
