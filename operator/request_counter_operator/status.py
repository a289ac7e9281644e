"""What a RequestCounter's status says of what was observed, and what of a new status is news. Pure."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest

from request_counter_operator.api import Condition, RequestCounter, Status, StoreStatus
from request_counter_operator.conditions import Observed, Verdict, invalid_verdicts, verdicts
from request_counter_operator.happening import Happening
from request_counter_operator.names import SERVICE_PORT, child_name, selector
from request_counter_operator.redis_admin.reading import StoreReading
from request_counter_operator.renewal import next_auth
from request_counter_operator.settings import Settings

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
        store=_store(counter, observed, now),
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
        for old_primary, new_primary in _moved(before.store, after.store):
            yield Happening("Normal", "FailedOver", f"{new_primary} is primary, {old_primary} was")


def _moved(before: StoreStatus, after: StoreStatus) -> list[tuple[str, str]]:
    """Return who was primary and who is instead, for each shard where that is another one."""
    pairs = [(before.primary or "", after.primary or ""), *zip(before.primaries, after.primaries, strict=False)]
    return [(old, new) for old, new in pairs if old and new and old != new]


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


def _store(counter: RequestCounter, observed: Observed, now: str) -> StoreStatus:
    """Return what there is to say of the Redis; what cannot be seen at the moment stays as it was."""
    mode, reading = counter.spec.store.redis.mode, observed.store
    before = counter.status.store or StoreStatus()
    if before.mode != mode:
        before = StoreStatus(mode=mode, auth=before.auth)
    auth = next_auth(counter, reading.logins, now)
    if mode == "External":
        return StoreStatus(mode=mode)
    if mode == "Standalone":
        primary, version = f"{child_name(counter, 'redis')}-0", reading.version or before.version
        return StoreStatus(mode=mode, primary=primary, version=version, auth=auth)
    after = StoreStatus(
        mode=mode,
        primary=reading.primary or before.primary,
        primaries=_primaries(before, reading),
        version=reading.version or before.version,
        cluster_state=reading.cluster_state or before.cluster_state,
        shards=_shards(counter, before, reading) if mode == "Cluster" else None,
        bootstrapped=before.bootstrapped or reading.is_whole or None,
        last_failover=before.last_failover,
        servers=reading.servers or before.servers,
        auth=auth,
    )
    return after.model_copy(update={"last_failover": now}) if _moved(before, after) else after


def _primaries(before: StoreStatus, reading: StoreReading) -> tuple[str, ...]:
    """Return the primary of each shard; a shard that has none now keeps the last one it had."""
    if not reading.primaries:
        return before.primaries
    return tuple(new or old for new, old in zip_longest(reading.primaries, before.primaries, fillvalue=""))[
        : len(reading.primaries)
    ]


def _shards(counter: RequestCounter, before: StoreStatus, reading: StoreReading) -> int:
    """Return how many shards are to be there. One that has counts, or may have, is not to go."""
    held = before.shards if reading.shards is None else reading.shards
    return max(counter.spec.store.redis.primaries, held or 0)
