"""The RequestCounter resource as typed values: what crds/requestcounters.requestcounter.io.yaml says, field by field.

The API server fills in defaults and refuses wrong values before the operator sees a resource; the same defaults stand
here so that a resource can be made in a test or read from a file. Pure: nothing here knows a cluster or a clock.
"""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from request_counter_operator.errors import InvalidResourceError

GROUP = "requestcounter.io"
VERSION = "v1"
KIND = "RequestCounter"
PLURAL = "requestcounters"
API_VERSION = f"{GROUP}/{VERSION}"


class Model(BaseModel):
    """A frozen value whose fields are written in camelCase outside of Python. Unknown fields are a newer version's."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")


class ResourceList(Model):
    """CPU and memory as Kubernetes quantities, such as ``100m`` and ``64Mi``."""

    cpu: str | int | None = None
    memory: str | int | None = None


class Resources(Model):
    """What a container asks for, and may use at most."""

    requests: ResourceList | None = None
    limits: ResourceList | None = None


DEFAULT_RESOURCES = Resources(requests=ResourceList(cpu="100m", memory="64Mi"), limits=ResourceList(memory="256Mi"))


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


class Persistence(Model):
    """Redis's volume: its size as a quantity, and whether it outlives the RequestCounter."""

    enabled: bool = True
    size: str = "1Gi"
    storage_class_name: str | None = None
    retain: bool = True


class SecretKeyRef(Model):
    """A key of a Secret in the resource's namespace."""

    name: str
    key: str


class External(Model):
    """A Redis that somebody else runs. The URL never holds a password."""

    url: str
    password_secret_ref: SecretKeyRef | None = None
    ca_secret_ref: SecretKeyRef | None = None


class Redis(Model):
    """The Redis that holds the counts: run by us (Standalone) or by somebody else (External)."""

    mode: Literal["Standalone", "External"] = "Standalone"
    image: str | None = None
    resources: Resources = DEFAULT_RESOURCES
    persistence: Persistence = Persistence()
    external: External | None = None


class Store(Model):
    """Where the counts are kept, and what an acknowledgement promises."""

    type: Literal["Redis"] = "Redis"
    durability: Literal["None", "Persisted"] = "Persisted"
    redis: Redis = Redis()


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


class Condition(Model):
    """One aspect of the resource's state, as the Kubernetes API conventions define it.

    ``last_transition_time`` is RFC 3339 and moves only when ``status`` does.
    """

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    last_transition_time: str
    observed_generation: int | None = None


class StoreStatus(Model):
    """Which Redis holds the counts."""

    mode: str | None = None
    primary: str | None = None


class Status(Model):
    """What is the case. Everything in it can be observed anew."""

    observed_generation: int | None = None
    conditions: tuple[Condition, ...] = ()
    replicas: int | None = None
    ready_replicas: int | None = None
    selector: str | None = None
    url: str | None = None
    total: int | None = None
    requests_per_second: int | None = None
    store: StoreStatus | None = None

    def to_body(self) -> dict[str, Any]:
        """Return the status as the API server stores it, without what is unknown."""
        return self.model_dump(by_alias=True, exclude_none=True, mode="json")


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
    def is_paused(self) -> bool:
        """Whether the operator is to leave everything as it is."""
        return self.spec.suspend == "Reconcile"

    @property
    def minimum_replicas(self) -> int:
        """Pods below which the service is not what was asked for."""
        return self.spec.replicas if self.spec.autoscaling is None else self.spec.autoscaling.min_replicas
