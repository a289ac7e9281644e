"""One transfer from its settings to its end, which the log tells of."""

import asyncio
from contextlib import AsyncExitStack
from typing import Final

import structlog

from counter_service.settings import without_password
from counter_service.store.redis_topology import topology_of
from counter_service.transfer.copying import Progress, transfer
from counter_service.transfer.marks import Part
from counter_service.transfer.settings import TransferSettings
from counter_service.transfer.source import SourceCounter
from counter_service.transfer.target import TargetCounter

_PROGRESS_INTERVAL_S: Final = 2.0

_log = structlog.get_logger()


async def run(settings: TransferSettings) -> Part:
    """Copy as the settings say.

    Returns:
        What the transfer has brought, all parts together.

    Raises:
        TransferRefusedError: the target is not this transfer's; it was not touched.
        CounterServiceError: it failed, and may be repeated.
    """
    progress = Progress()
    async with AsyncExitStack() as stack:
        source = source_of(settings)
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


def source_of(settings: TransferSettings) -> SourceCounter:
    """Return the side that is read; the caller closes it."""
    return SourceCounter(
        topology_of(settings.source_address, settings.name_in_source),
        settings.name_in_source,
        settings.timeout_s,
        settings.max_paths_per_packet,
    )


async def _tell(progress: Progress) -> None:
    while True:
        await asyncio.sleep(_PROGRESS_INTERVAL_S)
        _log.info("copied so far", paths=progress.paths, of_paths=progress.all_paths, answers=progress.answers)
