"""The pods of a cluster as containers: with the very scripts, configuration and users that are rendered.

A container has a pod's host name and, like its Service, an address that outlives it.
"""

import base64
import random
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from request_counter_operator.redis_admin.cluster.keeper import ClusterKeeper
from request_counter_operator.redis_admin.connection import Door
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.render.redis_config import render_redis_config
from request_counter_operator.render.redis_secret import REPLICATION_KEYS, render_redis_secret
from tests.support.certificates import SECRET, trust_in
from tests.support.counters import CLUSTER, counter
from tests.support.operated_cluster import OperatedCluster
from tests.support.redis_server import IMAGE
from tests.support.secret_volume import SecretVolume

_USER = "999:999"


class ClusterPods(OperatedCluster):
    """Six pods while the `with` block runs; the first of each shard is its primary to begin with.

    Args:
        certificate: what their Secret holds for TLS; None for pods without.

    Attributes:
        tls: the files of that Secret as the pods have them.
    """

    def __init__(self, certificate: Mapping[str, bytes] | None = None) -> None:
        super().__init__()
        self.servers = {}
        self.operator = ClusterKeeper(time.monotonic)
        self._name = f"cluster-pods-{uuid.uuid4().hex[:8]}"
        self._network = f"10.{random.randrange(128, 250)}.{random.randrange(250)}"  # noqa: S311 - no secret
        self._folder = Path(tempfile.mkdtemp(prefix="cluster-pods-"))
        self._folder.chmod(0o755)
        (self._folder / "etc").mkdir()
        self.tls = None if certificate is None else SecretVolume(self._folder / "etc" / "tls", certificate)
        trust = None if certificate is None else trust_in(certificate)
        credentials = Credentials("root")
        self.doors = {
            name: Door(name, f"{self._network}.{number + 10}", 6379, credentials, trust)
            for number, name in enumerate(self.layout.names)
        }

    def __enter__(self) -> Self:
        self._write_files()
        docker("network", "create", "--subnet", f"{self._network}.0/24", self._name)
        try:
            for name in self.doors:
                self.start(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill(*self.doors)
        docker("network", "rm", self._name)
        shutil.rmtree(self._folder)

    def start(self, name: str) -> None:
        """Start a pod."""
        data = self._folder / name
        data.mkdir(exist_ok=True)
        data.chmod(0o777)
        docker(
            *("run", "--detach", "--name", f"{self._name}-{name}", "--hostname", name, "--user", _USER, "--read-only"),
            *("--network", self._name, "--ip", self.doors[name].host, "--network-alias", f"{name}.default.svc"),
            *("--volume", f"{self._folder / 'etc'}:/etc/request-counter:ro", "--volume", f"{data}:/data"),
            *(IMAGE, "bash", "/etc/request-counter/config/cluster-start.sh"),
        )

    def stop(self, name: str) -> list[str]:
        """Stop a pod as the kubelet does: its preStop script first; return what that said."""
        docker("exec", f"{self._name}-{name}", "bash", "/etc/request-counter/config/cluster-stop.sh")
        docker("stop", f"{self._name}-{name}")
        said = [line.partition(" stop: ")[2] for line in self.log(name).splitlines() if " stop: " in line]
        self.kill(name)
        return said

    def kill(self, *names: str) -> None:
        """Take pods away at once."""
        docker("rm", "--force", *(f"{self._name}-{name}" for name in names))

    def lose_volume(self, name: str) -> None:
        """Take the volume of a pod that does not run."""
        shutil.rmtree(self._folder / name)

    def log(self, name: str) -> str:
        """Return what a pod has said."""
        return docker("logs", f"{self._name}-{name}")

    def _write_files(self) -> None:
        redis = CLUSTER["store"]["redis"] | ({"tls": {"secretName": SECRET}} if self.tls else {})
        resource, credentials = counter({"store": CLUSTER["store"] | {"redis": redis}}), Credentials("root")
        config, secret = render_redis_config(resource), render_redis_secret(resource, credentials)
        assert config
        assert secret
        passwords = {key: base64.b64decode(text).decode() for key, text in secret["data"].items()}
        files = {f"config/{name}": text for name, text in config["data"].items()}
        files |= {"acl/users.acl": passwords["users.acl"]}
        files |= {f"replication/{file}": passwords[key] for key, file in REPLICATION_KEYS.items()}
        for name, text in files.items():
            path = self._folder / "etc" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def docker(*arguments: str) -> str:
    """Run Docker; return what it says.

    Raises:
        AssertionError: It fails.
    """
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout
