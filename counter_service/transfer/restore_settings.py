"""What a restore can be told: all that a transfer can, and where the backup's files are."""

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from counter_service.transfer.settings import TransferSettings

PROGRAM = "python -m counter_service.transfer.restore"
BACKUP_FILE: Final = "backup"
_PURPOSE = (
    "Copy all counts of a counter, whose service is stopped, from the files of a backup, each of which a server of its "
    "own has loaded. Ends as python -m counter_service.transfer does, and with 3 also when no file knows the counter. "
    "Each option is a variable too: --folder is COUNTER_TRANSFER_FOLDER."
)


class RestoreSettings(TransferSettings):
    """All options, as flags and environment say."""

    model_config = SettingsConfigDict(
        json_schema_extra={"description": _PURPOSE},
        cli_prog_name=PROGRAM,
    )

    source: str = Field(
        "redis://127.0.0.1:7000",
        pattern=r"^redis://127\.0\.0\.1:[0-9]{1,5}$",
        description="the server that has loaded 0.rdb; those of the other files have the ports after its own",
    )
    folder: Path = Field(
        description=f"folder with the files 0.rdb, 1.rdb and so on, and the backup's name in the file {BACKUP_FILE}"
    )
