"""What a Redis URL and the files beside it say: which servers to ask, as whom, and whom to trust.

    redis://[user[:password]@]host[:port][/database]             one server
    redis+sentinel://[user[:password]@]host[:port],.../group     the primary of a group, named by any of the sentinels
    redis+cluster://[user[:password]@]host[:port],...            a Redis Cluster, known by any of its servers

With `rediss` for `redis` all connections use TLS, those to sentinels included.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import unquote

from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider

from counter_service.errors import StoreMisconfiguredError, StoreUnavailableError

Address: TypeAlias = tuple[str, int]
"""Host and port."""

_HOST = r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
# Nothing after a question mark: redis-py would take any of its own options from there, timeouts and retries included.
_URL: Final = re.compile(
    rf"(?P<scheme>rediss?)(?:\+(?P<kind>sentinel|cluster))?://(?:(?P<user>[^@/?#:]*)(?::(?P<password>[^@/?#]*))?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)(?:/(?P<path>[^?#]*))?"
)
_DEFAULT_PORT: Final = 6379
_DEFAULT_SENTINEL_PORT: Final = 26379


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files for TLS: whom to trust instead of the system's authorities, and who we are.

    ``name`` is whom each server's certificate has to name; None for the host at which the server is reached. Servers
    that announce addresses, as those of a cluster do, need not have a certificate for each address then.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    name: str | None = None


class NamedTlsConnection(SSLConnection):
    """A connection to a server that has to prove this name, whatever its address is.

    Args:
        tls_name: the name; None for the host's.
        options: of redis-py's connection.
    """

    def __init__(self, *, tls_name: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._tls_name = tls_name

    def _connection_arguments(self) -> Mapping[str, Any]:
        # What redis-py gives to asyncio.open_connection; the tests of certificates fail if it does not any more.
        arguments = dict(super()._connection_arguments())
        return arguments if self._tls_name is None else arguments | {"server_hostname": self._tls_name}


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """A Redis to use, as the URL says.

    Attributes:
        kind: one server, a primary with replicas that sentinels watch, or a Redis Cluster.
        hosts: the server, the sentinels, or some servers of the cluster.
        group: the name sentinels know the servers by; empty for other kinds.
        database: number of the database; 0 in a cluster.
        options: for redis-py's connections.
        tls: whether connections are encrypted.
        files: what is read anew for each connection.
    """

    kind: Literal["server", "sentinel", "cluster"]
    hosts: tuple[Address, ...]
    group: str
    database: int
    options: dict[str, Any]
    tls: bool
    files: tuple[Path, ...]

    @property
    def username(self) -> str:
        """As whom the last connection was made, or the first one will be."""
        files = self.options.get("credential_provider")
        return (files.username if files else self.options.get("username")) or "default"

    def connection_to(self, address: Address) -> Callable[[], AbstractConnection]:
        """Return what makes connections to a server with data, as the user who was named."""
        return lambda: self._connection(address, self.options | {"db": self.database})

    def connection_to_sentinel(self, address: Address) -> Callable[[], AbstractConnection]:
        """Return what makes connections to a sentinel, as nobody."""
        kept = {name: value for name, value in self.options.items() if name not in _IDENTITY}
        return lambda: self._connection(address, kept)

    def _connection(self, address: Address, options: dict[str, Any]) -> AbstractConnection:
        host, port = address
        return (NamedTlsConnection if self.tls else Connection)(host=host, port=port, **options)


_IDENTITY: Final = {"username", "password", "credential_provider"}


def parse_address(
    url: str,
    password_file: Path | None = None,
    username_file: Path | None = None,
    tls_files: TlsFiles | None = None,
) -> RedisAddress:
    """Return what the URL says.

    Args:
        url: as above.
        password_file: holds the password; read anew for each connection, so that it can be rotated.
        username_file: holds the user's name, instead of the URL; read with the password, and only where that is a file.
        tls_files: read anew for each connection as well.

    Raises:
        StoreMisconfiguredError: the URL is none of those above.
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise StoreMisconfiguredError("the store's URL is not one of redis://, redis+sentinel:// and redis+cluster://")
    kind, path = match["kind"] or "server", match["path"] or ""
    group, _, database = path.partition("/") if kind == "sentinel" else ("", "", path)
    if (kind == "sentinel") != bool(group) or (database and (kind == "cluster" or not database.isdecimal())):
        raise StoreMisconfiguredError(f"the store's URL ends with /{path}, which means nothing for a {kind}")
    default_port = _DEFAULT_SENTINEL_PORT if kind == "sentinel" else _DEFAULT_PORT
    tls, tls_files = match["scheme"] == "rediss", tls_files or TlsFiles()
    files = (username_file, password_file, *((tls_files.ca, tls_files.certificate, tls_files.key) if tls else ()))
    return RedisAddress(
        kind=kind,  # type: ignore[arg-type]  # the expression allows no other
        hosts=tuple(_host_and_port(host, default_port) for host in match["hosts"].split(",")),
        group=unquote(group),
        database=int(database or 0),
        options=_connection_options(match, password_file, username_file, tls_files),
        tls=tls,
        files=tuple(file for file in files if file is not None),
    )


def _host_and_port(text: str, default_port: int) -> Address:
    host, port = re.fullmatch(r"(.*?)(?::(\d+))?", text).groups()  # type: ignore[union-attr]  # it matches any text
    if text.startswith("[") and not text.endswith("]"):
        host, port = text[1:].split("]:")
    return host.strip("[]"), int(port or default_port)


def _connection_options(
    url: re.Match[str], password_file: Path | None, username_file: Path | None, tls_files: TlsFiles
) -> dict[str, Any]:
    # All waiting is bounded by the callers, and all resending is the batcher's: there is one place that decides.
    options: dict[str, Any] = {"socket_timeout": None, "socket_connect_timeout": None, "protocol": 2}
    options["retry"] = Retry(NoBackoff(), 0)
    user, password = unquote(url["user"] or ""), unquote(url["password"] or "")
    if password_file is not None:
        options["credential_provider"] = CredentialFiles(user or None, password_file, username_file)
    elif password:
        options |= {"username": user or None, "password": password}
    if url["scheme"] == "rediss":
        files = {"ssl_ca_certs": tls_files.ca, "ssl_certfile": tls_files.certificate, "ssl_keyfile": tls_files.key}
        options |= {name: str(file) for name, file in files.items() if file is not None}
        if tls_files.name is not None:
            options["tls_name"] = tls_files.name
    return options


class CredentialFiles(CredentialProvider):
    """Reads who we are whenever redis-py connects, so that a rotated Secret is picked up without a restart.

    Args:
        username: for where no file holds it; None for Redis's default user.
        password_file: holds the password.
        username_file: holds the user's name.

    Attributes:
        username: the last one that was given.
    """

    def __init__(self, username: str | None, password_file: Path, username_file: Path | None = None) -> None:
        self.username = username
        self._password_file = password_file
        self._username_file = username_file

    def get_credentials(self) -> tuple[str] | tuple[str, str]:
        """Return (password,) or (username, password); a trailing newline in a file does not count.

        Raises:
            StoreUnavailableError: a file cannot be read, or names nobody.
        """
        if self._username_file is not None:
            username = _line_of(self._username_file, "--store-username-file")
            if not username:  # Redis would take the password for the default user's
                raise StoreUnavailableError(f"--store-username-file {self._username_file}: is empty")
            self.username = username
        password = _line_of(self._password_file, "--store-password-file")
        return (self.username, password) if self.username else (password,)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """See get_credentials: files of a Secret are in memory, so reading them is no wait."""
        return self.get_credentials()


def _line_of(file: Path, option: str) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise StoreUnavailableError(f"{option} {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StoreUnavailableError(f"{option} {file}: is not UTF-8") from error
