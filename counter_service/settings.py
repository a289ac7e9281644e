"""What the service can be told: each option is a flag and a COUNTER_* variable, and the flag wins."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NoReturn, Self, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict, SettingsError

from counter_service.errors import InvalidSettingsError, StoreMisconfiguredError
from counter_service.ratelimit import Per
from counter_service.store.redis_address import parse_address

PROGRAM = "python -m counter_service"
_PURPOSE = "Count HTTP PUT requests per path, exactly. Each option is a variable too: --max-paths is COUNTER_MAX_PATHS."
# A counter's name is part of its keys, inside the braces of a hash tag; namespace/name of a Kubernetes resource is one.
NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$"
TLS_NAME_PATTERN = r"^[A-Za-z0-9.:-]+$"
_REDIS_SCHEME = re.compile(r"rediss?(\+(sentinel|cluster))?")

AnySettings = TypeVar("AnySettings", bound="CommandLine")


class CommandLine(BaseSettings):
    """How all our programs are told options; each adds its name, its purpose and the prefix of its variables."""

    model_config = SettingsConfigDict(
        frozen=True,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        cli_implicit_flags=True,
    )


class Settings(CommandLine):
    """All options, as flags and environment say; see `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="COUNTER_",
        # What --help begins with; a docstring would be missing where Python leaves them out.
        json_schema_extra={"description": _PURPOSE},
        cli_prog_name=PROGRAM,
        # Not "None": that is a durability.
        cli_parse_none_str="null",
    )

    store: str = Field(
        "sqlite:///counter.sqlite",
        description="where counts live: sqlite:///file (sqlite:////absolute/file), redis://[user@]host:port/db, "
        "redis+sentinel://sentinel:port,.../group, redis+cluster://host:port,..., each with rediss for TLS, or "
        "memory:// (gone with the process)",
    )
    store_username_file: Path | None = Field(
        None, description="file with the store's user, instead of the URL's; read together with the password's file"
    )
    store_password_file: Path | None = Field(
        None, description="file with the store's password, read anew for every connection"
    )
    store_ca_file: Path | None = Field(None, description="PEM bundle to verify a rediss:// store with")
    store_cert_file: Path | None = Field(None, description="PEM certificate to show to a store with TLS")
    store_key_file: Path | None = Field(None, description="PEM key of that certificate")
    store_tls_name: str | None = Field(
        None,
        max_length=253,
        pattern=TLS_NAME_PATTERN,
        description="whom the certificates of a rediss:// store have to name, instead of the host that is connected to",
    )
    durability: Literal["None", "Persisted", "Replicated"] = Field(
        "Persisted",
        description="what an acknowledgement promises: None, the store has applied it; Persisted, it is also on disk; "
        "Replicated, also on a replica's disk",
    )
    read_from: Literal["Primary", "Replica"] = Field(
        "Primary", description="which servers of a replicated store are read; replicas may be some moments behind"
    )
    name: str = Field(
        "default", max_length=253, pattern=NAME_PATTERN, description="the counter's name; counters can share a store"
    )
    host: str = Field(
        "127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every IPv4 address, :: every IPv6 one"
    )
    port: int = Field(8000, ge=0, le=65535, description="data port; 0 takes a free one")
    admin_port: int = Field(
        8001, ge=0, le=65535, description="port of probes, metrics and the admin API; 0 takes a free one"
    )
    admin_token_file: Path | None = Field(
        None,
        description="file with the token that the admin API wants; without it, whoever reaches the port may use it",
    )
    workers: int = Field(1, ge=1, le=256, description="processes that share the data port")
    max_path_bytes: int = Field(2048, ge=1, le=65536, description="longest path that is counted, bytes")
    max_paths: int = Field(1_000_000, ge=1, le=2**32, description="how many different paths are counted")
    request_timeout_s: float = Field(
        5.0, gt=0, le=300, description="longest time to wait for the store, seconds; then 503"
    )
    rate_limit_requests_per_second: float | None = Field(
        None, gt=0, le=1e9, description="how many requests per second are let through, for each worker; more get 429"
    )
    rate_limit_burst: int | None = Field(
        None, ge=1, le=1_000_000_000, description="how many may come at once; by default those of one second"
    )
    rate_limit_per: Per = Field("Client", description="what the rate limit is for, each")
    rate_limit_trusted_hops: int = Field(
        0,
        ge=0,
        le=16,
        description="how many proxies in front add their client to X-Forwarded-For; 0: the client is who is connected",
    )
    drain_delay_s: float = Field(
        0.0,
        ge=0,
        le=300,
        description="how long to go on serving after SIGTERM, not ready, until load balancers noticed, seconds",
    )
    shutdown_timeout_s: float = Field(
        10.0, gt=0, le=300, description="longest time for the requests under way to end after that, seconds"
    )
    check_config: bool = Field(
        default=False,
        description="only say whether these settings are good, and whether the store can do what they ask for",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe message to log")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto is console on a terminal, else json"
    )

    @property
    def scheme(self) -> str:
        """The scheme of the store's URL, in lower case."""
        return urlsplit(self.store).scheme

    @property
    def store_without_password(self) -> str:
        """The store's URL as it may be logged."""
        return without_password(self.store)

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        if self.scheme not in {"memory", "sqlite"} and not _REDIS_SCHEME.fullmatch(self.scheme):
            raise ValueError(
                "store: must be a memory://, sqlite:///, redis://, redis+sentinel:// or redis+cluster:// URL"
            )
        if _REDIS_SCHEME.fullmatch(self.scheme):
            self._check_redis_url()
        if self.scheme == "sqlite" and not urlsplit(self.store).path.strip("/"):
            raise ValueError("store: must name a file, as in sqlite:///counter.sqlite")
        self._check_local()
        self._check_tls()
        if self.durability == "Replicated" and not self.scheme.startswith("redis"):
            raise ValueError("durability: only Redis has replicas; add --durability Persisted")
        return self

    def _check_local(self) -> None:
        if self.scheme == "memory" and self.durability == "Persisted":
            raise ValueError("durability: memory:// persists nothing; add --durability None")
        if self.scheme in {"memory", "sqlite"} and self.workers > 1:
            raise ValueError(f"workers: {self.scheme}:// is for one process; more than one worker needs redis://")
        if self.rate_limit_requests_per_second is None and self.rate_limit_burst is not None:
            raise ValueError("rate_limit_burst: needs --rate-limit-requests-per-second")

    def _check_tls(self) -> None:
        if not self.scheme.startswith("rediss"):
            for option in ("store_ca_file", "store_cert_file", "store_key_file", "store_tls_name"):
                if getattr(self, option) is not None:
                    raise ValueError(f"{option}: only a rediss:// store uses TLS")
        if (self.store_cert_file is None) != (self.store_key_file is None):
            raise ValueError("store_cert_file: a certificate and its key go together")

    def _check_redis_url(self) -> None:
        if self.store_username_file is not None and self.store_password_file is None:
            raise ValueError("store_username_file: a user in a file needs --store-password-file too")
        try:
            parse_address(self.store)
        except StoreMisconfiguredError as error:
            raise ValueError(
                "store: must be like redis://127.0.0.1:6379, rediss://user@host:port/database, "
                "redis+sentinel://host:port,host:port/group or redis+cluster://host:port,host:port"
            ) from error


def without_password(url: str) -> str:
    """Return a store's URL as it may be logged."""
    user_and_password, at, _ = urlsplit(url).netloc.rpartition("@")
    return url.replace(user_and_password + at, user_and_password.partition(":")[0] + at, 1)


def load_settings(arguments: Sequence[str]) -> Settings:
    """Return the service's settings; see `settings_of`."""
    return settings_of(Settings, arguments)


def settings_of(model: type[AnySettings], arguments: Sequence[str]) -> AnySettings:
    """Return a program's settings from flags and environment.

    Args:
        model: its options.
        arguments: command line without the program's name.

    Raises:
        InvalidSettingsError: a value is wrong; the message is one sentence that begins with the option.
        SystemExit: --help was asked for (0), or a flag does not exist (2).
    """
    try:
        return CliApp.run(model, cli_args=list(arguments))
    except ValidationError as error:
        raise InvalidSettingsError(_sentence(error, model.model_config["env_prefix"])) from error
    except SettingsError as error:
        raise InvalidSettingsError(str(error)) from error


def exit_for_invalid_settings(error: InvalidSettingsError, program: str = PROGRAM) -> NoReturn:
    """Say what is wrong on standard error and end with status 2, as for any wrong command line."""
    sys.stderr.write(f"{program}: {error}\n")
    raise SystemExit(2) from error


def _sentence(error: ValidationError, variable_prefix: str) -> str:
    """Name the first wrong option, its variable, and what it should be."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    if first["loc"]:
        option = str(first["loc"][0])
        what_is_wrong = f"{message.replace('Input should', 'should', 1)}, not {first['input']!r}"
        message = "is required" if first["type"] == "missing" else what_is_wrong
    else:
        option, _, message = message.partition(": ")
    return f"--{option.replace('_', '-')} ({variable_prefix}{option.upper()}): {message}"
