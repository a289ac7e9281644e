"""Fetching a release's file over HTTPS, with the checksum that is published beside it."""

import hashlib
import tempfile
import urllib.request
from pathlib import Path

from infra.kind.errors import ClusterError

_TIMEOUT_S = 5.0


class UnreachableError(ClusterError):
    """The address did not answer: the network, or this machine's way to it, does not allow it."""


def download_program(url: str, checksum_url: str, target: Path) -> None:
    """Put an executable file in place, whole and checked, or not at all.

    Args:
        url: the program.
        checksum_url: a file that begins with its SHA-256 in hexadecimal.
        target: where it goes; its folder is made.

    Raises:
        UnreachableError: One of the two did not answer within 5 seconds.
        ClusterError: What came is not what the checksum says.
    """
    expected = _fetch(checksum_url).split()[0].decode()
    content = _fetch(url)
    if (actual := hashlib.sha256(content).hexdigest()) != expected:
        raise ClusterError(f"{url} has the checksum {actual}, and should have {expected}")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o755)
    Path(file.name).rename(target)


def _fetch(url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response:  # noqa: S310 -- our own https:// addresses
            return bytes(response.read())
    except OSError as error:
        raise UnreachableError(f"{url} cannot be had: {error}") from error
