"""Who is logged in at a server or sentinel, and as whom it logs in at others itself: told, and then made to do so.

Redis keeps a connection that is open, whatever it has been told to log in with since. Sentinel closes its connections
when it is told, and opens others (sentinelSetCommand, sentinelConfigSetCommand in src/sentinel.c); the connection of a
replica has to be closed, and comes back with what it has missed.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from request_counter_operator.api import RequestCounter
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.connection import Asked, Door, asking
from request_counter_operator.render.credentials import Credentials, Role, User
from request_counter_operator.render.topology import group

_REPLICA = re.compile(r"slave\d+")
"""The fields of INFO replication that tell of a replica each."""


async def users_logged_in(ask: Asked) -> tuple[set[User], list[tuple[str, User]]]:
    """Return whose connections there are, as far as they are users of ours; and the ids of those that are replicas'.

    Raises:
        RedisSilentError: no answer.
    """
    users, links = set(), []
    for client in await ask("CLIENT LIST"):
        user = User.named(client["user"])
        if user is not None:
            users.add(user)
            # A backup is read by a replica's connection as well, which does not come back when it is closed.
            if "S" in client["flags"] and user.role == "replication":
                links.append((str(client["id"]), user))
    return users, links


async def tell_server(
    ask: Asked, counter: RequestCounter, credentials: Credentials, may_act: Callable[[], bool]
) -> set[int]:
    """Have a server log in at its primary as the user to be used, from its next connection on.

    It need not be a replica now. Where it is alone, there is nothing to tell.

    Returns:
        The generation of the user it logs in as then; none where there is none.

    Raises:
        RedisSilentError: no answer.
    """
    if counter.spec.store.redis.mode == "Standalone":
        return set()
    wanted = _login(credentials, "replication", "masteruser", "masterauth")
    found = await ask("CONFIG", "GET", *wanted)
    if found != wanted and may_act():
        await ask("CONFIG", "SET", *_flat(wanted))
        found = wanted
    return _generation(found["masteruser"])


async def tell_sentinel(
    ask: Asked, counter: RequestCounter, credentials: Credentials, may_act: Callable[[], bool]
) -> set[int]:
    """Have a sentinel log in at servers and other sentinels as the user to be used, and at once.

    A sentinel does not tell as whom it logs in at servers. It tells as whom it does at other sentinels: the same user,
    which is set together with the other when it starts, and after it here, so that the one stands for both.

    Returns:
        The generation of the user it logs in as then.

    Raises:
        RedisSilentError: no answer.
    """
    wanted = _login(credentials, "sentinel", "sentinel-user", "sentinel-pass")
    answer = await ask("SENTINEL", "CONFIG", "GET", "sentinel-*")
    found = {key: answer.get(key) for key in wanted}
    if found != wanted and may_act():
        login = _login(credentials, "sentinel", "auth-user", "auth-pass")
        await ask("SENTINEL", "SET", group(counter), *_flat(login))
        await ask("SENTINEL", "CONFIG", "SET", *_flat(wanted))
        found = wanted
    return _generation(str(found["sentinel-user"]))


async def renew_link(door: Door, link: str, replicas: int) -> None:
    """Close a replica's connection to its primary, so that it comes back as the user that it was told.

    Nothing is done unless all the others follow as well: for the moment that takes, it is they who keep writes going.
    """
    # Who does not answer is asked again soon.
    with suppress(RedisSilentError):
        async with asking(door) as ask:
            replication = await ask.info("replication")
            online = [key for key, value in replication.items() if _REPLICA.fullmatch(key) and _is_online(value)]
            if len(online) == replicas:
                await ask("CLIENT", "KILL", "ID", link)


def _is_online(replica: Mapping[str, str]) -> bool:
    return replica["state"] == "online"


def _login(credentials: Credentials, role: Role, user: str, password: str) -> dict[str, str]:
    return {user: credentials.user(role), password: credentials.password(role)}


def _flat(options: Mapping[str, str]) -> list[str]:
    return [word for option in options.items() for word in option]


def _generation(name: str) -> set[int]:
    user = User.named(name)
    return set() if user is None else {user.generation}
