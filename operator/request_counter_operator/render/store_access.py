"""How the service's pods reach their store: URL, password and certificates, as environment, volumes and annotations."""

from dataclasses import dataclass, field

from request_counter_operator.api import External, RequestCounter
from request_counter_operator.names import REDIS_PORT, SENTINEL_PORT, child_name, store_name, store_tls_name
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.manifest import Manifest, secret_file
from request_counter_operator.render.redis_secret import PASSWORD_KEY, USERNAME_KEY
from request_counter_operator.render.redis_tls import CA_KEY
from request_counter_operator.render.topology import group, sentinel_names, shard_servers

_DIRECTORY = "/etc/request-counter"
_PASSWORD_VOLUME = "redis-password"  # noqa: S105 - the name of a volume
_CA_VOLUME = "redis-ca"
_CERTIFICATE_VOLUME = "redis-certificate"

# Any server knows all others. The least number of shards that a cluster can have: more of them change nothing here, and
# so restart no pod of the service.
_NAMED_SHARDS = 3


@dataclass(frozen=True, slots=True)
class StoreAccess:
    """What a pod of the service needs to reach its store. The password itself is in none of it."""

    environment: dict[str, str]
    volumes: list[Manifest] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)

    @property
    def mounts(self) -> list[Manifest]:
        """The volumes as mounts of the container, one directory each."""
        return [
            {"name": volume["name"], "mountPath": f"{_DIRECTORY}/{volume['name']}", "readOnly": True}
            for volume in self.volumes
        ]

    def renamed(self, prefix: str) -> dict[str, str]:
        """Return the environment as that of one side of a transfer: COUNTER_STORE is ``prefix`` there."""
        return {
            name.replace("COUNTER_STORE", prefix): value
            for name, value in self.environment.items()
            if name.startswith("COUNTER_STORE")
        }


def store_access(counter: RequestCounter, credentials: Credentials, *, prefix: str = "") -> StoreAccess:
    """Return the way to the counter's store.

    Args:
        counter: whose store it is.
        credentials: of the counter's own Redis; they do not count for somebody else's.
        prefix: before the names of the volumes, for a pod that goes two ways.
    """
    redis = counter.spec.store.redis
    access = _own(counter, credentials, prefix) if redis.external is None else _external(redis.external, prefix)
    if redis.read_from != "Primary":
        access.environment["COUNTER_READ_FROM"] = redis.read_from
    return access


def own_url(counter: RequestCounter) -> str:
    """Return the URL of the counter's own Redis, without a user."""
    scheme = "redis" if counter.spec.store.redis.tls is None else "rediss"
    if counter.spec.store.redis.mode == "Sentinel":
        sentinels = ",".join(f"{name}:{SENTINEL_PORT}" for name in sentinel_names(counter))
        return f"{scheme}+sentinel://{sentinels}/{group(counter)}"
    if counter.spec.store.redis.mode == "Cluster":
        first = (shard_servers(counter, shard)[0] for shard in range(_NAMED_SHARDS))
        return f"{scheme}+cluster://{','.join(f'{name}:{REDIS_PORT}' for name in first)}"
    return f"{scheme}://{child_name(counter, 'redis')}:{REDIS_PORT}/0"


def _own(counter: RequestCounter, credentials: Credentials, prefix: str) -> StoreAccess:
    volume, tls = prefix + _PASSWORD_VOLUME, counter.spec.store.redis.tls
    access = StoreAccess(
        environment={
            "COUNTER_STORE": own_url(counter),
            "COUNTER_STORE_USERNAME_FILE": f"{_DIRECTORY}/{volume}/username",
            "COUNTER_STORE_PASSWORD_FILE": f"{_DIRECTORY}/{volume}/password",
        },
        volumes=[
            secret_file(volume, store_name(counter), {USERNAME_KEY: "username", PASSWORD_KEY: "password"}),
        ],
        annotations={"requestcounter.io/credentials": credentials.fingerprint},
    )
    if tls is not None:
        _mount(access, secret_file(prefix + _CA_VOLUME, tls.secret_name, {CA_KEY: CA_KEY}), {"CA": CA_KEY})
        access.environment["COUNTER_STORE_TLS_NAME"] = store_tls_name(counter)
    return access


def _external(external: External, prefix: str) -> StoreAccess:
    access = StoreAccess(environment={"COUNTER_STORE": external.url})
    if (password := external.password_secret_ref) is not None:
        volume = secret_file(prefix + _PASSWORD_VOLUME, password.name, {password.key: "password"})
        _mount(access, volume, {"PASSWORD": "password"})
    if (ca := external.ca_secret_ref) is not None:
        _mount(access, secret_file(prefix + _CA_VOLUME, ca.name, {ca.key: "ca.crt"}), {"CA": "ca.crt"})
    if (certificate := external.client_certificate_secret_ref) is not None:
        files = {"tls.crt": "tls.crt", "tls.key": "tls.key"}
        volume = secret_file(prefix + _CERTIFICATE_VOLUME, certificate.name, files)
        _mount(access, volume, {"CERT": "tls.crt", "KEY": "tls.key"})
    return access


def _mount(access: StoreAccess, volume: Manifest, files: dict[str, str]) -> None:
    """Add a volume, and where its files are: COUNTER_STORE_<what>_FILE."""
    access.volumes.append(volume)
    for what, file in files.items():
        access.environment[f"COUNTER_STORE_{what}_FILE"] = f"{_DIRECTORY}/{volume['name']}/{file}"
