"""`python -m counter_service.transfer`: settings in, one line of JSON out, and an exit status that tells what to do."""

import sys

from counter_service.errors import InvalidSettingsError
from counter_service.settings import exit_for_invalid_settings, settings_of
from counter_service.transfer.ending import run_to_end
from counter_service.transfer.running import run
from counter_service.transfer.settings import PROGRAM, TransferSettings


def main() -> None:
    """Copy; exits with 0, 1, 2 (wrong settings) or 3 as --help says."""
    try:
        settings = settings_of(TransferSettings, sys.argv[1:])
    except InvalidSettingsError as error:
        exit_for_invalid_settings(error, PROGRAM)
    run_to_end(settings, run)


if __name__ == "__main__":
    main()
