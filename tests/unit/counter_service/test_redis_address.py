"""Who we are to Redis: the URL says it, or files do, which are read again for each connection."""

from pathlib import Path

import pytest

from counter_service.errors import StoreUnavailableError
from counter_service.store.redis_address import PasswordFile, RedisAddress, parse_address


def credentials(address: RedisAddress) -> tuple[str, ...]:
    provider = address.options["credential_provider"]
    assert isinstance(provider, PasswordFile)
    return provider.get_credentials()


def test_url_alone_says_who_we_are() -> None:
    options = parse_address("redis://user:pass%40word@host").options
    assert (options["username"], options["password"]) == ("user", "pass@word")
    assert "credential_provider" not in options


def test_password_file_goes_with_the_user_of_the_url(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    assert credentials(parse_address("redis://user@host", tmp_path / "password")) == ("user", "secret")
    assert credentials(parse_address("redis://host", tmp_path / "password")) == ("secret",)


def test_username_file_wins_over_the_url_and_is_read_again(tmp_path: Path) -> None:
    password, username = tmp_path / "password", tmp_path / "username"
    password.write_text("secret\n")
    username.write_text("first\n")
    address = parse_address("redis+cluster://user@host", password, username)
    assert credentials(address) == ("first", "secret")
    username.write_text("second")
    assert credentials(address) == ("second", "secret")


@pytest.mark.parametrize("missing", ["password", "username"])
def test_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    for name in {"password", "username"} - {missing}:
        (tmp_path / name).write_text("x")
    address = parse_address("redis://host", tmp_path / "password", tmp_path / "username")
    with pytest.raises(StoreUnavailableError, match=f"{tmp_path / missing}: No such file"):
        credentials(address)
