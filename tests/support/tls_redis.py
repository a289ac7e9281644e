"""A Redis that takes TLS connections only, from clients with a certificate, as a user with few rights."""

from pathlib import Path

import trustme

from counter_service.store.redis_address import TlsFiles
from tests.support.redis_server import DURABLE, RedisServer

# What the service needs and no more; docs/operations.md shows the same. Tests look with the default user.
COMMANDS = (
    "evalsha eval hmget get set hincrby hlen hdel hget incr incrby decrby expire hscan waitaof ping hello "
    "client|setinfo client|setname select scan pexpiretime"
)


class TlsRedis(RedisServer):
    """See the module.

    Attributes:
        tls_files: for a client that is trusted.
        password_file: of the user `counter`.
    """

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        server = authority.issue_cert("127.0.0.1", "localhost")
        client = authority.issue_cert("counter@example.org")
        self.tls_files = TlsFiles(folder / "ca.pem", folder / "client.pem", folder / "client.key")
        authority.cert_pem.write_to_path(folder / "ca.pem")
        client.cert_chain_pems[0].write_to_path(folder / "client.pem")
        client.private_key_pem.write_to_path(folder / "client.key")
        self.password_file = folder / "password"
        self.password_file.write_text("secret\n")
        allowed = " ".join(f"+{command}" for command in COMMANDS.split())
        files = {
            "ca.pem": authority.cert_pem.bytes().decode(),
            "server.pem": server.cert_chain_pems[0].bytes().decode(),
            "server.key": server.private_key_pem.bytes().decode(),
            "users.acl": f"user counter on >secret ~{{test/* resetchannels -@all {allowed}\n",
        }
        options = ["--tls-cert-file", "/data/server.pem", "--tls-key-file", "/data/server.key"]
        options += [
            "--tls-ca-cert-file",
            "/data/ca.pem",
            "--tls-auth-clients",
            "optional",
            "--aclfile",
            "/data/users.acl",
        ]
        super().__init__(*DURABLE, *options, files=files, tls=True)

    @property
    def url(self) -> str:
        """The rediss:// URL, with the user's name."""
        return f"rediss://counter@127.0.0.1:{self.port}"
