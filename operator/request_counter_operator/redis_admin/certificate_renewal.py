"""Has the servers of a counter's own Redis read their certificate anew when its Secret has another one.

Redis reads the files when it is told what their names are, also when these are what they were. The kubelet brings a
changed Secret to the pods within a minute or so, and nobody tells when; so servers are told again and again, until they
show what the Secret has. Whom they trust shows in no handshake: of that, they are told for as long as it may take.

Sentinels cannot do so. Their pods are replaced, one after the other: see render/sentinel_statefulset.py.

Source: https://redis.io/docs/latest/commands/config-set/ ("volatile" in src/config.c)
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from request_counter_operator.errors import RedisSilentError
from request_counter_operator.happening import Happening
from request_counter_operator.redis_admin.connection import Door, asking
from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.redis_admin.users import Found
from request_counter_operator.render.redis_tls import TLS_FILES

log = structlog.get_logger()

KUBELET_S = 180.0
"""How long it may take until what is in a Secret is in the files of all pods; it is a minute or so by default."""


def outdated(found: Sequence[Found], trust: Trust) -> list[str]:
    """Return the servers that have shown another certificate than the Secret's, by the names of their pods."""
    return [one.name for one in found if one.presented and one.presented != trust.leaf]


async def renew(
    doors: Sequence[Door], found: Sequence[Found], now_s: float, may_act: Callable[[], bool]
) -> tuple[tuple[str, ...], list[Happening]]:
    """Have those servers read their files that may have other ones by now.

    Args:
        doors: of all servers.
        found: what was found at those that answer.
        now_s: the time by the clock that the trust was dated by.
        may_act: whether anything may be changed just now.

    Returns:
        Who still shows another certificate, and what was done that people should know of.
    """
    trust = next((door.trust for door in doors if door.trust is not None), None)
    if trust is None:
        return (), []
    old = set(outdated(found, trust))
    answering = {one.name for one in found}
    is_new = now_s - trust.known_since_s < KUBELET_S
    told = [door for door in doors if door.name in old or (is_new and door.name in answering)] if may_act() else []
    shown = dict(zip((door.name for door in told), await asyncio.gather(*map(_reread, told)), strict=True))
    renewed = sorted(name for name in old if shown.get(name) == trust.leaf)
    note = "shows the certificate that its Secret has by now; its connections go on"
    happenings = [Happening("Normal", "CertificateRenewed", f"Pod {name} {note}") for name in renewed]
    return tuple(sorted(old.difference(renewed))), happenings


async def _reread(door: Door) -> bytes:
    """Have one server read its files, and return the certificate that it shows then; empty when it does not answer."""
    try:
        async with asking(door) as ask:
            await ask("CONFIG", "SET", *(word for option in TLS_FILES.items() for word in option))
        async with asking(door) as ask:
            await ask("PING")
            return ask.presented
    except RedisSilentError as error:
        # Such as one of the moment in which the kubelet puts other files there: certificate and key do not match.
        log.info("certificate not read anew yet", pod=door.name, error=str(error))
        return b""
