"""``kubectl requestcounter verify``: counts on a live counter, and holds it to the books.

The requests are for paths of this run's own, so it makes no difference who else counts meanwhile; only the total cannot
be compared then. Afterwards the paths are removed again.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from kubectl_requestcounter.cluster import connect
from kubectl_requestcounter.errors import PluginError
from kubectl_requestcounter.kubectl import PortForward
from kubectl_requestcounter.ledger import Entry, Ledger
from kubectl_requestcounter.target import Target
from request_counter_operator.api import RequestCounter
from request_counter_operator.names import ADMIN_PORT, SERVICE_PORT, admin_name, child_name

DISCREPANCIES = 1
_SHOWN_PATHS = 20
_PROGRESS_INTERVAL_S = 0.2
_RECOVERY_S = 60.0
"""How long what is under test may take to answer again after the run."""

_PAUSE_S = 0.5
_ADMIN_TIMEOUT_S = 15.0
_ADMIN_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """What the command was asked.

    Attributes:
        url: Address of the counter; None leads there through the API server.
        host_header: Host header to send, for a counter behind an Ingress.
        admin_url: Address of the admin port; None leads there through the API server.
        rate: Requests to begin per second.
        paths: Over how many paths.
        seconds: For how long.
        keep: Whether the paths stay.
    """

    url: str | None
    host_header: str | None
    admin_url: str | None
    rate: float
    paths: int
    seconds: float
    keep: bool


async def verify(target: Target, name: str, options: VerifyOptions) -> int:
    """Count, compare and tell; return 0 when the books balance, 1 when they do not.

    Raises:
        PluginError: The counter could not be reached, or acknowledged nothing: nothing is verified.
    """
    out, err = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
    with err.status("looking for the counter"):
        service, admin = await _find_services(target, name, options)
    async with AsyncExitStack() as stack:
        with err.status("opening a way to the counter"):
            url = options.url or await _open_way(stack, target, service, SERVICE_PORT)
        ledger = Ledger(
            url,
            host=options.host_header,
            paths=options.paths,
            rate_per_s=options.rate,
            total_is_ours=False,
        )
        try:
            await _count(ledger, url, options.seconds, err)
            with err.status("reading the counts"):
                entries = await _audit(ledger)
        finally:
            # Also after Ctrl-C: what this run made is not left behind.
            if not options.keep and ledger.books.attempted:
                with err.status("removing the paths"):
                    await _clean_up(target, admin, options, ledger.paths, err)
    return _tell(ledger, entries, out)


async def _find_services(target: Target, name: str, options: VerifyOptions) -> tuple[str, str]:
    """Return the names of the Services of the data and the admin port, where either is needed.

    Raises:
        PluginError: There is no such counter, or it could not be read.
    """
    if options.url is not None and (options.keep or options.admin_url is not None):
        return "", ""
    async with connect(target) as cluster:
        counter = RequestCounter.from_body(await cluster.get_counter(name))
    return child_name(counter, "service"), admin_name(counter)


async def _open_way(stack: AsyncExitStack, target: Target, service: str, port: int) -> str:
    """Return a local address that leads to a Service until the stack is closed."""
    return (await stack.enter_async_context(PortForward(target, service, port))).url


async def _count(ledger: Ledger, url: str, seconds: float, err: Console) -> None:
    try:
        async with ledger:
            await _show_progress(ledger, seconds, err)
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        raise PluginError(f"the counter does not answer at {url}: {str(error) or type(error).__name__}") from error


async def _show_progress(ledger: Ledger, seconds: float, err: Console) -> None:
    columns = TextColumn("counting"), BarColumn(), TextColumn("{task.description}"), TimeRemainingColumn()
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=seconds)
        began_s = time.monotonic()
        while (passed_s := time.monotonic() - began_s) < seconds:
            done = f"{ledger.books.acknowledged} acknowledged, {ledger.books.errors.total()} not"
            progress.update(task, completed=passed_s, description=done)
            await asyncio.sleep(min(_PROGRESS_INTERVAL_S, seconds - passed_s))


async def _audit(ledger: Ledger) -> list[Entry]:
    """Read the counts, patiently: what is under test may just be recovering."""
    deadline_s = time.monotonic() + _RECOVERY_S
    while True:
        try:
            return await ledger.audit()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if time.monotonic() > deadline_s:
                raise PluginError(f"the counts cannot be read: {str(error) or type(error).__name__}") from error
            await asyncio.sleep(_PAUSE_S)


async def _clean_up(target: Target, service: str, options: VerifyOptions, paths: Sequence[str], err: Console) -> None:
    """Delete the paths from the counter, and from its total; say how many stay where that fails."""
    deadline_s = time.monotonic() + _RECOVERY_S
    left, fault = list(paths), ""
    try:
        # Opened only now: a way that was open all the time may lead to a pod that is gone.
        async with AsyncExitStack() as stack:
            admin_url = options.admin_url or await _open_way(stack, target, service, ADMIN_PORT)
            while left and (not fault or time.monotonic() < deadline_s):
                if fault:
                    await asyncio.sleep(_PAUSE_S)
                left, fault = await _remove(admin_url, left)
    except PluginError as error:
        fault = str(error)
    if left:
        where = paths[0].rpartition("/")[0]
        err.print(Text(f"note: {len(left)} paths below {where} could not be removed: {fault}", "yellow"))


async def _remove(admin_url: str, paths: Sequence[str]) -> tuple[list[str], str]:
    """Delete the paths; return those that may be left, and what went wrong with one of them."""
    left: dict[str, str] = {}
    timeout = aiohttp.ClientTimeout(total=_ADMIN_TIMEOUT_S)
    connector = aiohttp.TCPConnector(limit=_ADMIN_CONNECTIONS)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:

        async def remove(path: str) -> None:
            try:
                async with session.delete(f"{admin_url.rstrip('/')}/api/v1/counters{path}") as response:
                    if response.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
                        left[path] = f"{response.status} {response.reason}"
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                left[path] = str(error) or type(error).__name__

        await asyncio.gather(*map(remove, paths))
    return list(left), next(iter(left.values()), "")


def _tell(ledger: Ledger, entries: Sequence[Entry], out: Console) -> int:
    """Print what was found, and return the exit code.

    Raises:
        PluginError: Nothing was acknowledged, so nothing was found.
    """
    books = ledger.books
    wrong = [entry for entry in entries if entry.problem is not None]
    if not books.acknowledged and not wrong:
        raise PluginError(f"nothing is verified, for no request was acknowledged: {books}")
    shown = entries if len(entries) <= _SHOWN_PATHS else wrong[:_SHOWN_PATHS]
    if shown:
        out.print(Text(f"{'ACKNOWLEDGED':>12}   {'COUNTED':>7}   {'ATTEMPTED':>9}   PATH", "bold"))
    for entry in shown:
        numbers = f"{entry.acknowledged:>12}   {entry.counted:>7}   {entry.attempted:>9}"
        out.print(Text(f"{numbers}   {entry.problem or entry.path}", "" if entry.problem is None else "red"))
    out.print(Text(str(books)))
    if wrong:
        out.print(Text(f"{len(wrong)} of {len(entries)} paths are counted wrong", "bold red"))
        return DISCREPANCIES
    out.print(Text(f"all {len(entries)} paths are counted right: acknowledged <= counted <= attempted", "bold green"))
    return 0
