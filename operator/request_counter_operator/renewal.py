"""When a counter's passwords are renewed, and how far that has come. Pure: from the status and what the servers prove.

Three steps, each of which is safe to be the last one for a while. The next generation's users are made beside the
present ones. When they can log in everywhere, they become the ones to be used. When nobody uses the old ones any more,
those are removed. docs/adr/0002-derived-passwords.md has the why.
"""

from datetime import datetime, timedelta

from request_counter_operator.api import AuthStatus, RequestCounter
from request_counter_operator.redis_admin.reading import Logins

SETTLING = timedelta(minutes=3)
"""For how long the old passwords are accepted at least: a pod's files of a Secret may be two minutes behind it.

Source: https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod
"""


def next_auth(counter: RequestCounter, logins: Logins, now: str) -> AuthStatus | None:
    """Return the state of the passwords that follows; None when somebody else runs Redis.

    Args:
        counter: with the state that it has now.
        logins: what the servers and sentinels have proved for that state.
        now: RFC 3339.
    """
    auth, redis = counter.auth, counter.spec.store.redis
    if redis.mode == "External":
        return None
    if auth is None:
        return AuthStatus(rotate=redis.auth.rotate, since=now)
    if counter.is_paused:
        return auth
    return _go_on(auth, logins, now) if auth.is_renewing else _begin(counter, auth, now)


def _begin(counter: RequestCounter, auth: AuthStatus, now: str) -> AuthStatus:
    """Return the state after a look at whether it is time: it is for a new text, and at a certain age."""
    wanted = counter.spec.store.redis.auth
    days = wanted.rotate_after_days
    if wanted.rotate == auth.rotate and (days is None or _age(auth, now) < timedelta(days=days)):
        return auth
    both = (auth.generation, auth.generation + 1)
    return auth.model_copy(update={"accepted": both, "rotate": wanted.rotate})


def _go_on(auth: AuthStatus, logins: Logins, now: str) -> AuthStatus:
    newest = max(auth.accepted)
    if newest not in logins.proved:
        return auth
    if auth.generation != newest:
        return auth.model_copy(update={"generation": newest, "since": now})
    if set(logins.in_use) <= {newest} and _age(auth, now) >= SETTLING:
        return auth.model_copy(update={"accepted": (newest,)})
    return auth


def _age(auth: AuthStatus, now: str) -> timedelta:
    return timedelta.max if auth.since is None else datetime.fromisoformat(now) - datetime.fromisoformat(auth.since)
