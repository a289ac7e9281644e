"""Who is compared: how each is built, once, and started on one core."""

import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

REPOSITORY: Final = Path(__file__).resolve().parents[2]
CACHE: Final = Path.home() / ".cache" / "request-counter" / "bench"
PORT: Final = 8177
SERVICE_CORE: Final = 0
OTHER_CORE: Final = 1
_PEERS: Final = Path(__file__).with_name("peers")
_START_TIMEOUT_S: Final = 30.0
# Prints how long some work takes; infinitely long for a Python that is too old for us.
_SPEED: Final = """
import sys, time, timeit
work = "for i in range(1000): counts[i % 9] = str(i)"
print(min(timeit.repeat(work, "counts = {}", time.process_time, 9, 300)) if sys.version_info >= (3, 11) else "inf")
"""
_OURS: Final = ["-m", "counter_service", f"--port={PORT}", "--admin-port=0", "--log-format=json"]


@dataclass(frozen=True)
class Contender:
    """One program that counts requests.

    Attributes:
        name: in the tables.
        build: makes what is needed and returns the command, given Redis's host:port; None if it cannot be had here.
        durable: whether Redis writes and syncs every batch.
        prefix: what stands before each path.
    """

    name: str
    build: Callable[[str], Sequence[str] | None]
    durable: bool = False
    prefix: str = ""


class Process:
    """A contender on its core while the `with` block runs."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            ["taskset", "-c", str(SERVICE_CORE), *self._command],
            cwd=REPOSITORY,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        while not _answers():
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"does not serve: {' '.join(self._command)}")
            time.sleep(0.1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(20)

    def cpu_s(self) -> float:
        """Return the processor time used so far, seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self) -> float:
        """Return the resident memory, MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _answers() -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=1):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _run(command: Sequence[str | Path], folder: Path) -> None:
    subprocess.run([str(part) for part in command], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def _python() -> str:
    """Find the quickest Python: those in images are optimized with a profile, and not each that is says so."""
    pythons = [
        sys.executable,
        *filter(os.path.exists, ("/usr/bin/python3", "/usr/bin/python3.13", "/usr/local/bin/python3")),
    ]
    return min(pythons, key=lambda python: float(subprocess.check_output([python, "-c", _SPEED])))


def _environment() -> Path:
    """Make the environment of the service's image with that Python."""
    folder = CACHE / "venv"
    uv = shutil.which("uv") or str(Path.home() / ".cache" / "request-counter" / "bin" / "uv")
    variables = os.environ | {"UV_PROJECT_ENVIRONMENT": str(folder)}
    command = [uv, "sync", "--quiet", "--frozen", "--no-dev", "--extra", "service", "--python", _python()]
    subprocess.run(command, cwd=REPOSITORY, env=variables, check=True)
    return folder / "bin" / "python"


def _ours(*flags: str) -> Callable[[str], Sequence[str]]:
    return lambda redis: [str(_environment()), *_OURS, f"--store=redis://{redis}", *flags]


def _go(redis: str) -> Sequence[str] | None:
    if shutil.which("go") is None:
        return None
    _run(["go", "build", "-o", CACHE / "go-peer", "."], _PEERS / "go")
    # One core: Go's runtime is told so, as a container's limit tells it.
    return ["env", "GOMAXPROCS=1", str(CACHE / "go-peer"), str(PORT), redis]


def _nest(redis: str) -> Sequence[str] | None:
    if shutil.which("npm") is None:
        return None
    folder = CACHE / "nest"
    shutil.copytree(_PEERS / "nest", folder, dirs_exist_ok=True)
    if not (folder / "dist" / "main.js").exists():
        _run(["npm", "install", "--silent", "--no-audit", "--no-fund"], folder)
        _run(["npx", "tsc"], folder)
    return ["node", str(folder / "dist" / "main.js"), str(PORT), redis]


def _aiohttp(redis: str) -> Sequence[str]:
    return [str(_environment()), str(_PEERS / "aiohttp" / "main.py"), str(PORT), redis]


def _webdis(redis: str) -> Sequence[str] | None:
    if shutil.which("webdis") is None:
        return None
    host, _, port = redis.partition(":")
    file = CACHE / "webdis.json"
    file.write_text(
        f'{{"redis_host": "{host}", "redis_port": {port}, "http_host": "127.0.0.1", "http_port": {PORT}, '
        '"threads": 1, "pool_size": 1, "daemonize": false, "verbosity": 0, "logfile": "/dev/null", '
        '"acl": [{"enabled": ["INCR", "GET"]}]}'
    )
    return ["webdis", str(file)]


OURS: Final = "Request Counter"
PERSISTED: Final = "Request Counter, `Persisted`"
GO: Final = "Go net/http, go-redis"
NEST: Final = "NestJS, ioredis"
CONTENDERS: Final = (
    # With everything on: metrics, logging, limits, a rate limit that each request is held to and none reaches.
    Contender(OURS, _ours("--durability=None", "--rate-limit-requests-per-second=1000000000")),
    Contender(PERSISTED, _ours("--rate-limit-requests-per-second=1000000000"), durable=True),
    Contender(GO, _go),
    Contender(NEST, _nest),
    Contender("aiohttp, redis-py", _aiohttp),
    # It has no PUT and keeps no total: half the work.
    Contender("webdis (`INCR` alone)", _webdis, prefix="/INCR"),
)
