"""Reads how a RequestCounter's children do: the workloads from the watches, the total from the service itself."""

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import replace

import structlog

from request_counter_operator.api import RequestCounter
from request_counter_operator.backups import NO_RESTORE, RestoreReading, read_backups, read_restore, restore_run, run_of
from request_counter_operator.cache import Cache, Child, ChildKey, Key, Rollout
from request_counter_operator.conditions import Observed
from request_counter_operator.errors import ApiError, NotFoundError
from request_counter_operator.kinds import DEPLOYMENT, JOB, POD, SECRET, STATEFUL_SET
from request_counter_operator.kube import Cluster
from request_counter_operator.names import ADMIN_PORT, admin_name, child_name, selector_of
from request_counter_operator.redis_admin.certificates import Certificates, Found
from request_counter_operator.redis_admin.cluster.keeper import ClusterKeeper
from request_counter_operator.redis_admin.looking import Means, look
from request_counter_operator.redis_admin.reading import NOT_READ, StoreReading
from request_counter_operator.redis_admin.stores import Stores
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.topology import workload_names
from request_counter_operator.totals import SILENCE, Totals
from request_counter_operator.turns import Made

log = structlog.get_logger()


class Observer:
    """Observes any RequestCounter.

    Args:
        cache: what the watches tell.
        cluster: where Secrets are looked for, and the last words of pods that restore.
        totals: what the services tell.
        stores: what the Redis servers tell.
        may_act: whether this process may change anything just now.
    """

    def __init__(
        self, cache: Cache, cluster: Cluster, totals: Totals, stores: Stores, may_act: Callable[[], bool]
    ) -> None:
        self._cache = cache
        self._cluster = cluster
        self._totals = totals
        self._stores = stores
        self._may_act = may_act
        self._certificates = Certificates(cluster, time.monotonic)
        self._keepers: dict[Key, tuple[str, ClusterKeeper]] = {}

    async def observe(
        self,
        key: Key,
        counter: RequestCounter,
        made: Made,
        *,
        fight: str | None = None,
        credentials: Credentials,
    ) -> Observed:
        """Return what is the case after the pass that came to ``made``; a silent service is no error.

        Redis's servers are asked with ``credentials``; ``fight`` tells who keeps changing a child.

        Raises:
            ApiError: Whether a Secret is there that the resource refers to could not be found out, or what pods said.
        """
        live = _newest(self._cache.children(key), made.applied)
        rollout, servers = _workloads(counter, live)
        redis = Rollout.of_all(servers.values())
        self._follow(key, counter, rollout, redis)
        self._follow_store(key, counter, redis, credentials)
        latest = self._totals.latest(key)
        reading = latest or SILENCE
        return Observed(
            service=rollout,
            redis=redis,
            revisions={name: one.revision for name, one in servers.items() if one is not None},
            store=self._stores.latest(key),
            transfer=run_of(live, ChildKey(JOB.kind, child_name(counter, "transfer"))),
            happenings=self._stores.take_happenings(key),
            total=reading.total,
            requests_per_second=reading.rate,
            store_fault=reading.store_fault,
            is_unasked=latest is None,
            failures=tuple(made.failures),
            fight=fight,
            missing_secrets=tuple([name async for name in self._missing_secrets(key, counter, rollout)]),
            backups=read_backups(counter, live),
            restore=await self._restore(counter, live),
        )

    async def look_now(self, key: Key) -> StoreReading:
        """Return what the servers say at this moment."""
        return await self._stores.look_now(key)

    async def certificate(self, key: Key, counter: RequestCounter) -> str:
        """Return the digest of the certificate that the counter's own Redis is to use; empty without TLS.

        Raises:
            ApiError: It could not be found out.
        """
        return await self._certificates.digest(key, counter)

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a RequestCounter that is gone."""
        self._certificates.forget(key)
        self._totals.unfollow(key)
        self._unfollow_store(key)

    def _unfollow_store(self, key: Key) -> None:
        self._stores.unfollow(key)
        self._keepers.pop(key, None)

    async def _restore(self, counter: RequestCounter, live: dict[ChildKey, Child]) -> RestoreReading:
        """Read what came of the Job that restores; its pods are looked at when it has ended."""
        run = restore_run(counter, live)
        if run is None:
            return NO_RESTORE
        pods = await self._cluster.list(POD, counter.metadata.namespace, selector_of(counter, "restore"))
        return read_restore(counter, run, pods)

    def _follow_store(self, key: Key, counter: RequestCounter, redis: Rollout | None, credentials: Credentials) -> None:
        if counter.spec.store.redis.mode == "External" or redis is None or not redis.present:
            self._unfollow_store(key)
            return
        is_doubtful = redis.ready < redis.wanted or redis.updated < redis.present or len(credentials.accepted) > 1
        # Who is to be left alone, or is being put to sleep, is only looked at.
        is_free, keeper = counter.spec.suspend == "None", self._keeper(key, counter)

        def may_act() -> bool:
            return is_free and self._may_act()

        async def hosts() -> Mapping[str, str]:
            return {} if is_doubtful else await self._hosts(counter)

        async def look_at() -> StoreReading:
            found = await self._certificate(key, counter)
            reading = NOT_READ
            # Without knowing whom to trust, nobody can be asked.
            if counter.spec.store.redis.tls is None or found.trust is not None:
                may_renew = found.missing is None
                reading = await look(counter, Means(credentials, found.trust, keeper, may_act, hosts, may_renew))
            return replace(reading, certificate_fault=found.missing)

        self._stores.follow(key, look_at, is_doubtful=is_doubtful)

    async def _hosts(self, counter: RequestCounter) -> Mapping[str, str]:
        """Return the node that each pod of a cluster is on; nothing when they cannot be listed."""
        try:
            pods = await self._cluster.list(POD, counter.metadata.namespace, selector_of(counter, "cluster"))
        except ApiError as error:
            log.info(
                "pods not listed", namespace=counter.metadata.namespace, name=counter.metadata.name, error=str(error)
            )
            return {}
        return {pod["metadata"]["name"]: pod["spec"]["nodeName"] for pod in pods if "nodeName" in pod["spec"]}

    async def _certificate(self, key: Key, counter: RequestCounter) -> Found:
        """Return what is known of the certificate; nothing without TLS, and while the Secret cannot be read."""
        try:
            return await self._certificates.of(key, counter)
        except ApiError as error:
            log.info("certificate not read", namespace=key.namespace, name=key.name, error=str(error))
            return Found()

    def _keeper(self, key: Key, counter: RequestCounter) -> ClusterKeeper:
        """Return who keeps this very resource's cluster, and remembers how it has been."""
        uid, keeper = self._keepers.get(key, ("", None))
        if keeper is None or uid != counter.metadata.uid:
            keeper = ClusterKeeper(time.monotonic)
            self._keepers[key] = (counter.metadata.uid, keeper)
        return keeper

    def _follow(self, key: Key, counter: RequestCounter, service: Rollout | None, redis: Rollout | None) -> None:
        if service is None or not service.present:
            self._totals.unfollow(key)
            return
        url = f"http://{admin_name(counter)}.{counter.metadata.namespace}.svc:{ADMIN_PORT}"
        is_well = service.ready >= service.wanted and (redis is None or redis.ready >= redis.wanted)
        latest = self._totals.latest(key)
        self._totals.follow(key, url, is_doubtful=not is_well or latest is None or latest.total is None)

    async def _missing_secrets(self, key: Key, counter: RequestCounter, service: Rollout | None) -> AsyncIterator[str]:
        """Find the Secrets that pods wait for; but for certificates, they are looked for while a pod is not ready."""
        if (missing := (await self._certificates.of(key, counter)).missing) is not None:
            yield missing
        if service is not None and service.ready >= service.wanted:
            return
        for name, item in _secret_references(counter):
            try:
                secret = await self._cluster.get(SECRET, counter.metadata.namespace, name)
            except NotFoundError:
                yield f"Secret {name}"
            else:
                if item not in secret.get("data", {}):
                    yield f"key {item} of Secret {name}"


def _newest(told: dict[ChildKey, Child], applied: dict[ChildKey, Child]) -> dict[ChildKey, Child]:
    """Return the children as they are by now.

    What was applied a moment ago, the watch tells as it was before: that would look like a rollout that is done.
    """
    return told | {
        key: child
        for key, child in applied.items()
        if key not in told or told[key].resource_version < child.resource_version
    }


def _workloads(
    counter: RequestCounter, live: Mapping[ChildKey, Child]
) -> tuple[Rollout | None, dict[str, Rollout | None]]:
    """Return the service's Deployment, and the StatefulSets of servers with data by name; None for one that is not."""
    service = _rollout(live, ChildKey(DEPLOYMENT.kind, child_name(counter, "service")))
    return service, {name: _rollout(live, ChildKey(STATEFUL_SET.kind, name)) for name in workload_names(counter)}


def _rollout(live: Mapping[ChildKey, Child], key: ChildKey) -> Rollout | None:
    child = live.get(key)
    return None if child is None else child.rollout


def _secret_references(counter: RequestCounter) -> Iterator[tuple[str, str]]:
    external = counter.spec.store.redis.external
    if external is None:
        return
    for reference in (external.password_secret_ref, external.ca_secret_ref):
        if reference is not None:
            yield reference.name, reference.key
    if external.client_certificate_secret_ref is not None:
        for key in ("tls.crt", "tls.key"):
            yield external.client_certificate_secret_ref.name, key
