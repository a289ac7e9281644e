"""The scripts that make backups and bring them back, run in Redis's image as in a pod: its user, files and disk."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from counter_service.transfer.restore_settings import PROGRAM
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.redis_acl import redis_rules
from tests.support.counters import counter
from tests.support.redis_groups import ClusterServers, SentinelServers
from tests.support.redis_server import IMAGE, RedisServer, free_ports
from tests.support.transfers import Servers

_REPOSITORY = Path(__file__).resolve().parents[2]
_SCRIPTS = Path(str(files("request_counter_operator") / "render" / "scripts"))
_CREDENTIALS = Credentials("root")


class Ended(NamedTuple):
    """How a program ended, and all that it said."""

    status: int
    said: str


def all_servers(servers: Servers) -> list[RedisServer]:
    """Return every server with data."""
    return [servers] if isinstance(servers, RedisServer) else servers.servers


class Volume:
    """A volume of backups, the disk of the pods that use it, and the scripts.

    Args:
        folder: an empty one.
        name: whose backups are made and brought back, as namespace/name.

    Attributes:
        folder: the counter's on the volume.
        work: the pods' disk.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._name = name
        self._root = folder
        self.folder = folder / "backup" / name
        self.work = folder / "work"
        for path in (self.folder, self.work, folder / "login"):
            path.mkdir(parents=True)
        (folder / "login" / "username").write_text(_CREDENTIALS.user("backup"))
        (folder / "login" / "password").write_text(_CREDENTIALS.password("backup"))
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o777)

    def let_in(self, servers: Servers) -> None:
        """Make the backup's user on all servers, with the rights that it has in the cluster."""
        mode = "Cluster" if isinstance(servers, ClusterServers) else "Standalone"
        spec = {"store": {"redis": {"mode": mode}, "backup": {"schedule": "@daily"}}}
        rules = dict(redis_rules(counter(spec), _CREDENTIALS))[_CREDENTIALS.user("backup")]
        for server in all_servers(servers):
            with server.client() as client:
                client.execute_command("ACL", "SETUSER", _CREDENTIALS.user("backup"), *rules.split())

    async def back_up(self, servers: Servers, keep: int = 7) -> Ended:
        """Run the script that makes a backup, to its end."""
        addresses = " ".join(f"127.0.0.1:{server.port}" for server in all_servers(servers))
        environment = {"KEEP": str(keep), "MODE": "Standalone", "SERVERS": addresses}
        if isinstance(servers, ClusterServers):
            environment["MODE"] = "Cluster"
        if isinstance(servers, SentinelServers):
            sentinels = " ".join(f"127.0.0.1:{sentinel.port}" for sentinel in servers.sentinels)
            environment |= {"MODE": "Sentinel", "SENTINELS": sentinels, "GROUP": "counts", "QUORUM": "2"}
        return await self._run("redis-backup.sh", environment)

    async def fetch(self, backup: str = "latest") -> Ended:
        """Run the script that picks a backup."""
        return await self._run("restore-fetch.sh", {"BACKUP": backup, "PICKED": "/work/picked"})

    @asynccontextmanager
    async def served(self, port: int) -> AsyncIterator[None]:
        """Run the script that serves what was picked, from this port on."""
        process = await self._start("restore-serve.sh", {"FIRST_PORT": str(port)})
        try:
            yield
        finally:
            await _end(await asyncio.create_subprocess_exec("docker", "stop", "--time=10", f"serve-{port}"))
            await process.communicate()

    async def restore(self, target: Servers, *flags: str) -> Ended:
        """Bring what was picked into a Redis, to the end."""
        port = free_ports(4)
        async with self.served(port):
            arguments = [f"--folder={self.work}", f"--source=redis://127.0.0.1:{port}", f"--target={target.url}"]
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *["-m", PROGRAM.rpartition(" ")[2], *arguments, f"--name={self._name}", "--id=uid", *flags],
                env=os.environ | {"PYTHONPATH": str(_REPOSITORY)},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            return await _end(process)

    def backups(self) -> list[str]:
        """Return the folders there are, the oldest first."""
        return sorted(path.name for path in self.folder.iterdir())

    def add(self, name: str, complete: str | None, *shards: str) -> None:
        """Add a folder as a backup would have left it; without the file that completes it if that is None."""
        folder = self.folder / name
        folder.mkdir()
        for shard in shards:
            (folder / f"{shard}.rdb").write_text("not looked at")
        if complete is not None:
            (folder / "complete").write_text(complete)
        for path in [folder, *folder.iterdir()]:
            path.chmod(0o777)

    async def _run(self, script: str, environment: Mapping[str, str]) -> Ended:
        return await _end(await self._start(script, environment))

    async def _start(self, script: str, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
        given = {"COUNTER": self._name, "BACKUPS": "/backup", "WORK": "/work", "LOGIN": "/login", **environment}
        mounts = {_SCRIPTS: "/scripts", **{self._root / part: f"/{part}" for part in ("backup", "work", "login")}}
        name = [f"--name=serve-{environment['FIRST_PORT']}"] if "FIRST_PORT" in environment else []
        return await asyncio.create_subprocess_exec(
            *["docker", "run", "--rm", "--network=host", "--user=999:999", "--read-only", *name],
            *[f"--env={key}={value}" for key, value in given.items()],
            *[f"--volume={here}:{there}" for here, there in mounts.items()],
            *["--entrypoint=bash", IMAGE, f"/scripts/{script}"],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )


async def _end(process: asyncio.subprocess.Process) -> Ended:
    said, _ = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, (said or b"").decode())
