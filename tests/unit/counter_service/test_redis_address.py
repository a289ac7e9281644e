"""As whom the store connects: what the URL says, and the files that win over it."""

from pathlib import Path

import pytest

from counter_service.errors import StoreUnavailableError
from counter_service.store.redis_address import CredentialFiles, RedisAddress, TlsFiles, parse_address


def credentials(address: RedisAddress) -> tuple[str] | tuple[str, str]:
    provider = address.options["credential_provider"]
    assert isinstance(provider, CredentialFiles)
    return provider.get_credentials()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "username").write_text("service-1\n")
    (tmp_path / "password").write_text("first\n")
    return tmp_path


def test_user_of_the_file_wins_and_both_files_are_read_each_time(files: Path) -> None:
    address = parse_address("redis://url-user@h", files / "password", files / "username")
    assert credentials(address) == ("service-1", "first")
    (files / "username").write_text("service-2")
    (files / "password").write_text("second")
    assert credentials(address) == ("service-2", "second")
    assert address.username == "service-2"


@pytest.mark.parametrize(
    ("url", "expected", "username"),
    [
        ("redis://url-user@h", ("url-user", "first"), "url-user"),
        ("redis://h", ("first",), "default"),
    ],
)
def test_without_a_username_file_the_user_is_the_urls(
    files: Path, url: str, expected: tuple[str, ...], username: str
) -> None:
    address = parse_address(url, files / "password")
    assert credentials(address) == expected
    assert address.username == username


@pytest.mark.parametrize(
    ("content", "reason"), [(b"\n", "is empty"), (b"\xff", "is not UTF-8"), (None, "No such file")]
)
def test_file_that_names_nobody_is_unavailability_and_never_the_default_user(
    files: Path, content: bytes | None, reason: str
) -> None:
    address = parse_address("redis://url-user@h", files / "password", files / "username")
    if content is None:
        (files / "username").unlink()
    else:
        (files / "username").write_bytes(content)
    with pytest.raises(StoreUnavailableError, match=f"^--store-username-file .*username: {reason}"):
        credentials(address)


def test_address_knows_the_files_it_depends_on(files: Path) -> None:
    tls_files = TlsFiles(files / "ca", files / "cert", files / "key")
    address = parse_address("rediss://h", files / "password", files / "username", tls_files)
    assert {file.name for file in address.files} == {"username", "password", "ca", "cert", "key"}
    assert parse_address("redis://h", tls_files=tls_files).files == ()
    assert parse_address("redis://h:1/2").username == "default"
    assert parse_address("redis://someone:secret@h").username == "someone"
