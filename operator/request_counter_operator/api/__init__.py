"""The RequestCounter resource as typed values: what crds/requestcounters.requestcounter.io.yaml says, field by field.

The API server fills in defaults and refuses wrong values before the operator sees a resource; the same defaults stand
here so that a resource can be made in a test or read from a file. Pure: nothing here knows a cluster or a clock.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError

from request_counter_operator.api.model import DEFAULT_RESOURCES as DEFAULT_RESOURCES
from request_counter_operator.api.model import Model as Model
from request_counter_operator.api.model import Resources as Resources
from request_counter_operator.api.status import AuthStatus as AuthStatus
from request_counter_operator.api.status import Condition as Condition
from request_counter_operator.api.status import Move as Move
from request_counter_operator.api.status import Server as Server
from request_counter_operator.api.status import Status as Status
from request_counter_operator.api.status import StoreStatus as StoreStatus
from request_counter_operator.api.store import Backup as Backup
from request_counter_operator.api.store import External as External
from request_counter_operator.api.store import Redis as Redis
from request_counter_operator.api.store import RedisTls as RedisTls
from request_counter_operator.api.store import SecretKeyRef as SecretKeyRef
from request_counter_operator.api.store import Store as Store
from request_counter_operator.errors import InvalidResourceError

GROUP = "requestcounter.io"
VERSION = "v1"
KIND = "RequestCounter"
PLURAL = "requestcounters"
API_VERSION = f"{GROUP}/{VERSION}"


class Autoscaling(Model):
    """Bounds and aim of the HorizontalPodAutoscaler."""

    min_replicas: int = 2
    max_replicas: int
    target_cpu_utilization_percentage: int = Field(default=70, alias="targetCPUUtilizationPercentage")


class Tls(Model):
    """The certificate that an Ingress serves."""

    secret_name: str


class Exposure(Model):
    """How the counter is reached from outside the cluster."""

    type: Literal["None", "Ingress"] = "None"
    host: str | None = None
    class_name: str | None = None
    annotations: Mapping[str, str] | None = None
    tls: Tls | None = None


class RateLimit(Model):
    """How many requests each pod lets through for a client, a path or the counter.

    ``trusted_hops`` is how many proxies add their client to X-Forwarded-For; None is one behind an Ingress, else none.
    """

    requests_per_second: int
    burst: int | None = None
    per: Literal["Client", "Path", "Counter"] = "Client"
    trusted_hops: int | None = None


class Limits(Model):
    """Bounds on what clients may make the counter store: bytes a path, number of distinct paths."""

    max_path_bytes: int = 2048
    max_paths: int = 1_000_000


class Logging(Model):
    """How much the service's pods log."""

    level: Literal["debug", "info", "warning", "error"] = "info"


class RestoreFrom(Model):
    """The backup that a new counter begins with.

    ``backup`` is its name, or ``latest``; ``counter`` is whose it is (namespace/name), None being the counter itself.
    """

    claim_name: str
    backup: str = "latest"
    counter: str | None = None


class Spec(Model):
    """What is wanted.

    ``suspend`` keeps the operator's hands off the children (Reconcile), or takes the pods away and keeps the rest
    (Workload).
    """

    suspend: Literal["None", "Reconcile", "Workload"] = "None"
    replicas: int = 2
    autoscaling: Autoscaling | None = None
    image: str | None = None
    resources: Resources = DEFAULT_RESOURCES
    exposure: Exposure = Exposure()
    rate_limit: RateLimit | None = None
    limits: Limits = Limits()
    logging: Logging = Logging()
    store: Store = Store()
    restore_from: RestoreFrom | None = None


class Metadata(Model):
    """The part of an object's metadata that the operator reads."""

    name: str
    namespace: str
    uid: str
    resource_version: str | None = None
    generation: int = 1
    deletion_timestamp: str | None = None


class RequestCounter(Model):
    """One RequestCounter, as it was when it was read."""

    metadata: Metadata
    spec: Spec = Spec()
    status: Status = Status()

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> Self:
        """Read a resource from the API server's JSON.

        Raises:
            InvalidResourceError: A field has a type or value that this version does not know.
        """
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InvalidResourceError(faults) from error

    @property
    def is_being_deleted(self) -> bool:
        """Whether deletion was asked for: from then on nothing may be created for it."""
        return self.metadata.deletion_timestamp is not None

    @classmethod
    def without_spec(cls, body: Mapping[str, Any]) -> Self:
        """Read a resource whose specification cannot be read, as far as its status has to tell of it.

        Raises:
            InvalidResourceError: Not even that.
        """
        return cls.from_body({"metadata": body["metadata"], "status": body.get("status", {})})

    @property
    def is_hibernating(self) -> bool:
        """Whether no pods are wanted, and all else is to stay."""
        return self.spec.suspend == "Workload"

    @property
    def is_restoring(self) -> bool:
        """Whether it is still to get its counts from a backup: until then nobody may count."""
        store = self.status.store
        return self.spec.restore_from is not None and (store is None or store.restored is None)

    @property
    def is_paused(self) -> bool:
        """Whether the operator is to leave everything as it is."""
        return self.spec.suspend == "Reconcile"

    @property
    def is_moving(self) -> bool:
        """Whether the counts are in another Redis than the one that is wanted.

        One server becomes the primary of a group where it is, so there nothing is moved.
        """
        wanted = self.spec.store.redis.mode
        has_counts = None if self.status.store is None else self.status.store.mode
        return has_counts not in {None, wanted} and (has_counts, wanted) != ("Standalone", "Sentinel")

    @property
    def serving(self) -> "RequestCounter":
        """It, with the Redis that has the counts: while they are moved, not the one that is wanted."""
        store, redis = self.status.store, self.spec.store.redis
        if store is None or not self.is_moving:
            return self
        served = redis.model_copy(
            update={
                "mode": store.mode,
                "external": store.external,
                # Of two Redises of its own, both have it or neither.
                "tls": store.tls if "External" in {store.mode, redis.mode} else redis.tls,
                "read_from": "Primary" if store.mode == "Standalone" else redis.read_from,
            }
        )
        update = {"redis": served, "durability": store.durability or self.spec.store.durability}
        spec = self.spec.model_copy(update={"store": self.spec.store.model_copy(update=update)})
        return self.model_copy(update={"spec": spec})

    @property
    def redis_tls(self) -> RedisTls | None:
        """The certificate of the Redis of its own, of the wanted one or else of the one that has the counts."""
        return self.spec.store.redis.tls or self.serving.spec.store.redis.tls

    @property
    def move(self) -> Move | None:
        """How far its counts have come on their way to the Redis that is wanted; None when they are there."""
        return self.status.store.move if self.status.store is not None and self.is_moving else None

    @property
    def promised_shards(self) -> int:
        """How many shards of its cluster are to stay, by its status; 0 before that was ever written down."""
        store = self.status.store
        if store is None or "Cluster" not in {store.mode, None if store.move is None else store.move.to}:
            return 0
        return store.shards or 0

    @property
    def is_bootstrapped(self) -> bool:
        """Whether its Redis, of the mode that is wanted, has come together once: from then on it has data to lose."""
        store = self.status.store
        return store is not None and store.mode == self.spec.store.redis.mode and bool(store.bootstrapped)

    @property
    def auth(self) -> AuthStatus | None:
        """How far the renewal of its passwords has come; None before that was ever written down."""
        return None if self.status.store is None else self.status.store.auth

    @property
    def minimum_replicas(self) -> int:
        """Pods below which the service is not what was asked for."""
        return self.spec.replicas if self.spec.autoscaling is None else self.spec.autoscaling.min_replicas
