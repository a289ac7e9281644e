"""How the service's pods reach their store: URL, password and CA, as environment, volumes and annotations."""

from dataclasses import dataclass, field

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import REDIS_PORT, REDIS_USER, child_name
from request_counter_operator.render.credentials import fingerprint
from request_counter_operator.render.manifest import Manifest, secret_file
from request_counter_operator.render.redis_secret import PASSWORD_KEY

_DIRECTORY = "/etc/request-counter"
_PASSWORD_VOLUME = "redis-password"  # noqa: S105 - the name of a volume
_CA_VOLUME = "redis-ca"


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


def store_access(counter: RequestCounter, password: str) -> StoreAccess:
    """Return the way to the counter's store. ``password`` counts for the counter's own Redis only."""
    external = counter.spec.store.redis.external
    if external is None:
        name = child_name(counter, "redis")
        return StoreAccess(
            environment={
                "COUNTER_STORE": f"redis://{REDIS_USER}@{name}:{REDIS_PORT}/0",
                "COUNTER_STORE_PASSWORD_FILE": f"{_DIRECTORY}/{_PASSWORD_VOLUME}/password",
            },
            volumes=[secret_file(_PASSWORD_VOLUME, name, {PASSWORD_KEY: "password"})],
            annotations={"requestcounter.io/credentials": fingerprint(password)},
        )
    access = StoreAccess(environment={"COUNTER_STORE": external.url})
    if external.password_secret_ref is not None:
        ref = external.password_secret_ref
        access.environment["COUNTER_STORE_PASSWORD_FILE"] = f"{_DIRECTORY}/{_PASSWORD_VOLUME}/password"
        access.volumes.append(secret_file(_PASSWORD_VOLUME, ref.name, {ref.key: "password"}))
    if external.ca_secret_ref is not None:
        ref = external.ca_secret_ref
        access.environment["COUNTER_STORE_CA_FILE"] = f"{_DIRECTORY}/{_CA_VOLUME}/ca.crt"
        access.volumes.append(secret_file(_CA_VOLUME, ref.name, {ref.key: "ca.crt"}))
    return access
