"""The part of the resource that says where the counts are kept."""

from typing import Literal, TypeAlias

from request_counter_operator.api.model import DEFAULT_RESOURCES, Model, Resources

DEFAULT_SHARDS = 3
DEFAULT_REPLICAS = 2


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


class SecretRef(Model):
    """A Secret in the resource's namespace, as a whole."""

    name: str


class External(Model):
    """A Redis that somebody else runs. The URL never holds a password."""

    url: str
    password_secret_ref: SecretKeyRef | None = None
    ca_secret_ref: SecretKeyRef | None = None
    client_certificate_secret_ref: SecretRef | None = None


class RedisTls(Model):
    """The certificate of the counter's own Redis: a Secret with ``tls.crt``, ``tls.key`` and ``ca.crt``."""

    secret_name: str


class Auth(Model):
    """When passwords are renewed: once for each new text of ``rotate``, and when they are so many days old."""

    rotate: str = ""
    rotate_after_days: int | None = None


Durability: TypeAlias = Literal["None", "Persisted", "Replicated"]
Mode: TypeAlias = Literal["Standalone", "Sentinel", "Cluster", "External"]


class Redis(Model):
    """The Redis that holds the counts: run by us in one of three ways, or by somebody else (External).

    ``replicas`` is for each primary, and None is the default; see ``replicas_per_primary``.
    """

    mode: Mode = "Standalone"
    replicas: int | None = None
    shards: int | None = None
    read_from: Literal["Primary", "Replica"] = "Primary"
    auth: Auth = Auth()
    tls: RedisTls | None = None
    image: str | None = None
    resources: Resources = DEFAULT_RESOURCES
    persistence: Persistence = Persistence()
    external: External | None = None

    @property
    def replicas_per_primary(self) -> int:
        """How many replicas each primary is to have."""
        if self.mode not in {"Sentinel", "Cluster"}:
            return 0
        return DEFAULT_REPLICAS if self.replicas is None else self.replicas

    @property
    def primaries(self) -> int:
        """How many primaries our own Redis is to have; 0 when somebody else runs it."""
        if self.mode == "Cluster":
            return self.shards or DEFAULT_SHARDS
        return 0 if self.mode == "External" else 1


class BackupVolume(Model):
    """Where backups go: a claim that is made with these properties, or ``claim_name``, which somebody else has made."""

    size: str = "1Gi"
    storage_class_name: str | None = None
    claim_name: str | None = None


class Backup(Model):
    """When the counter's own Redis is written to files (cron, UTC), and how many such backups are kept."""

    schedule: str
    keep: int = 7
    volume: BackupVolume = BackupVolume()


class Store(Model):
    """Where the counts are kept, and what an acknowledgement promises."""

    type: Literal["Redis"] = "Redis"
    durability: Durability = "Persisted"
    redis: Redis = Redis()
    backup: Backup | None = None
