"""Fetching a release's file over HTTPS, with the checksum that is published beside it."""

import hashlib
import io
import tarfile
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
        checksum_url: a file that begins with its SHA-256 in hexadecimal, or has a line with it and the file's name.
        target: where it goes; its folder is made.

    Raises:
        UnreachableError: One of the two did not answer within 5 seconds.
        ClusterError: What came is not what the checksum says.
    """
    _put(_checked(url, checksum_url), target)


def download_packed_program(url: str, checksum_url: str, member: str, target: Path) -> None:
    """Put an executable file out of a release's .tar.gz in place, as `download_program` does.

    Args:
        url: the archive.
        checksum_url: a file with lines of a SHA-256 and a file's name, or only that of the archive.
        member: the program's path in the archive.
        target: where it goes; its folder is made.

    Raises:
        UnreachableError: One of the two did not answer within 5 seconds.
        ClusterError: What came is not what the checksum says, or the archive has no such program.
    """
    with tarfile.open(fileobj=io.BytesIO(_checked(url, checksum_url))) as archive:
        try:
            program = archive.extractfile(member)
        except KeyError:
            program = None
        if program is None:
            raise ClusterError(f"{url} has no program {member}")
        _put(program.read(), target)


def _checked(url: str, checksum_url: str) -> bytes:
    lines = [line.split() for line in _fetch(checksum_url).decode().splitlines() if line.strip()]
    name = url.rpartition("/")[2]
    expected = next((words[0] for words in lines if words[-1].lstrip("*") == name), lines[0][0])
    content = _fetch(url)
    if (actual := hashlib.sha256(content).hexdigest()) != expected:
        raise ClusterError(f"{url} has the checksum {actual}, and should have {expected}")
    return content


def _put(content: bytes, target: Path) -> None:
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
