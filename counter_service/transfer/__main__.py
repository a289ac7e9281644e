"""`python -m counter_service.transfer`: settings in, one line of JSON out, and an exit status that tells what to do."""

from counter_service.transfer.ending import run_to_end
from counter_service.transfer.running import run
from counter_service.transfer.settings import PROGRAM, TransferSettings


def main() -> None:
    """Copy; exits with 0, 1, 2 (wrong settings) or 3 as --help says."""
    run_to_end(TransferSettings, PROGRAM, run)


if __name__ == "__main__":
    main()
