"""What makes Redis answer only when the writes before it are where they must be."""

from typing import Any

from counter_service.errors import StoreUnavailableError
from counter_service.store.redis_exchange import Command
from counter_service.store.redis_lines import Proof


def proof_of(*, disk: bool, replica: bool, timeout_ms: int) -> Proof | None:
    """Return what a packet is to end with.

    Args:
        disk: whether the primary must have written it to its append-only file, and that to its disk (WAITAOF).
        replica: whether a replica must have received it (WAIT). Its disk is not asked for (WAITAOF 1 1): a replica
            tells how far that is once a second only, unless it is asked again, so that every packet would take as long.
        timeout_ms: how long Redis may hold its answer back.

    Returns:
        The proof, whose check raises StoreUnavailableError where a write is not there yet; None where nothing is asked.
    """
    commands: tuple[Command, ...] = ()
    if disk:
        commands += (("WAITAOF", 1, 0, timeout_ms),)
    if replica:
        commands += (("WAIT", 1, timeout_ms),)
    return Proof(commands, _check) if commands else None


def _check(command: Command, reached: Any) -> None:
    if command[0] == "WAITAOF" and reached[0] < 1:
        raise StoreUnavailableError("Redis has not written it to its disk yet")
    if command[0] == "WAIT" and reached < 1:
        raise StoreUnavailableError("no replica of Redis has it yet")
