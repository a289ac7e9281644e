"""How the kubelet asks Redis and sentinels whether they are well."""

from request_counter_operator.names import REDIS_PROBE_USER, SENTINEL_PORT
from request_counter_operator.render.manifest import Manifest


def ping(*options: str, period_s: int, failures: int) -> Manifest:
    """Return a probe that sends PING every ``period_s`` seconds and gives up after ``failures`` in a row."""
    # This user needs no password, and any will do; without one, redis-cli would not log in.
    return _probe(*options, "--user", REDIS_PROBE_USER, "--pass", "any", period_s=period_s, failures=failures)


def ping_sentinel(*options: str, period_s: int, failures: int, by: tuple[str, ...] = ()) -> Manifest:
    """Return the same for a sentinel, whom anybody may PING; ``by`` is a command that runs it and looks closer."""
    return _probe(*options, "-e", "-p", str(SENTINEL_PORT), period_s=period_s, failures=failures, by=by)


def _probe(*options: str, period_s: int, failures: int, by: tuple[str, ...] = ()) -> Manifest:
    return {
        "exec": {"command": [*by, "redis-cli", *options, "ping"]},
        "periodSeconds": period_s,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
