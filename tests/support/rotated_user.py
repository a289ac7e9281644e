"""A Redis user of the service that is rotated as the operator does it: a new user, new files, and then no old user."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer
from tests.support.secret_volume import SecretVolume
from tests.support.tls_redis import COMMANDS

_RIGHTS = f"{COMMANDS} wait cluster|slots readonly"
# What the operator may count on: the service looks at its files once a second.
_NO_OLD_CONNECTION_WITHIN_S = 6.0


class RotatedUser:
    """The user `service-<generation>` while the `with` block runs, on each of some servers.

    Args:
        servers: all that the service may connect to.
        folder: where the files are to be; there is nothing there yet.
    """

    def __init__(self, servers: Sequence[RedisServer], folder: Path) -> None:
        self._servers = servers
        self._generation = 1
        self._volume = SecretVolume(folder, self._files())

    @property
    def name(self) -> str:
        """As whom the service is to connect."""
        return f"service-{self._generation}"

    @property
    def password(self) -> str:
        """With which password."""
        return f"password-{self._generation}"

    @property
    def flags(self) -> Sequence[str]:
        """What tells the service of the files."""
        return (
            f"--store-username-file={self._volume / 'username'}",
            f"--store-password-file={self._volume / 'password'}",
        )

    def __enter__(self) -> Self:
        self.make()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.delete(self.name)

    def begin_rotation(self, *, user_is_made: bool = True, password_is_right: bool = True) -> None:
        """Make the next user, or leave that to `make`, and give the service its name and password."""
        self._generation += 1
        if user_is_made:
            self.make()
        self._volume.replace(self._files() | ({} if password_is_right else {"password": b"wrong"}))

    def correct_password(self) -> None:
        """Give the service the right password."""
        self._volume.replace(self._files())

    async def end_rotation(self) -> None:
        """Wait until the service has left the user before, and delete that one.

        Raises:
            AssertionError: it has not in time, or is not there as the new user.
        """
        old = f"service-{self._generation - 1}"
        await eventually(lambda: not self.servers_with(old), within_s=_NO_OLD_CONNECTION_WITHIN_S, every_s=0.1)
        assert self.servers_with(self.name)
        self.delete(old)

    def servers_with(self, name: str) -> Sequence[RedisServer]:
        """Return the servers to which somebody is connected as this user."""
        found = []
        for server in self._servers:
            with server.client() as client:
                if any(connection["user"] == name for connection in cast("list[dict[str, str]]", client.client_list())):
                    found.append(server)
        return found

    def delete(self, name: str) -> None:
        """Delete a user, which cuts off who is connected as it."""
        for server in self._servers:
            with server.client() as client:
                assert client.acl_deluser(name) == 1

    def make(self) -> None:
        """Make the user."""
        for server in self._servers:
            with server.client() as client:
                client.acl_setuser(
                    self.name,
                    enabled=True,
                    passwords=[f"+{self.password}"],
                    keys=["{default/*"],
                    commands=[f"+{command}" for command in _RIGHTS.split()],
                )

    def _files(self) -> dict[str, bytes]:
        return {"username": self.name.encode(), "password": self.password.encode()}
