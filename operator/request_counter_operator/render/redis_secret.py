"""The Secret with the password of the counter's own Redis, for the service, and its hash, for Redis."""

import base64
import hashlib

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import REDIS_PROBE_USER, REDIS_USER, counter_key, metadata
from request_counter_operator.render.manifest import Manifest

PASSWORD_KEY = "password"  # noqa: S105 - the name of a key
ACL_KEY = "users.acl"


def render_redis_secret(counter: RequestCounter, password: str) -> Manifest | None:
    """Return the Secret, or None when somebody else runs Redis."""
    if counter.spec.store.redis.mode == "External":
        return None
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(counter, "redis"),
        "type": "Opaque",
        # Not stringData: the API server would move it to data, and server-side apply would lose sight of it.
        "data": {PASSWORD_KEY: _base64(password), ACL_KEY: _base64(_users(counter, password))},
    }


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _users(counter: RequestCounter, password: str) -> str:
    """Return Redis's ACL file: probes may PING, the service may use its own keys and nothing dangerous.

    The default user is off, so nobody is it, and yet may do everything: Redis replays transactions of its append-only
    file in this user's name, and skips those that it may not run. Fewer rights here would lose counts at a restart.

    Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/
    """
    digest = hashlib.sha256(password.encode()).hexdigest()
    keys = f"~{{{counter_key(counter)}/*}}:*"
    commands = "+@read +@write +@scripting +@connection -@dangerous +info +wait +waitaof"
    return (
        "user default reset off +@all ~* &*\n"
        f"user {REDIS_PROBE_USER} reset on nopass +ping\n"
        f"user {REDIS_USER} reset on #{digest} {keys} {commands}\n"
    )
