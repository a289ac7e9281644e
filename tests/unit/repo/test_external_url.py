"""The API server admits no URL of an external Redis that the service would refuse, and none with a password.

The rules are read from the definition and evaluated here: they are made of regular expressions only, in what RE2 and
Python have in common. The API server's own answers are asked for in tests/e2e/test_validation.py.
"""

import re

import pytest

from counter_service.store.redis_address import parse_address
from tests.unit.repo.test_crd import SCHEMA

URL = SCHEMA["spec"]["properties"]["store"]["properties"]["redis"]["properties"]["external"]["properties"]["url"]
RULE = re.compile(r"(?:!self\.matches\('(?P<only>[^']+)'\) \|\| )?self\.matches\('(?P<form>[^']+)'\)")


def matches(url: str, expression: str) -> bool:
    """As CEL does: a backslash is written as two; `$` is the very end, where Python would let a line end follow."""
    return re.search(re.sub(r"\$$", r"\\Z", expression.replace(r"\\", "\\")), url) is not None


def refusal(url: str) -> str:
    """Return the message of the first rule that is broken; empty if none is."""
    for rule in URL["x-kubernetes-validations"]:
        found = RULE.fullmatch(rule["rule"])
        assert found, rule["rule"]
        if (found["only"] is None or matches(url, found["only"])) and not matches(url, found["form"]):
            return str(rule["message"]).removeprefix("spec.store.redis.external.url ")
    return ""


@pytest.mark.parametrize("tls", ["", "s"])
@pytest.mark.parametrize(
    ("url", "kind", "hosts"),
    [
        ("redis://r", "server", 1),
        ("redis://r/", "server", 1),
        ("redis://user.name-1~x@r.example.com:6379/15", "server", 1),
        ("redis://[fd00::1]:6379/0", "server", 1),
        ("redis+sentinel://s/group", "sentinel", 1),
        ("redis+sentinel://u@s-0:26379,s-1,[fd00::1]:26379/my.group-1/3", "sentinel", 3),
        ("redis+cluster://r", "cluster", 1),
        ("redis+cluster://u@r-0:6379,r-1,[fd00::1]/", "cluster", 3),
    ],
)
def test_what_is_admitted_is_what_the_service_takes(url: str, kind: str, hosts: int, tls: str) -> None:
    url = url.replace("redis", f"redis{tls}", 1)
    assert refusal(url) == ""
    address = parse_address(url)
    assert (address.kind, len(address.hosts), address.tls) == (kind, hosts, bool(tls))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must be redis[s]://"),
        ("redis://", "must be redis[s]://"),
        ("http://r", "must be redis[s]://"),
        ("xredis://r", "must be redis[s]://"),
        ("redis+sharded://r", "must be redis[s]://"),
        ("redis://u:pw@r", "must be redis[s]://"),
        ("redis://:pw@r", "must be redis[s]://"),
        ("redis+sentinel://u:pw@s/group", "must be redis[s]://"),
        ("redis+cluster://u:pw@r", "must be redis[s]://"),
        ("redis+cluster://u@a,u:pw@b", "must be redis[s]://"),
        ("redis://r?password=pw", "must be redis[s]://"),
        ("redis://r\n", "must be redis[s]://"),
        ("redis+cluster://a,", "must be redis[s]://"),
        ("redis://a,b", "must name one host"),
        ("redis://a:1,b:2/0", "must name one host"),
        ("redis://r/counts", "must name one host"),
        ("redis://r/0/1", "must name one host"),
        ("redis+sentinel://s", "must end with the group"),
        ("redis+sentinel://s/", "must end with the group"),
        ("redis+sentinel://s,t", "must end with the group"),
        ("redis+sentinel://s/group/db", "must end with the group"),
        ("redis+sentinel://s/group/0/1", "must end with the group"),
        ("redis+cluster://r/0", "must name no database in a cluster"),
        ("redis+cluster://a,b/group", "must name no database in a cluster"),
    ],
)
def test_what_is_refused_is_told_by_its_own_rule(url: str, message: str) -> None:
    assert refusal(url).startswith(message)
    assert refusal(url.replace("redis", "rediss", 1)).startswith(message)
