"""`python -m counter_service`: the composition root, the only module that names a store or starts a process.

One worker: one process with both ports. Several: workers with the data port, and a process with the admin port, below
a supervisor.
"""

import asyncio
import ctypes
import gc
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import structlog
import uvloop

from counter_service.errors import InvalidSettingsError, StoreMisconfiguredError, StoreUnavailableError
from counter_service.logs import configure_logging
from counter_service.metrics import ServiceMetrics, share_metrics
from counter_service.ports import admin_port, data_port
from counter_service.settings import Settings, exit_for_invalid_settings, load_settings
from counter_service.store.base import CounterStore
from counter_service.store.memory import MemoryStore
from counter_service.store.redis_address import TlsFiles, parse_address
from counter_service.store.redis_store import RedisStore
from counter_service.store.sqlite import SqliteStore
from counter_service.supervisor import Sockets, StatusBoard, Supervisor

_log = structlog.get_logger()


def main() -> None:
    """Run the service until SIGTERM or SIGINT; exits with 2 for wrong settings, with 1 when it cannot start."""
    try:
        settings = load_settings(sys.argv[1:])
    except InvalidSettingsError as error:
        exit_for_invalid_settings(error)
    configure_logging(settings.log_level, settings.log_format)
    _give_memory_back()
    _allow_many_connections()
    try:
        if settings.check_config:
            uvloop.run(_check_config(settings))
        elif settings.workers == 1:
            uvloop.run(_run_single(settings))
        else:
            _run_several(settings)
    except (OSError, StoreUnavailableError) as error:
        _log.error("cannot go on", reason=str(error))
        raise SystemExit(1) from error


def open_store(settings: Settings) -> CounterStore:
    """Return the store the URL names; it connects when it is first used."""
    match settings.scheme:
        case "memory":
            return MemoryStore(max_paths=settings.max_paths)
        case "sqlite":
            file = Path(urlsplit(settings.store).path[1:])
            return SqliteStore(
                file, counter=settings.name, max_paths=settings.max_paths, fsync=settings.durability == "Persisted"
            )
        case _:
            files = TlsFiles(
                settings.store_ca_file, settings.store_cert_file, settings.store_key_file, settings.store_tls_name
            )
            return RedisStore(
                parse_address(settings.store, settings.store_password_file, settings.store_username_file, files),
                counter=settings.name,
                max_paths=settings.max_paths,
                durability=settings.durability,
                read_from_replicas=settings.read_from == "Replica",
            )


class _Stop:
    """The wish to stop, from a signal or from the supervisor's death."""

    def __init__(self, supervisor_alive: int | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.wanted = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.wanted.set)
        if supervisor_alive is not None:
            loop.add_reader(supervisor_alive, self.wanted.set)


async def _run_single(settings: Settings) -> None:
    stop, metrics = _Stop(), ServiceMetrics()
    serving = asyncio.Event()
    async with AsyncExitStack() as stack:
        store = open_store(settings)
        stack.push_async_callback(store.aclose)
        await _check_store(store, settings)
        probes = admin_port(settings, store, metrics, is_draining=stop.wanted.is_set, is_serving=serving.is_set)
        bound_admin_port = await stack.enter_async_context(probes)
        data = await stack.enter_async_context(data_port(settings, store, metrics))
        serving.set()
        _log_start(settings, port=data.port, admin_port=bound_admin_port)
        await stop.wanted.wait()
        data.drain()
        _log.info("stopping", drain_delay_s=settings.drain_delay_s)
        await asyncio.sleep(settings.drain_delay_s)
    _log.info("stopped")


def _run_several(settings: Settings) -> None:
    ports = {"port": _free_port(settings.host, settings.port)}
    ports["admin_port"] = _free_port(settings.host, settings.admin_port)
    settings = settings.model_copy(update=ports)
    sockets = Sockets(settings.host, settings.port, settings.workers)

    def run_worker(number: int, board: StatusBoard, supervisor_alive: int) -> None:
        listening = sockets.keep_only(number)
        uvloop.run(_run_worker(settings, listening, partial(board.set_serving, number, serving=True), supervisor_alive))

    def run_admin(board: StatusBoard, supervisor_alive: int) -> None:
        sockets.keep_only(None)
        uvloop.run(_run_admin(settings, board, supervisor_alive))

    def stop_listening() -> None:
        sockets.keep_only(None)

    with tempfile.TemporaryDirectory(prefix="counter-metrics-") as directory:
        share_metrics(directory)
        supervisor = Supervisor(
            settings.workers,
            run_worker,
            run_admin,
            on_stop=stop_listening,
            stop_timeout_s=settings.drain_delay_s + settings.shutdown_timeout_s + 1,
        )
        _log_start(settings, port=settings.port, admin_port=settings.admin_port)
        supervisor.run()
    _log.info("stopped")


async def _run_worker(
    settings: Settings, listening: socket.socket | None, on_serving: Callable[[], None], supervisor_alive: int
) -> None:
    stop = _Stop(supervisor_alive)
    async with AsyncExitStack() as stack:
        store = open_store(settings)
        stack.push_async_callback(store.aclose)
        data = await stack.enter_async_context(data_port(settings, store, ServiceMetrics(), listening))
        on_serving()
        await stop.wanted.wait()
        data.drain()
        await asyncio.sleep(settings.drain_delay_s)


async def _run_admin(settings: Settings, board: StatusBoard, supervisor_alive: int) -> None:
    stop = _Stop(supervisor_alive)
    async with AsyncExitStack() as stack:
        store = open_store(settings)
        stack.push_async_callback(store.aclose)
        probes = admin_port(
            settings, store, ServiceMetrics(), is_draining=board.is_draining, is_serving=board.is_serving
        )
        await stack.enter_async_context(probes)
        await stop.wanted.wait()


async def _check_store(store: CounterStore, settings: Settings) -> None:
    """Fail now for what will not change by itself; start anyway, not ready, when the store is only not there yet.

    Raises:
        StoreMisconfiguredError: the store cannot do what the settings ask for.
    """
    try:
        async with asyncio.timeout(settings.request_timeout_s):
            await store.ping()
    except StoreMisconfiguredError:
        raise
    except (StoreUnavailableError, TimeoutError) as error:
        _log.warning("the store does not answer yet", store=settings.store_without_password, reason=str(error))


async def _check_config(settings: Settings) -> None:
    """Say that all is well, or fail as the start would.

    Raises:
        StoreMisconfiguredError, StoreUnavailableError, OSError: the store is not there, or cannot do what is asked.
    """
    for file in (settings.store_username_file, settings.store_password_file, settings.admin_token_file):
        if file is not None:
            file.read_bytes()
    store = open_store(settings)
    try:
        async with asyncio.timeout(settings.request_timeout_s):
            await store.ping()
    except TimeoutError as error:
        raise StoreUnavailableError("the store did not answer in time") from error
    finally:
        await store.aclose()
    _log.info("settings are good", store=settings.store_without_password, durability=settings.durability)


def _free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0, having made sure that nobody has it.

    Raises:
        OSError: the address is in use; with SO_REUSEPORT, the workers would silently share it with whoever that is.
    """
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(address)
        return int(probe.getsockname()[1])


def _allow_many_connections() -> None:
    """Raise the limit of open files, so of connections, as far as this process may."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # macOS calls its limit infinite and then refuses it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _give_memory_back() -> None:
    """Return to the system what importing and reading the settings needed: some 12 MiB, with glibc."""
    gc.collect()
    # What is there now is there to stay: not to be looked through again, and so not copied in forked workers either.
    gc.freeze()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _log_start(settings: Settings, *, port: int, admin_port: int) -> None:
    _log.info(
        "serving",
        address=f"http://{settings.host}:{port}",
        admin_address=f"http://{settings.host}:{admin_port}",
        store=settings.store_without_password,
        durability=settings.durability,
        counter=settings.name,
        workers=settings.workers,
    )


if __name__ == "__main__":
    main()
