"""`python -m counter_service.transfer.restore`: a transfer for each file of a backup, one after the other.

A backup has a file for each shard of the Redis that it is of, and beside this program a server has loaded each of them.
All together are one transfer, named by ``--id`` and the backup: it may be killed and repeated as any other.
"""

from collections.abc import Sequence
from contextlib import aclosing

import structlog

from counter_service.errors import TransferError, TransferRefusedError
from counter_service.transfer.ending import run_to_end
from counter_service.transfer.marks import NOTHING, Part, sum_of
from counter_service.transfer.restore_settings import BACKUP_FILE, PROGRAM, RestoreSettings
from counter_service.transfer.running import run, source_of

_log = structlog.get_logger()


def main() -> None:
    """Restore; exits with 0, 1, 2 (wrong settings) or 3 as --help says."""
    run_to_end(RestoreSettings, PROGRAM, restore)


async def restore(settings: RestoreSettings) -> Part:
    """Copy what all files of the backup hold of the counter.

    Returns:
        What the target has by now.

    Raises:
        TransferRefusedError: no file knows the counter, or the target has other counts; it was not touched.
        CounterServiceError: it failed, and may be repeated.
    """
    steps = steps_of(settings)
    found = [await _survey(step) for step in steps]
    if sum_of(found) == NOTHING:
        raise TransferRefusedError(f"the backup holds no path of a counter {settings.name_in_source}")
    brought = NOTHING
    for step in steps:
        brought = await run(step)
    if brought != sum_of(found):
        raise TransferError(f"the target has got {brought}, and the backup holds {sum_of(found)}")
    _log.info("restored", counter=settings.name, transfer=steps[0].id)
    return brought


def steps_of(settings: RestoreSettings) -> Sequence[RestoreSettings]:
    """Return the settings of the transfer of each file, by its number.

    Raises:
        TransferError: the folder is not one of a backup.
    """
    numbers = sorted(int(file.stem) for file in settings.folder.glob("*.rdb"))
    if not numbers or numbers != list(range(len(numbers))):
        raise TransferError(f"{settings.folder} has not the files 0.rdb, 1.rdb and so on")
    backup = (settings.folder / BACKUP_FILE).read_text().strip()
    host, _, first_port = settings.source.rpartition(":")
    return [
        settings.model_copy(
            update={
                "source": f"{host}:{int(first_port) + number}",
                "id": f"{settings.id}/{backup}",
                "merge": number > 0,
            }
        )
        for number in numbers
    ]


async def _survey(step: RestoreSettings) -> Part:
    async with aclosing(source_of(step)) as source:
        return sum_of(await source.survey())


if __name__ == "__main__":
    main()
