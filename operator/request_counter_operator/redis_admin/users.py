"""Keeps the users of every server and sentinel of one Redis as they should be, and has everybody use the newest ones.

Level-triggered like all else: each time it is looked what there is, and done what is missing. A server that starts anew
reads an ACL file that may be of a moment ago, and a sentinel a password of a moment ago: either is put right.

Sources: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ and
https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#runtime-reconfiguration-of-sentinel
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from request_counter_operator.api import RequestCounter
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.redis_admin.connection import Asked, Door, asking
from request_counter_operator.redis_admin.logins import renew_link, tell_sentinel, tell_server, users_logged_in
from request_counter_operator.redis_admin.reading import Logins
from request_counter_operator.render.credentials import Credentials, User
from request_counter_operator.render.redis_acl import redis_rules, sentinel_rules

_DEFAULTS = frozenset({"sanitize-payload", "resetchannels", "-@all"})
"""What ACL LIST tells of each user besides the rules that it was made with: all of it is so after ``reset``."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one server or sentinel was found like, after it was put right.

    Attributes:
        name: of its pod.
        version: of Redis.
        proved: the generations as which the operator has logged in.
        in_use: the generations that others use; see ``Logins``.
        old_links: the connections of replicas, by their ids, that are of users of an old generation.
        presented: the certificate that it has shown (DER); empty without TLS.
    """

    name: str
    version: str
    proved: frozenset[int]
    in_use: frozenset[int] = frozenset()
    old_links: tuple[str, ...] = ()
    presented: bytes = b""


@dataclass(frozen=True, slots=True)
class Members:
    """All of one Redis: where its servers and sentinels listen."""

    servers: Sequence[Door]
    sentinels: Sequence[Door] = ()


async def tend(
    counter: RequestCounter, credentials: Credentials, members: Members, may_act: Callable[[], bool]
) -> list[Found]:
    """Look at all servers and sentinels at the same time, put right what is not as it should be, and return the rest.

    Args:
        counter: whose Redis it is.
        credentials: its users.
        members: its servers and sentinels.
        may_act: whether anything may be changed just now; asked before each change.

    Returns:
        One for each that answers, servers first. A silent one is missing, and left as it is.
    """
    servers = dict(redis_rules(counter, credentials))
    sentinels = dict(sentinel_rules(credentials))
    found = await asyncio.gather(
        *(_tend(counter, door, servers, may_act, is_sentinel=False) for door in members.servers),
        *(_tend(counter, door, sentinels, may_act, is_sentinel=True) for door in members.sentinels),
    )
    answers = [one for one in found if one is not None]
    if len(answers) == len(found):
        # One link of each primary at a time: a primary that no replica follows takes no writes.
        doors = {door.name: door for door in members.servers}
        replicas = counter.spec.store.redis.replicas_per_primary
        links = [(doors[one.name], one.old_links[0]) for one in answers if one.old_links and may_act()]
        await asyncio.gather(*(renew_link(door, link, replicas) for door, link in links))
    return answers


def together(found: Sequence[Found], members: Members) -> Logins:
    """Return what holds for all members; nothing is proved by some of them."""
    if not found or len(found) < len(members.servers) + len(members.sentinels):
        return Logins()
    proved = frozenset.intersection(*(one.proved for one in found))
    in_use = frozenset[int]().union(*(one.in_use for one in found))
    return Logins(tuple(sorted(proved)), tuple(sorted(in_use)))


async def _tend(
    counter: RequestCounter, door: Door, rules: dict[str, str], may_act: Callable[[], bool], *, is_sentinel: bool
) -> Found | None:
    credentials = door.credentials
    try:
        entered = await _entered(door)
        async with asking(door, entered[0]) as ask:
            version, presented = str((await ask("HELLO"))["version"]), ask.presented
            if may_act():
                await _keep_users(ask, rules, max(credentials.accepted))
            told = await (tell_sentinel if is_sentinel else tell_server)(ask, counter, credentials, may_act)
            if len(credentials.accepted) == 1:
                # Who got in has proved it, and nobody can use another: no more has to be asked.
                return Found(door.name, version, frozenset(credentials.accepted), presented=presented)
            users, links = await users_logged_in(ask)
        old_links = tuple(link for link, user in links if user.generation < credentials.generation)
        in_use = {user.generation for user in users if user.role != "operator"} | told
        return Found(door.name, version, frozenset(await _entered(door)), frozenset(in_use), old_links, presented)
    except RedisSilentError:
        return None


async def _entered(door: Door) -> list[int]:
    """Return the accepted generations as which the operator can log in, the one to be used first.

    Raises:
        RedisSilentError: There is none.
    """
    credentials = door.credentials
    if len(credentials.accepted) == 1:
        return list(credentials.accepted)  # whoever uses it next will see
    entered, refusal = [], RedisSilentError(f"{door.name}: nobody may log in")
    for generation in sorted(credentials.accepted, key=lambda one: one != credentials.generation):
        try:
            async with asking(door, generation) as ask:
                await ask("PING")
        except RedisSilentError as error:
            refusal = error
        else:
            entered.append(generation)
    if not entered:
        raise refusal
    return entered


async def _keep_users(ask: Asked, rules: dict[str, str], newest: int) -> None:
    """Make the users that are missing or not as they should be, and remove those of ours that are not wanted any more.

    Ones newer than ``newest`` are let be: whoever knows of none may himself be behind.
    """
    lines = [str(line).split() for line in await ask("ACL", "LIST")]
    found = {line[1]: frozenset(line[2:]) for line in lines}
    for name, wanted in rules.items():
        if not _is_made(found.get(name, frozenset()), wanted.split()):
            await ask("ACL", "SETUSER", name, *wanted.split())
    old = [name for name in found if name not in rules and (user := User.named(name)) and user.generation <= newest]
    if old:
        # Redis closes the connections of whom it removes.
        await ask("ACL", "DELUSER", *old)


def _is_made(found: frozenset[str], wanted: Iterable[str]) -> bool:
    return found - _DEFAULTS == frozenset(wanted) - {"reset"}
