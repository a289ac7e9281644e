"""Who may do what at a counter's own Redis and its sentinels, in Redis's own words.

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ and, for replicas and sentinels,
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/
"""

import hashlib
from collections.abc import Iterator

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import REDIS_PROBE_USER, counter_key
from request_counter_operator.render.credentials import Credentials, Role

_SERVICE_COMMANDS = (
    "+@read +@write +@scripting +@connection -@dangerous +info +wait +waitaof +readonly +cluster|slots +cluster|shards"
)
_REPLICATION_COMMANDS = "+psync +replconf +ping +info +role +client|pause +client|kill +config|set +replicaof"
# What a replica may do, and no more: whoever makes a backup is one until he has all data.
_BACKUP_COMMANDS = "+sync +replconf +ping +role"
# Who starts without data asks the others for what it had; who is stopped as a primary asks a replica to take over.
_CLUSTER_REPLICATION_COMMANDS = "+psync +replconf +ping +info +role +cluster|nodes +cluster|links +cluster|failover"
_SENTINEL_COMMANDS = (
    "&* +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname +client|kill "
    "+script|kill"
)


def redis_users(counter: RequestCounter, credentials: Credentials) -> str:
    """Return Redis's ACL file: probes may PING, the service may use its own keys and nothing dangerous.

    The default user is off, so nobody is it, and yet may do everything: Redis replays transactions of its append-only
    file in this user's name, and skips those that it may not run. Fewer rights here would lose counts at a restart.
    """
    fixed = ["user default reset off +@all ~* &*", f"user {REDIS_PROBE_USER} reset on nopass +ping"]
    return "\n".join([*fixed, *(f"user {user} {rules}" for user, rules in redis_rules(counter, credentials))]) + "\n"


def redis_rules(counter: RequestCounter, credentials: Credentials) -> Iterator[tuple[str, str]]:
    """Return each user of each accepted generation, and its rules as ACL SETUSER takes them."""
    rights: dict[Role, str] = {
        "service": f"~{{{counter_key(counter)}/*}}:* {_SERVICE_COMMANDS}",
        # Who may make users may do everything: to leave out commands would only look like less.
        "operator": "~* &* +@all",
    }
    mode = counter.spec.store.redis.mode
    if mode == "Cluster":
        rights["replication"] = _CLUSTER_REPLICATION_COMMANDS
    if mode == "Sentinel":
        rights["replication"] = _REPLICATION_COMMANDS
        rights["sentinel"] = _SENTINEL_COMMANDS
    if counter.spec.store.backup is not None:
        rights["backup"] = _BACKUP_COMMANDS + (" +cluster|nodes" if mode == "Cluster" else "")
    return _rules(credentials, rights)


def sentinel_users(credentials: Credentials) -> str:
    """Return a sentinel's users, as lines of its configuration: anybody may ask where the primary is and how it is."""
    anybody = (
        "user default reset on nopass +ping +hello +auth +client|setname +client|setinfo "
        "+sentinel|get-master-addr-by-name +sentinel|master +sentinel|replicas +sentinel|slaves"
    )
    return "\n".join([anybody, *(f"user {user} {rules}" for user, rules in sentinel_rules(credentials))]) + "\n"


def sentinel_rules(credentials: Credentials) -> Iterator[tuple[str, str]]:
    """Return each user of a sentinel but the default one, and its rules."""
    return _rules(
        credentials,
        {
            "operator": "~* &* +@all",
            # A primary that is being stopped hands over by it; one that is started asks whether another one takes over.
            "replication": "+ping +sentinel|failover +sentinel|get-master-addr-by-name +sentinel|master",
            "sentinel": "&* +ping +hello +auth +publish +client|setname +client|setinfo +sentinel",
        },
    )


def _rules(credentials: Credentials, rights: dict[Role, str]) -> Iterator[tuple[str, str]]:
    for generation in credentials.accepted:
        for role, commands in rights.items():
            digest = hashlib.sha256(credentials.password(role, generation).encode()).hexdigest()
            yield credentials.user(role, generation), f"reset on #{digest} {commands}"
