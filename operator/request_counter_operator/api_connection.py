"""The connections to the API server, of kopf's watches and of our own requests: how they end when nothing answers.

A peer that vanishes without a word leaves a connection on which a client may wait for ever. The kernel is told to ask
after idle connections, and to give up those whose data is not taken. The latter also bounds how late a write can
arrive that was given up (see ``election``): what is unsent when a connection is closed, the kernel still tries to send.
"""

import socket
import ssl
from types import SimpleNamespace
from typing import Any

import aiohttp

from request_counter_operator.metrics import OperatorMetrics
from request_counter_operator.watch_pulse import WatchPulse

UNTAKEN_DATA_S = 5
"""How long the kernel tries to send data that the peer does not take."""

_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}
"""An idle connection is asked after 10 s, three times 5 s apart, then closed: 25 s. Source: tcp(7)."""


def api_connector(tls: ssl.SSLContext) -> aiohttp.TCPConnector:
    """Return a pool of connections to the API server; close it after its session."""
    return aiohttp.TCPConnector(limit=0, ssl=tls, socket_factory=_socket)


def api_tracing(metrics: OperatorMetrics, pulse: WatchPulse) -> aiohttp.TraceConfig:
    """Return what counts requests by verb and code, and notes each watch that the API server has begun."""

    async def ended(_session: aiohttp.ClientSession, _context: SimpleNamespace, end: Any) -> None:
        is_watch = end.url.query.get("watch") == "true"
        metrics.api_requests.labels("watch" if is_watch else end.method.lower(), str(end.response.status)).inc()
        if is_watch and end.response.ok:
            pulse.beat(end.url.name)

    async def failed(_session: aiohttp.ClientSession, _context: SimpleNamespace, failure: Any) -> None:
        verb = "watch" if failure.url.query.get("watch") == "true" else failure.method.lower()
        metrics.api_requests.labels(verb, "0").inc()

    tracing = aiohttp.TraceConfig()
    tracing.on_request_end.append(ended)
    tracing.on_request_exception.append(failed)
    return tracing


def _socket(address: Any) -> socket.socket:
    """Return the socket for one connection. Options that a platform does not have are left at its defaults."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in {**_KEEPALIVE, "TCP_USER_TIMEOUT": UNTAKEN_DATA_S * 1000}.items():
        if (option := getattr(socket, name, None)) is not None:
            made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made
