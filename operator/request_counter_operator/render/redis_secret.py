"""The Secret with the names and passwords of a counter's own Redis, and with what Redis and sentinels know of them."""

import base64

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import metadata, store_component
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.manifest import Manifest
from request_counter_operator.render.redis_acl import redis_users, sentinel_users

ROOT_KEY = "root"
"""What all passwords of this Redis are derived from; no pod gets to see it."""

USERNAME_KEY = "username"
PASSWORD_KEY = "password"  # noqa: S105 - the name of a key
ACL_KEY = "users.acl"
REPLICATION_KEYS = {"replication-username": "username", "replication-password": "password"}
"""What a replica logs in with at its primary: key of the Secret, name of the file."""

SENTINEL_KEYS = {
    "sentinel-users.acl": "users.acl",
    "sentinel-username": "username",
    "sentinel-password": "password",
}
"""What a sentinel logs in with at servers and other sentinels, and whom it lets in: likewise."""


BACKUP_KEYS = {"backup-username": "username", "backup-password": "password"}
"""What a backup logs in with at servers: likewise."""


def render_redis_secret(counter: RequestCounter, credentials: Credentials) -> Manifest | None:
    """Return the Secret, or None when somebody else runs Redis."""
    mode = counter.spec.store.redis.mode
    if mode == "External":
        return None
    data = {
        ROOT_KEY: credentials.root,
        USERNAME_KEY: credentials.user("service"),
        PASSWORD_KEY: credentials.password("service"),
        ACL_KEY: redis_users(counter, credentials),
    }
    if mode in {"Sentinel", "Cluster"}:
        data["replication-username"] = credentials.user("replication")
        data["replication-password"] = credentials.password("replication")
    if mode == "Sentinel":
        data["sentinel-users.acl"] = sentinel_users(credentials)
        data["sentinel-username"] = credentials.user("sentinel")
        data["sentinel-password"] = credentials.password("sentinel")
    if counter.spec.store.backup is not None:
        data["backup-username"] = credentials.user("backup")
        data["backup-password"] = credentials.password("backup")
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(counter, store_component(counter)),
        "type": "Opaque",
        # Not stringData: the API server would move it to data, and server-side apply would lose sight of it.
        "data": {key: base64.b64encode(text.encode()).decode() for key, text in data.items()},
    }
