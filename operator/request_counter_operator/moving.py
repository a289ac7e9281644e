"""How the counts of a counter come from one Redis to another of another mode: which step comes after which. Pure.

The other Redis is made beside the first. Then the service ends, which hands over its last counts; a Job copies all of
them; and only when that has succeeded does the status say that the other Redis has the counts now. Whoever stops in
between goes on from what the status says. Until the last step, the first Redis has all counts, and a specification that
says so again ends the move.
"""

from request_counter_operator.api import Move, RequestCounter
from request_counter_operator.conditions import Observed


def next_move(counter: RequestCounter, observed: Observed, now: str) -> Move | None:
    """Return how far the move to the wanted Redis has come; None when all counts are there.

    Once the service was stopped, only the end of the copying starts it again, or another specification: it must not
    count where the counts were while, or after, they are copied.
    """
    wanted = counter.spec.store.redis.mode
    move = counter.move
    if move is None or move.to != wanted:
        return Move(to=wanted, since=now)
    if move.phase == "Preparing" and _is_prepared(counter, observed):
        return move.model_copy(update={"phase": "Stopping"})
    if move.phase == "Stopping" and _has_ended(observed):
        return move.model_copy(update={"phase": "Copying"})
    if move.phase == "Copying" and observed.transfer is not None and observed.transfer.succeeded:
        return None
    return move


def _is_prepared(counter: RequestCounter, observed: Observed) -> bool:
    redis = observed.redis
    if counter.is_restoring:
        return False
    if counter.spec.store.redis.mode == "External":
        return True
    return redis is not None and redis.observed and redis.ready == redis.wanted and observed.store.is_whole


def _has_ended(observed: Observed) -> bool:
    service = observed.service
    return service is not None and service.observed and service.wanted == service.present == service.ending == 0
