"""What a RequestCounter's status says of what was observed, and what of a new status is news. Pure."""

from collections.abc import Iterator, Mapping

from request_counter_operator.api import Condition, RequestCounter, Status, StoreStatus
from request_counter_operator.conditions import Observed, Verdict, invalid_verdicts, verdicts
from request_counter_operator.happening import Happening
from request_counter_operator.names import SERVICE_PORT, child_name, selector
from request_counter_operator.settings import Settings
from request_counter_operator.store_status import new_primaries, store_status

HTTP_PORT = 80
HTTPS_PORT = 443

_SWITCHES = {
    "Ready": ("NotReady", "Ready"),
    "ReconciliationPaused": ("Resumed", "Paused"),
    "Hibernated": ("WokenUp", "Hibernated"),
}
"""What to call it when a condition ends to be true, and begins to."""


def status(counter: RequestCounter, settings: Settings, observed: Observed, now: str) -> Status:
    """Return the whole status. ``now`` (RFC 3339) dates only those conditions whose truth has changed.

    What cannot be observed at the moment, such as the total of a service that is down, stays as it was. So does what
    was not asked for yet: an operator that has just started has nothing to tell of a counter that does as before.
    """
    service = observed.service
    return Status(
        observed_generation=counter.metadata.generation,
        conditions=_conditions(counter, verdicts(counter, observed), now),
        replicas=0 if service is None else service.present,
        ready_replicas=0 if service is None else service.ready,
        selector=selector(counter),
        url=url(counter, settings),
        total=counter.status.total if observed.total is None else observed.total,
        requests_per_second=_rate(counter, observed),
        store=store_status(counter, observed, now),
    )


def invalid_status(counter: RequestCounter, message: str, now: str) -> Status:
    """Return the status of a resource whose specification cannot be read, and why: all else stays as it was."""
    return counter.status.model_copy(
        update={
            "observed_generation": counter.metadata.generation,
            "conditions": _conditions(counter, invalid_verdicts(message), now),
        }
    )


def news(before: Status, after: Status) -> Iterator[Happening]:
    """Return what is worth an Event in a status that has changed: what went well or ill, and what a user switched."""
    old = {condition.type: condition for condition in before.conditions}
    for new in after.conditions:
        known = old.get(new.type)
        if known is not None and (known.status, known.reason) == (new.status, new.reason):
            continue
        happening = _happening(new, None if known is None else known.status)
        if happening is not None:
            yield happening
    yield from _news_of_passwords(before.store, after.store)
    if before.store and after.store:
        yield from _news_of_a_move(before.store, after.store)
        for old_primary, new_primary in new_primaries(before.store, after.store):
            yield Happening("Normal", "FailedOver", f"{new_primary} is primary, {old_primary} was")
    if after.store and after.store.restored and (before.store is None or before.store.restored is None):
        yield Happening("Normal", "Restored", f"the counts of backup {after.store.restored} are there")


def _news_of_a_move(before: StoreStatus, after: StoreStatus) -> Iterator[Happening]:
    if after.move is not None and before.move is None:
        yield Happening(
            "Normal", "CountsMoving", f"from {after.mode} to {after.move.to}: the other Redis is made first"
        )
    elif after.move is None and before.move is not None and after.mode == before.move.to:
        yield Happening("Normal", "CountsMoved", f"from {before.mode} to {after.mode}, all of them")
    elif after.move is None and before.move is not None:
        yield Happening("Normal", "CountsStayed", f"where they were, {after.mode}, and not moved to {before.move.to}")


def _news_of_passwords(before: StoreStatus | None, after: StoreStatus | None) -> Iterator[Happening]:
    if before is None or after is None or before.auth is None or after.auth is None:
        return
    if after.auth.is_renewing and not before.auth.is_renewing:
        note = f"passwords of generation {max(after.auth.accepted)} are made, and everybody goes over to them"
        yield Happening("Normal", "PasswordsRenewing", note)
    if before.auth.is_renewing and not after.auth.is_renewing:
        note = f"nobody uses the passwords of generation {min(before.auth.accepted)} any more: they are refused now"
        yield Happening("Normal", "PasswordsRenewed", note)


def _happening(new: Condition, before: str | None) -> Happening | None:
    """Return what a condition's new status or reason is to be told as, if at all."""
    is_true = new.status == "True"
    if new.type in {"Degraded", "ConfigurationWarning"} and is_true:
        return Happening("Warning", new.reason, new.message)
    was_true = before == "True"
    if is_true == was_true or new.type not in _SWITCHES:
        return None
    if new.type == "Ready" and was_true:
        return Happening("Warning", "NotReady", f"{new.reason}: {new.message}")
    return Happening("Normal", _SWITCHES[new.type][is_true], new.message)


def url(counter: RequestCounter, settings: Settings) -> str:
    """Return the address at which clients reach the counter: its Ingress's, or else its Service's in the cluster."""
    exposure = counter.spec.exposure
    if exposure.type == "None":
        port = "" if SERVICE_PORT == HTTP_PORT else f":{SERVICE_PORT}"
        return f"http://{child_name(counter, 'service')}.{counter.metadata.namespace}.svc{port}"
    if exposure.tls is not None:
        port = "" if settings.ingress_https_port == HTTPS_PORT else f":{settings.ingress_https_port}"
        return f"https://{exposure.host}{port}"
    port = "" if settings.ingress_http_port == HTTP_PORT else f":{settings.ingress_http_port}"
    return f"http://{exposure.host}{port}"


def _rate(counter: RequestCounter, observed: Observed) -> int | None:
    """Return the rate; what it was while the service goes on answering, or was not asked, and a reading is missing."""
    is_to_come = observed.is_unasked or observed.total is not None
    if observed.requests_per_second is None and is_to_come:
        return counter.status.requests_per_second
    return observed.requests_per_second


def _conditions(counter: RequestCounter, found: Mapping[str, Verdict], now: str) -> tuple[Condition, ...]:
    return tuple(_condition(counter, name, verdict, now) for name, verdict in found.items())


def _condition(counter: RequestCounter, name: str, verdict: Verdict, now: str) -> Condition:
    before = next((c for c in counter.status.conditions if c.type == name), None)
    changed = before is None or before.status != verdict.truth
    return Condition(
        type=name,
        status=verdict.truth,
        reason=verdict.reason,
        message=verdict.message,
        last_transition_time=now if before is None or changed else before.last_transition_time,
        observed_generation=counter.metadata.generation,
    )
