"""One HTTP contract (docs/http-api.md), two front ends: the same bytes get the same answers, however they arrive."""

import functools
import json
import random
from collections.abc import Callable, Coroutine, Iterable

import pytest
import uvloop
from hypothesis import example, given, settings
from hypothesis import strategies as st

from counter_service.ratelimit import RateLimit
from tests.support.fronts import FRONTS, FrontName, FrontSettings, front
from tests.support.raw_http import Answer, exchange

HOST = "Host: counter.example\r\n"
LAST = f"GET /last HTTP/1.1\r\n{HOST}Connection: close\r\n\r\n".encode()
PLAIN = f"PUT /plain HTTP/1.1\r\n{HOST}\r\n".encode()


def on_uvloop(test: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
    """Run a test on the event loop that the product uses."""

    @functools.wraps(test)
    def run(*arguments: object, **named: object) -> None:
        uvloop.run(test(*arguments, **named))

    return run


def head(line: str, fields: str = HOST) -> bytes:
    return f"{line}\r\n{fields}\r\n".encode("latin-1")


# What is sent, and the status of each answer.
REQUESTS: dict[str, tuple[bytes, list[int]]] = {
    "PUT": (head("PUT /a/b HTTP/1.1"), [200]),
    "GET": (head("GET /a/b HTTP/1.1"), [200]),
    "total": (head("GET / HTTP/1.1"), [200]),
    "PUT of the root": (head("PUT / HTTP/1.1"), [200]),
    "HEAD": (head("HEAD /a HTTP/1.1"), [200]),
    "query": (head("PUT /a?b=/c%zz HTTP/1.1"), [200]),
    "absolute form": (head("PUT http://other.example/a HTTP/1.1"), [200]),
    "absolute form without a path": (head("GET http://other.example HTTP/1.1"), [200]),
    "escapes": (head("PUT /%61%2f%c3%a4 HTTP/1.1"), [200]),
    "dots": (head("PUT /a/../b/./c/.. HTTP/1.1"), [200]),
    "quotes": (head('PUT /"\\ HTTP/1.1'), [200]),
    "fragment": (head("PUT /a#b HTTP/1.1"), [400]),
    "half an escape": (head("PUT /%4 HTTP/1.1"), [400]),
    "long path": (head(f"PUT /{'x' * 64} HTTP/1.1"), [414]),
    "POST": (head("POST /a HTTP/1.1"), [405]),
    "DELETE": (head("DELETE /a HTTP/1.1"), [405]),
    "OPTIONS of all": (head("OPTIONS * HTTP/1.1"), [405]),
    "any JSON": (head("PUT /a HTTP/1.1", HOST + "Accept: text/html;q=0.9, application/*, */*;q=0.1\r\n"), [200]),
    "text": (head("PUT /a HTTP/1.1", HOST + "Accept: text/plain\r\n"), [200]),
    "version 1": (head("GET /a HTTP/1.1", HOST + "Accept: application/vnd.requestcounter.v1+json\r\n"), [200]),
    "version 2": (head("PUT /a HTTP/1.1", HOST + "Accept: application/vnd.requestcounter.v2+json\r\n"), [406]),
    "two Accept": (head("PUT /a HTTP/1.1", HOST + "Accept: image/png\r\naccept: text/plain\r\n"), [200]),
    "HTTP/1.0 kept alive": (head("PUT /a HTTP/1.0", "Connection: keep-alive\r\n"), [200]),
    "Keep-Alive": (head("PUT /a HTTP/1.1", HOST + "Connection: Keep-Alive\r\n"), [200]),
    "no body": (head("PUT /a HTTP/1.1", HOST + "Content-Length: 0\r\n"), [200]),
    "a body": (head("PUT /a HTTP/1.1", HOST + "Content-Length: 20\r\n") + b"GET /x HTTP/1.1\r\n\r\n\r", [200]),
    "GET with a body": (head("GET /a HTTP/1.1", HOST + "Content-Length: 2\r\n") + b"hi", [200]),
    "chunks": (head("PUT /a HTTP/1.1", HOST + "Transfer-Encoding: chunked\r\n") + b"2;x=y\r\nhi\r\n0\r\n\r\n", [200]),
    "gzip": (head("PUT /a HTTP/1.1", HOST + "Content-Encoding: gzip\r\nContent-Length: 2\r\n") + b"hi", [200]),
    "expectation": (head("PUT /a HTTP/1.1", HOST + "Expect: 100-continue\r\nContent-Length: 2\r\n") + b"hi", [200]),
    "a key": (head("PUT /a HTTP/1.1", HOST + 'Idempotency-Key: "k"\r\n') * 2, [200, 200]),
    "a key to read": (head("GET /a HTTP/1.1", HOST + "Idempotency-Key: k\r\n"), [200]),
    "an empty key": (head("PUT /a HTTP/1.1", HOST + "Idempotency-Key: \r\n"), [400]),
    "a long key": (head("PUT /a HTTP/1.1", HOST + f"Idempotency-Key: {'k' * 256}\r\n"), [400]),
    "request id": (head("PUT /a HTTP/1.1", HOST + "X-Request-Id: 17\r\n"), [200]),
    "many fields": (head("PUT /a HTTP/1.1", HOST + "".join(f"X-{i}: y\r\n" for i in range(100))), [200]),
    "long query": (head(f"PUT /a?{'x' * 8100} HTTP/1.1"), [200]),
    "long field": (head("PUT /a HTTP/1.1", HOST + f"X: {'x' * 8000}\r\n"), [200]),
    "empty lines first": (b"\r\n\r\n" + head("PUT /a HTTP/1.1"), [200]),
    "spaces around a value": (head("PUT /a HTTP/1.1", "Host:\t x \t\r\n"), [200]),
    "a pipeline": (
        b"".join([PLAIN, head("POST /a HTTP/1.1"), PLAIN, head("GET /plain HTTP/1.1")]),
        [200, 405, 200, 200],
    ),
}

SMUGGLED = head("PUT /smuggled HTTP/1.1")
# Where one request ends and the next begins must not be a matter of opinion: what is here is refused, and the
# connection closed. Source: RFC 9112 sections 2.2, 5 and 6, and https://portswigger.net/research/http-desync-attacks.
DISPUTED: dict[str, bytes] = {
    "two lengths": head("PUT /a HTTP/1.1", HOST + "Content-Length: 2\r\nContent-Length: 0\r\n"),
    "two equal lengths": head("PUT /a HTTP/1.1", HOST + "Content-Length: 0\r\nContent-Length: 0\r\n"),
    "a list of lengths": head("PUT /a HTTP/1.1", HOST + "Content-Length: 0, 0\r\n"),
    "negative length": head("PUT /a HTTP/1.1", HOST + "Content-Length: -1\r\n"),
    "length with a sign": head("PUT /a HTTP/1.1", HOST + "Content-Length: +2\r\n"),
    "length in hexadecimal": head("PUT /a HTTP/1.1", HOST + "Content-Length: 0x2\r\n"),
    "endless length": head("PUT /a HTTP/1.1", HOST + f"Content-Length: {'9' * 40}\r\n"),
    "length and chunks": head("PUT /a HTTP/1.1", HOST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")
    + b"0\r\n\r\n",
    "chunks and length": head("PUT /a HTTP/1.1", HOST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")
    + b"0\r\n\r\n",
    "unknown coding": head("PUT /a HTTP/1.1", HOST + "Transfer-Encoding: xchunked\r\n"),
    "coding after chunked": head("PUT /a HTTP/1.1", HOST + "Transfer-Encoding: chunked, identity\r\n"),
    "space before the colon": head("PUT /a HTTP/1.1", HOST + "Content-Length : 2\r\n"),
    "bare LF after a field": head("PUT /a HTTP/1.1", "Host: x\nX: y\r\n"),
    "bare LF at the end": b"PUT /a HTTP/1.1\r\nHost: x\r\n\n",
    "bare LFs only": b"PUT /a HTTP/1.1\nHost: x\n\n",
    "bare CR in a value": head("PUT /a HTTP/1.1", HOST + "X: a\rb\r\n"),
    "folded line": head("PUT /a HTTP/1.1", HOST + "X: a\r\n b\r\n"),
    "folded length": head("PUT /a HTTP/1.1", HOST + "Content-Length:\r\n 2\r\n"),
    "line that begins with a space": head("PUT /a HTTP/1.1", " Host: x\r\n"),
    "NUL in a value": head("PUT /a HTTP/1.1", HOST + "X: a\0b\r\n"),
    "NUL in a name": head("PUT /a HTTP/1.1", HOST + "X\0: a\r\n"),
    "NUL in the target": head("PUT /a\0b HTTP/1.1"),
    "no name": head("PUT /a HTTP/1.1", HOST + ": a\r\n"),
    "no colon": head("PUT /a HTTP/1.1", HOST + "X\r\n"),
    "bad chunk size": head("PUT /a HTTP/1.1", HOST + "Transfer-Encoding: chunked\r\n") + b"-1\r\n\r\n",
    "space in the target": head("PUT /a b HTTP/1.1"),
    "raw bytes in the target": b"PUT /\xc3\xa4 HTTP/1.1\r\n" + HOST.encode() + b"\r\n",
    "no path": head("GET a HTTP/1.1"),
    "no Host": head("PUT /a HTTP/1.1", ""),
    "two Hosts": head("PUT /a HTTP/1.1", HOST + HOST),
    "HTTP/0.9": head("PUT /a HTTP/0.9"),
    "no authority": head("PUT http:///a HTTP/1.1"),
    "HTTP/2.0": head("PUT /a HTTP/2.0"),
    "HTTP/1.2": head("PUT /a HTTP/1.2"),
    "no version": b"PUT /a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "field of 20,000 bytes": head("PUT /a HTTP/1.1", HOST + f"X: {'x' * 20_000}\r\n"),
    "head of 40,000 bytes": head("PUT /a HTTP/1.1", HOST + "".join(f"X-{i}: {'x' * 1000}\r\n" for i in range(40))),
    "500 fields": head("PUT /a HTTP/1.1", HOST + "".join(f"X-{i}: y\r\n" for i in range(500))),
    "request line of 30,000 bytes": head(f"PUT /{'x' * 30_000} HTTP/1.1"),
}


def whole(data: bytes) -> list[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def in_two(data: bytes) -> list[bytes]:
    return [data[: len(data) // 2], data[len(data) // 2 :]]


def in_random_pieces(data: bytes) -> list[bytes]:
    generator = random.Random(len(data))  # noqa: S311 -- the same cuts each time
    cuts = sorted(generator.randrange(len(data)) for _ in range(8))
    return [data[i:j] for i, j in zip([0, *cuts], [*cuts, len(data)], strict=True)]


Cutting = Callable[[bytes], Iterable[bytes]]
CUTTINGS = [whole, byte_by_byte, in_two, in_random_pieces]


async def answers_of(name: FrontName, data: bytes, cut: Cutting, heads_only: tuple[int, ...] = ()) -> list[Answer]:
    """Ask a front end with an empty store of its own."""
    async with front(name) as served:
        return await exchange(served.port, cut(data), heads_only)


@pytest.mark.parametrize("cut", CUTTINGS)
@pytest.mark.parametrize("what", REQUESTS)
@on_uvloop
async def test_both_answer_alike(what: str, cut: Cutting) -> None:
    request, statuses = REQUESTS[what]
    heads_only = (1,) if what == "HEAD" else ()
    # Between plain ones, so that a connection changes hands with requests before and bytes behind.
    data = PLAIN + request + PLAIN + LAST
    lane, alone = [await answers_of(name, data, cut, heads_only) for name in FRONTS]
    assert [answer.status for answer in lane] == [200, *statuses, 200, 200]
    assert lane == alone
    for answer in lane:
        if not (what == "HEAD" and answer.body == b""):
            assert_is_documented(answer)


@pytest.mark.parametrize("cut", CUTTINGS)
@pytest.mark.parametrize("what", DISPUTED)
@on_uvloop
async def test_both_refuse_what_could_be_read_in_two_ways(what: str, cut: Cutting) -> None:
    for name in FRONTS:
        async with front(name, FrontSettings(body_timeout_s=0.5)) as served:
            *before, refusal = await exchange(served.port, cut(PLAIN + DISPUTED[what] + SMUGGLED))
            # aiohttp alone, given all at once, does not answer what came before, and does not count it.
            assert [answer.status for answer in before] in ([200], [] if name == "aiohttp" else [200])
            # A body that is broken in its middle never ends, as it looks to aiohttp: 408.
            assert refusal.status in {400, 431} or (what, refusal.status) == ("bad chunk size", 408)
            assert refusal.fields["connection"] == "close"
            assert_is_documented(refusal)
            assert await served.store.read(["/plain"]) == [len(before)]
            assert await served.store.total() == len(before)


@pytest.mark.parametrize("cut", CUTTINGS)
@on_uvloop
async def test_upgrade_is_ignored_and_what_follows_is_not_read(cut: Cutting) -> None:
    upgrade = head("GET /plain HTTP/1.1", HOST + "Connection: Upgrade\r\nUpgrade: h2c\r\n")
    lane, alone = [await answers_of(name, PLAIN + upgrade + SMUGGLED, cut) for name in FRONTS]
    assert lane == alone
    assert [answer.status for answer in lane] == [200, 200]
    assert lane[1].fields["connection"] == "close"


def assert_is_documented(answer: Answer) -> None:
    """Check what docs/http-api.md says of every answer."""
    assert answer.fields["api-version"] == "1"
    assert answer.fields["cache-control"] == "no-store"
    assert answer.fields["vary"] == "Accept"
    assert answer.fields["server"] == "request-counter"
    if answer.status != 200:
        problem = json.loads(answer.body)
        assert answer.fields["content-type"] == "application/problem+json"
        assert problem["status"] == answer.status
        assert problem["type"].startswith("https://requestcounter.io/problems/")
        assert problem["detail"]


TARGETS = st.one_of(
    st.text("/ab.%2eEfF?;:@!$~", max_size=30).map("/{}".format),
    # Anything that does not end the request line.
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n \t\f\v\0"), max_size=40).map("/{}".format),
    st.sampled_from(["*", "//", "http:///a", "HTTP://x/%2e%2e/a", "ftp://x/y", "/..", "/%2e%2E/..", "x:/", "http://"]),
)


@settings(deadline=None, max_examples=150)
@example("/%61/../%7E?x")
@given(TARGETS)
def test_both_read_any_target_alike(target: str) -> None:
    async def ask() -> list[list[Answer]]:
        line = b"PUT " + target.encode() + b" HTTP/1.1\r\n"
        data = line + HOST.encode() + b"\r\n" + LAST
        return [await answers_of(name, data, whole) for name in FRONTS]

    lane, alone = uvloop.run(ask())
    assert lane == alone
    assert lane[0].status in {200, 400, 414}


@on_uvloop
async def test_failed_request_is_told_its_own_id_or_one_of_ours() -> None:
    for name in FRONTS:
        async with front(name) as served:
            served.store.open.clear()
            served.counters.increments._closing = True
            wished = head("PUT /a HTTP/1.1", HOST + "X-Request-Id: my-17\r\n")
            odd = head("PUT /a HTTP/1.1", HOST + 'X-Request-Id: "<x>"\r\n')
            first, second, third, _ = await exchange(served.port, [wished + odd + PLAIN + LAST.replace(b"GET", b"PUT")])
            served.store.open.set()
            assert [answer.status for answer in (first, second, third)] == [503] * 3
            ids = [json.loads(answer.body)["requestId"] for answer in (first, second, third)]
            assert ids[0] == "my-17"
            assert all(len(one) == 16 for one in ids[1:])
            assert len(set(ids)) == 3


@on_uvloop
async def test_requests_over_the_rate_are_refused_with_a_time_to_come_again() -> None:
    limited = FrontSettings(rate_limit=RateLimit(requests_per_second=0.1, burst=2))
    answers = []
    for name in FRONTS:
        async with front(name, limited) as served:
            answers.append(await exchange(served.port, [PLAIN * 3 + LAST]))
    assert answers[0] == answers[1]
    assert [answer.status for answer in answers[0]] == [200, 200, 429, 429]
    refusal = answers[0][2]
    assert refusal.fields["retry-after"] == "10"
    assert refusal.fields["ratelimit"] == '"client";r=0;t=10'
    assert refusal.fields["ratelimit-policy"] == '"client";q=2;w=20'
    assert json.loads(refusal.body)["type"].endswith("/rate-limited")
