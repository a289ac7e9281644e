"""Several processes as one service: workers with the data port, one with the admin port, a supervisor above.

The supervisor runs no event loop and no threads, so it may fork at any time, and its children share its memory pages.
It restarts whoever dies, with a growing pause; on SIGHUP it replaces the workers, one after the other; on SIGTERM or
SIGINT it ends the workers first and the admin process last, so that probes can see the draining. Children learn of its
death, whatever the cause, by the end of file on a pipe.

Each worker listens on a socket of its own on the same port (SO_REUSEPORT). The sockets are the supervisor's: a
connection that waits when a worker ends is there for the one that takes its place, and is never refused.
"""

import mmap
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

import structlog

from counter_service.metrics import forget_process

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 5.0
# A process that lived for so long died of something new.
_HEALTHY_AFTER_S: Final = 10.0
_ADMIN_STOP_TIMEOUT_S: Final = 5.0
_BACKLOG_CONNECTIONS: Final = 1024
_STOP_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT})

_log = structlog.get_logger()


class StatusBoard:
    """What the processes know of each other: single bytes in memory that survives fork, each with one writer."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._bytes = mmap.mmap(-1, workers + 1)

    def is_draining(self) -> bool:
        """Whether the supervisor was told to stop."""
        return self._bytes[self._workers] == 1

    def is_serving(self) -> bool:
        """Whether at least one worker listens on the data port."""
        return any(self._bytes[: self._workers])

    def set_draining(self) -> None:
        """Say that the service is stopping; there is no way back."""
        self._bytes[self._workers] = 1

    def set_serving(self, worker: int, *, serving: bool) -> None:
        """Say whether a worker, 0 and up, listens on the data port."""
        self._bytes[worker] = serving


@dataclass(slots=True)
class _Child:
    """One process to keep running; `main` gets the descriptor whose end of file is the supervisor's death."""

    name: str
    main: Callable[[int], None]
    on_death: Callable[[], None]
    pid: int | None = None
    started_at_s: float = 0.0
    start_at_s: float = 0.0
    pause_s: float = field(default=_FIRST_PAUSE_S)


class Sockets:
    """The workers' listening sockets, one each, on one port.

    Args:
        host: address to listen on.
        port: which; somebody has made sure that nobody else has it.
        workers: how many.
    """

    def __init__(self, host: str, port: int, workers: int) -> None:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        self._sockets = [
            socket.create_server(address[:2], family=family, backlog=_BACKLOG_CONNECTIONS, reuse_port=True)
            for _ in range(workers)
        ]

    def keep_only(self, worker: int | None) -> socket.socket | None:
        """Close all in this process but a worker's own, which is returned; its end is its caller's then."""
        kept = None if worker is None else self._sockets[worker]
        for one in self._sockets:
            if one is not kept:
                one.close()
        return kept


@dataclass(slots=True)
class _Retiring:
    """A worker that has been replaced and still answers what it was asked."""

    pid: int
    killed_at_s: float


class Supervisor:
    """Runs one admin process and the workers until it is told to stop.

    Args:
        workers: how many, 1 and up.
        worker_main: what worker number i does; given i, the board and the descriptor to watch.
        admin_main: what the admin process does; given the board and the descriptor.
        on_stop: called before the workers are told to end.
        stop_timeout_s: how long the workers may take to end after SIGTERM, seconds; then they are killed.
    """

    def __init__(
        self,
        workers: int,
        worker_main: Callable[[int, StatusBoard, int], None],
        admin_main: Callable[[StatusBoard, int], None],
        *,
        on_stop: Callable[[], None],
        stop_timeout_s: float,
    ) -> None:
        board = StatusBoard(workers)
        self._board = board
        self._on_stop = on_stop
        self._stop_timeout_s = stop_timeout_s
        self._to_replace: list[_Child] = []
        self._retiring: _Retiring | None = None
        # A terminal that is closed sends SIGHUP too, and whoever closes it wants an end.
        self._stop_signals = _STOP_SIGNALS | ({signal.SIGHUP} if sys.stderr.isatty() else frozenset())
        self._admin = _Child("admin", lambda descriptor: admin_main(board, descriptor), lambda: None)
        self._workers = [
            _Child(
                f"worker-{number}",
                lambda descriptor, number=number: worker_main(number, board, descriptor),  # type: ignore[misc]
                lambda number=number: board.set_serving(number, serving=False),  # type: ignore[misc]
            )
            for number in range(workers)
        ]
        self._alive_read, self._alive_write = os.pipe()

    def run(self) -> None:
        """Keep all processes running until SIGTERM or SIGINT, then end them; returns when all are gone."""
        # Blocked, signals queue up for sigtimedwait: nothing interrupts anything.
        watched = self._stop_signals | {signal.SIGCHLD, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, watched)
        children = [self._admin, *self._workers]
        while True:
            self._replace_next()
            for child in children:
                self._start_if_due(child)
            received = signal.sigtimedwait(watched, self._next_start_in_s(children))
            self._reap(children)
            self._reap_retiring()
            if received is not None and received.si_signo in self._stop_signals:
                break
            if received is not None and received.si_signo == signal.SIGHUP:
                _log.info("replacing workers", workers=len(self._workers))
                self._to_replace = list(self._workers)
        self._board.set_draining()
        self._on_stop()
        self._stop(self._workers, self._stop_timeout_s)
        self._reap_retiring(kill=True)
        self._stop([self._admin], _ADMIN_STOP_TIMEOUT_S)

    def _replace_next(self) -> None:
        """Have one worker replaced: the new one begins at once, the old one ends what it was asked."""
        if self._retiring is not None or not self._to_replace:
            return
        child = self._to_replace.pop(0)
        if child.pid is None:
            return  # it is about to be started anew anyway
        self._retiring = _Retiring(child.pid, time.monotonic() + self._stop_timeout_s)
        os.kill(child.pid, signal.SIGTERM)
        child.pid, child.start_at_s = None, 0.0

    def _reap_retiring(self, *, kill: bool = False) -> None:
        if self._retiring is None:
            return
        pid = self._retiring.pid
        if kill or time.monotonic() > self._retiring.killed_at_s:
            os.kill(pid, signal.SIGKILL)
        if os.waitpid(pid, 0 if kill else os.WNOHANG)[0]:
            forget_process(pid)
            self._retiring = None

    def _start_if_due(self, child: _Child) -> None:
        if child.pid is not None or time.monotonic() < child.start_at_s:
            return
        child.started_at_s = time.monotonic()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become(child)
        child.pid = pid

    def _become(self, child: _Child) -> NoReturn:
        """Be the child process; whatever happens, never return into the supervisor's code."""
        status = 1
        try:
            os.close(self._alive_write)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the supervisor's business
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            child.main(self._alive_read)
            status = 0
        except SystemExit as error:
            status = error.code if isinstance(error.code, int) else 1
        except BaseException:  # noqa: BLE001 -- the top level of this process, which ends here
            _log.exception("process failed", process=child.name)
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _next_start_in_s(self, children: list[_Child]) -> float:
        due = [child.start_at_s for child in children if child.pid is None]
        return max(0.0, min(due) - time.monotonic()) if due else _LONGEST_PAUSE_S

    def _reap(self, children: list[_Child]) -> None:
        for child in children:
            if child.pid is None or os.waitpid(child.pid, os.WNOHANG)[0] == 0:
                continue
            lived_s = time.monotonic() - child.started_at_s
            child.pause_s = _FIRST_PAUSE_S if lived_s > _HEALTHY_AFTER_S else min(child.pause_s * 2, _LONGEST_PAUSE_S)
            child.start_at_s = time.monotonic() + child.pause_s
            forget_process(child.pid)
            child.pid = None
            child.on_death()
            if not self._board.is_draining():
                _log.warning("process died", process=child.name, lived_s=round(lived_s, 3), restart_in_s=child.pause_s)

    def _stop(self, children: list[_Child], timeout_s: float) -> None:
        self._signal(children, signal.SIGTERM)
        deadline_s = time.monotonic() + timeout_s
        while any(child.pid for child in children) and (left_s := deadline_s - time.monotonic()) > 0:
            signal.sigtimedwait({signal.SIGCHLD}, left_s)
            self._reap(children)
        self._signal(children, signal.SIGKILL)
        for child in children:
            if child.pid is not None:
                _log.warning("process had to be killed", process=child.name)
                os.waitpid(child.pid, 0)

    def _signal(self, children: list[_Child], number: signal.Signals) -> None:
        for child in children:
            if child.pid is not None:
                os.kill(child.pid, number)
