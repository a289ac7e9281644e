"""A real Redis 8 in a container on 127.0.0.1, which can be killed and started again with what it had on its disk."""

import contextlib
import io
import os
import random
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from testcontainers.core.container import DockerContainer

from request_counter_operator.render.redis_tls import TLS_DIRECTORY

IMAGE = os.environ.get("REDIS_TEST_IMAGE", "redis:8.0-trixie")
_START_TIMEOUT_S = 30.0
_POLL_INTERVAL_S = 0.05
DURABLE = ("--appendonly", "yes", "--appendfsync", "always")
_RDB_FILE = "/tmp/dump.rdb"  # noqa: S108 -- the container's
FORGETFUL = ("--appendonly", "no", "--save", "")


class RedisServer:
    """A Redis server that runs while the `with` block does.

    On the host's network, so that servers know each other, and clients know them, by the same addresses.

    Args:
        options: of redis-server; DURABLE or FORGETFUL, and more.
        files: content of files in its folder /data, by name.
        program: redis-server, or redis-sentinel with the name of its file among the options.
        tls: whether the port, which is the only one, speaks TLS; the options name the files for that.
        cores: the processor's cores it may use, as Docker names them; empty for all.
        tmpfs_megabytes: size of its disk, which is the memory's then; 0 for the machine's disk.
        certificates: a folder of the machine with what the operator's options for TLS name; whoever changes it plays
            the kubelet.
    """

    def __init__(
        self,
        *options: str,
        files: Mapping[str, str] | None = None,
        program: str = "redis-server",
        tls: bool = False,
        cores: str = "",
        tmpfs_megabytes: int = 0,
        certificates: Path | None = None,
    ) -> None:
        self.port = free_ports()
        self._tls = tls
        port = ["--port", "0", "--tls-port", str(self.port)] if tls else ["--port", str(self.port)]
        # The whole command is given, since not every image of Redis has an entrypoint.
        command = [program, *options, *port, "--bind", "127.0.0.1", "--dir", "/tmp"]  # noqa: S108 -- the container's
        self._container = (
            DockerContainer(IMAGE).with_command(command).with_kwargs(network_mode="host", cpuset_cpus=cores)
        )
        if certificates:
            self._container.with_volume_mapping(str(certificates), TLS_DIRECTORY, "ro")
        self._files = dict(files or {})
        self._small_disk = Path(tempfile.mkdtemp(prefix="redis-disk-")) if tmpfs_megabytes else None
        if self._small_disk:
            mount = ["mount", "-t", "tmpfs", "-o", f"size={tmpfs_megabytes}m,mode=777", "tmpfs", str(self._small_disk)]
            subprocess.run(mount, check=True)
            self._container.with_volume_mapping(str(self._small_disk), "/tmp", "rw")  # noqa: S108 -- the container's

    @property
    def url(self) -> str:
        """The redis:// URL of database 0."""
        return f"{'rediss' if self._tls else 'redis'}://127.0.0.1:{self.port}"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self.port

    def client(self) -> "redis.Redis":
        """Return a client for looking and for doing harm; the caller closes it."""
        tls = {"ssl": True, "ssl_cert_reqs": "none"} if self._tls else {}
        return redis.Redis(
            port=self.port,
            decode_responses=True,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=10,
            **tls,  # type: ignore[arg-type]  # the library's overloads know no dict
        )

    def __enter__(self) -> Self:
        if self._files:
            folder = Path(tempfile.mkdtemp(prefix="redis-test-"))
            for name, text in self._files.items():
                (folder / name).write_text(text)
                (folder / name).chmod(0o666)
            folder.chmod(0o777)
            self._container.with_volume_mapping(str(folder), "/data", "rw")
        self._container.start()
        self._wait_until_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._container.stop()
        if self._small_disk:
            subprocess.run(["umount", str(self._small_disk)], check=True)

    def kill(self) -> None:
        """End the server with SIGKILL; what it had on its disk stays."""
        self._container.get_wrapped_container().kill("SIGKILL")

    def fill_disk(self) -> None:
        """Leave nothing free on its small disk."""
        assert self._small_disk
        with contextlib.suppress(OSError), (self._small_disk / "ballast").open("wb", buffering=0) as ballast:
            for size in (1024 * 1024, 4096):
                with contextlib.suppress(OSError):
                    while ballast.write(b"x" * size) == size:
                        pass

    def free_disk(self) -> None:
        """Take away what filled the disk."""
        assert self._small_disk
        (self._small_disk / "ballast").unlink()

    def edit_file(self, name: str, change: Callable[[str], str]) -> None:
        """Change a file in its directory, as only somebody may do while it does not run."""
        container = self._container.get_wrapped_container()
        packed, _ = container.get_archive(f"/tmp/{name}")  # noqa: S108 -- the container's
        with tarfile.open(fileobj=io.BytesIO(b"".join(packed))) as archive:
            member = archive.getmember(name)
            file = archive.extractfile(member)
            assert file
            text = change(file.read().decode()).encode()
        member.size = len(text)
        changed = io.BytesIO()
        with tarfile.open(fileobj=changed, mode="w") as archive:
            archive.addfile(member, io.BytesIO(text))
        assert container.put_archive("/tmp", changed.getvalue())  # noqa: S108 -- the container's

    def is_running(self) -> bool:
        """Whether the container runs."""
        container = self._container.get_wrapped_container()
        container.reload()
        return bool(container.status == "running")

    def start_again(self) -> None:
        """Start the killed server on the same disk and port; returns when it answers."""
        self._container.get_wrapped_container().start()
        self._wait_until_ready()

    def flush(self) -> None:
        """Forget all data."""
        with self.client() as client:
            client.flushall()

    def saved(self) -> bytes:
        """Have the server save its data, and return its RDB file."""
        with self.client() as client:
            client.save()
        chunks, _ = self._container.get_wrapped_container().get_archive(_RDB_FILE)
        with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
            file = archive.extractfile(archive.getmembers()[0])
            assert file
            return file.read()

    def load(self, rdb: bytes) -> None:
        """Have the server, which keeps no append-only file, start again with what another saved."""
        self.kill()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as files:
            entry = tarfile.TarInfo(Path(_RDB_FILE).name)
            entry.size = len(rdb)
            files.addfile(entry, io.BytesIO(rdb))
        container = self._container.get_wrapped_container()
        container.wait()
        assert container.put_archive(str(Path(_RDB_FILE).parent), archive.getvalue())
        self.start_again()

    def pause(self) -> None:
        """Stop the server in its tracks (as SIGSTOP does); connections stay open."""
        self._container.get_wrapped_container().pause()

    def resume(self) -> None:
        """Let a paused server go on."""
        self._container.get_wrapped_container().unpause()

    def run(self, *command: str) -> str:
        """Run a command in the server's container and return what it says.

        Raises:
            AssertionError: it fails.
        """
        result = self._container.exec(list(command))
        assert result.exit_code == 0, result.output
        return str(result.output.decode())

    def _wait_until_ready(self) -> None:
        deadline_s = time.monotonic() + _START_TIMEOUT_S
        with self.client() as client:
            while True:
                try:
                    client.ping()
                except redis.RedisError as error:
                    if time.monotonic() > deadline_s:
                        raise AssertionError(f"Redis not ready: {error}; {self._container.get_logs()}") from error
                    time.sleep(_POLL_INTERVAL_S)
                else:
                    return


def free_ports(number: int = 1) -> int:
    """Find a free port, the first of so many in a row.

    Of each the 10,000th neighbour, where servers of a cluster talk to each other, is free as well.
    """
    while True:
        first = random.randrange(20_000, 30_000 - number)  # noqa: S311 -- no secret
        try:
            for port in range(first, first + number):
                for one in (port, port + 10_000):
                    with socket.socket() as probe:
                        probe.bind(("127.0.0.1", one))
        except OSError:
            continue
        return first
