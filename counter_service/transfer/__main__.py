"""`python -m counter_service.transfer`: settings in, one line of JSON out, and an exit status that tells what to do."""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from typing import Final

import structlog
import uvloop

from counter_service.errors import CounterServiceError, InvalidSettingsError, TransferRefusedError
from counter_service.logs import configure_logging
from counter_service.settings import exit_for_invalid_settings, settings_of, without_password
from counter_service.store.redis_topology import topology_of
from counter_service.transfer.copying import Progress, transfer
from counter_service.transfer.marks import Part
from counter_service.transfer.settings import PROGRAM, TransferSettings
from counter_service.transfer.source import SourceCounter
from counter_service.transfer.target import TargetCounter

_FAILED: Final = 1
_REFUSED: Final = 3
_PROGRESS_INTERVAL_S: Final = 2.0

_log = structlog.get_logger()


def main() -> None:
    """Copy; exits with 0, 1, 2 (wrong settings) or 3 as --help says."""
    try:
        settings = settings_of(TransferSettings, sys.argv[1:])
    except InvalidSettingsError as error:
        exit_for_invalid_settings(error, PROGRAM)
    configure_logging(settings.log_level, settings.log_format)
    started_s = time.monotonic()
    try:
        brought = uvloop.run(_transfer(settings))
    except TransferRefusedError as error:
        _log.error("transfer refused", reason=str(error))
        raise SystemExit(_REFUSED) from error
    except (CounterServiceError, OSError) as error:
        _log.error("transfer failed", reason=str(error))
        raise SystemExit(_FAILED) from error
    seconds = round(time.monotonic() - started_s, 3)
    sys.stdout.write(json.dumps({"paths": brought.paths, "total": brought.total, "seconds": seconds}) + "\n")


async def _transfer(settings: TransferSettings) -> Part:
    progress = Progress()
    async with AsyncExitStack() as stack:
        source = SourceCounter(
            topology_of(settings.source_address, settings.name_in_source),
            settings.name_in_source,
            settings.timeout_s,
            settings.max_paths_per_packet,
        )
        stack.push_async_callback(source.aclose)
        target = TargetCounter(
            topology_of(settings.target_address, settings.name), settings.name, settings.timeout_s, settings.id
        )
        stack.push_async_callback(target.aclose)
        _log.info(
            "copying",
            counter=settings.name,
            transfer=settings.id,
            source=without_password(settings.source),
            target=without_password(settings.target),
        )
        telling = asyncio.create_task(_tell(progress))
        stack.callback(telling.cancel)
        return await transfer(source, target, settings.id, merge=settings.merge, progress=progress)


async def _tell(progress: Progress) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_INTERVAL_S)
        _log.info("copied so far", paths=progress.paths, of_paths=progress.all_paths, answers=progress.answers)


if __name__ == "__main__":
    main()
