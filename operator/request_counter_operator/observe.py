"""Reads how a RequestCounter's children do: the workloads from the watches, the total from the service itself."""

from collections.abc import AsyncIterator, Iterator, Sequence

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Cache, ChildKey, Key, Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.errors import NotFoundError, OperatorError
from request_counter_operator.kinds import DEPLOYMENT, SECRET, STATEFUL_SET
from request_counter_operator.kube import Cluster
from request_counter_operator.names import ADMIN_PORT, admin_name, child_name
from request_counter_operator.totals import SILENCE, Totals


class Observer:
    """Observes any RequestCounter.

    Args:
        cache: what the watches tell.
        cluster: where Secrets are looked for.
        totals: what the services tell.
    """

    def __init__(self, cache: Cache, cluster: Cluster, totals: Totals) -> None:
        self._cache = cache
        self._cluster = cluster
        self._totals = totals

    async def observe(
        self, key: Key, counter: RequestCounter, failures: Sequence[OperatorError], *, fight: str | None = None
    ) -> Observed:
        """Return what is the case, ``failures`` of the apply before it included; a silent service is no error.

        Raises:
            ApiError: Whether a Secret is there that the resource refers to could not be found out.
        """
        live = self._cache.children(key)
        service = live.get(ChildKey(DEPLOYMENT.kind, child_name(counter, "service")))
        redis = live.get(ChildKey(STATEFUL_SET.kind, child_name(counter, "redis")))
        rollout = None if service is None else service.rollout
        redis_rollout = None if redis is None else redis.rollout
        self._follow(key, counter, rollout, redis_rollout)
        latest = self._totals.latest(key)
        reading = latest or SILENCE
        return Observed(
            service=rollout,
            redis=redis_rollout,
            total=reading.total,
            requests_per_second=reading.rate,
            store_fault=reading.store_fault,
            is_unasked=latest is None,
            failures=tuple(failures),
            fight=fight,
            missing_secrets=tuple([name async for name in self._missing_secrets(counter, rollout)]),
        )

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a RequestCounter that is gone."""
        self._totals.unfollow(key)

    def _follow(self, key: Key, counter: RequestCounter, service: Rollout | None, redis: Rollout | None) -> None:
        if service is None or not service.present:
            self._totals.unfollow(key)
            return
        url = f"http://{admin_name(counter)}.{counter.metadata.namespace}.svc:{ADMIN_PORT}"
        is_well = service.ready >= service.wanted and (redis is None or redis.ready >= redis.wanted)
        latest = self._totals.latest(key)
        self._totals.follow(key, url, is_doubtful=not is_well or latest is None or latest.total is None)

    async def _missing_secrets(self, counter: RequestCounter, service: Rollout | None) -> AsyncIterator[str]:
        """Find the Secrets that pods wait for; they are looked for while some pod is not ready."""
        if service is not None and service.ready >= service.wanted:
            return
        for name, key in _secret_references(counter):
            try:
                secret = await self._cluster.get(SECRET, counter.metadata.namespace, name)
            except NotFoundError:
                yield f"Secret {name}"
            else:
                if key not in secret.get("data", {}):
                    yield f"key {key} of Secret {name}"


def _secret_references(counter: RequestCounter) -> Iterator[tuple[str, str]]:
    external = counter.spec.store.redis.external
    for reference in (external.password_secret_ref, external.ca_secret_ref) if external is not None else ():
        if reference is not None:
            yield reference.name, reference.key
