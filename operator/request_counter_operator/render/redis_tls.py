"""TLS of a counter's own Redis: one certificate for its servers, its sentinels and all who connect to them.

Servers announce addresses, not names, so the certificate has one name for all, which clients ask for wherever they
connect to. docs/adr/0012-one-certificate-with-one-name.md has the why.

Source: https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/
"""

from request_counter_operator.api import RequestCounter
from request_counter_operator.names import store_tls_name
from request_counter_operator.render.manifest import Manifest, secret_file

TLS_DIRECTORY = "/etc/request-counter/tls"
_VOLUME = "tls"

CERTIFICATE_KEY = "tls.crt"
PRIVATE_KEY_KEY = "tls.key"
CA_KEY = "ca.crt"
TLS_KEYS = (CERTIFICATE_KEY, PRIVATE_KEY_KEY, CA_KEY)
"""What the Secret has to have, and how the files are called: as cert-manager writes it."""

TLS_FILES = {
    "tls-cert-file": f"{TLS_DIRECTORY}/{CERTIFICATE_KEY}",
    "tls-key-file": f"{TLS_DIRECTORY}/{PRIVATE_KEY_KEY}",
    "tls-ca-cert-file": f"{TLS_DIRECTORY}/{CA_KEY}",
}
"""Redis's options for these files. Set to what they are, they have it read the files again."""

PROBE_OPTIONS = ("--tls", "--insecure")
"""For redis-cli where it asks the server beside it: an expired certificate is no reason to kill that."""


def tls_volumes(counter: RequestCounter, *keys: str) -> list[Manifest]:
    """Return the volume with these files of the Secret, or all; none without TLS.

    A folder rather than single files, so that the kubelet brings what changes to the pods that run.
    """
    tls = counter.spec.store.redis.tls
    return [] if tls is None else [secret_file(_VOLUME, tls.secret_name, {key: key for key in keys or TLS_KEYS})]


def tls_mounts(counter: RequestCounter) -> list[Manifest]:
    """Return where a container has that volume; nothing without TLS."""
    if counter.spec.store.redis.tls is None:
        return []
    return [{"name": _VOLUME, "mountPath": TLS_DIRECTORY, "readOnly": True}]


def probe_options(counter: RequestCounter) -> tuple[str, ...]:
    """Return redis-cli's options for a probe; none without TLS."""
    return () if counter.spec.store.redis.tls is None else PROBE_OPTIONS


def cli_variables(counter: RequestCounter) -> dict[str, str]:
    """Return what the scripts must know to reach servers and sentinels; nothing without TLS.

    redis-cli verifies who has signed a certificate, and not whom it names: the name is only asked for.
    """
    if counter.spec.store.redis.tls is None:
        return {}
    return {"TLS_OPTIONS": f"--tls --cacert {TLS_DIRECTORY}/{CA_KEY} --sni {store_tls_name(counter)}"}


def port_lines(counter: RequestCounter, port: int) -> list[str]:
    """Return a server's lines of redis.conf for the port and, with TLS, for what it shows there and expects."""
    redis = counter.spec.store.redis
    if redis.tls is None:
        return [f"port {port}"]
    lines = ["port 0", f"tls-port {port}", *(f"{option} {file}" for option, file in TLS_FILES.items())]
    # Clients prove who they are by passwords. The servers of a cluster show each other certificates all the same.
    lines.append("tls-auth-clients no")
    if redis.mode != "Standalone":
        lines.append("tls-replication yes")
    if redis.mode == "Cluster":
        lines.append("tls-cluster yes")
    return lines
