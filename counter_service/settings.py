"""What the service can be told: each option is a flag and a COUNTER_* variable, and the flag wins."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NoReturn, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict, SettingsError

from counter_service.errors import InvalidSettingsError

PROGRAM = "python -m counter_service"
_ENVIRONMENT_PREFIX = "COUNTER_"
# A counter's name is part of its keys, inside the braces of a hash tag; namespace/name of a Kubernetes resource is one.
_NAME_PATTERN = r"^[A-Za-z0-9]([A-Za-z0-9._/-]*[A-Za-z0-9])?$"
# Nothing after a question mark: redis-py would take any of its own options from there, timeouts and retries included.
_REDIS_URL = re.compile(r"rediss?://([^@/?#]*@)?([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?(/\d*)?")


class Settings(BaseSettings):
    """Count HTTP PUT requests per path, exactly. Each option is a variable too: --max-paths is COUNTER_MAX_PATHS."""

    model_config = SettingsConfigDict(
        env_prefix=_ENVIRONMENT_PREFIX,
        frozen=True,
        cli_prog_name=PROGRAM,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        # Not "None": that is a durability.
        cli_parse_none_str="null",
    )

    store: str = Field(
        "sqlite:///counter.sqlite",
        description="where counts live: sqlite:///file (sqlite:////absolute/file), redis://[user@]host:port/db, "
        "rediss://... (TLS), or memory:// (gone with the process)",
    )
    store_password_file: Path | None = Field(
        None, description="file with the store's password, read anew for every connection"
    )
    store_ca_file: Path | None = Field(None, description="PEM bundle to verify a rediss:// store with")
    durability: Literal["None", "Persisted"] = Field(
        "Persisted",
        description="what an acknowledgement promises: None, the store has applied it; Persisted, it is also on disk",
    )
    name: str = Field(
        "default", max_length=253, pattern=_NAME_PATTERN, description="the counter's name; counters can share a store"
    )
    host: str = Field(
        "127.0.0.1", min_length=1, description="address to listen on; 0.0.0.0 is every IPv4 address, :: every IPv6 one"
    )
    port: int = Field(8000, ge=0, le=65535, description="data port; 0 takes a free one")
    admin_port: int = Field(
        8001, ge=0, le=65535, description="port of probes, metrics and the admin API; 0 takes a free one"
    )
    workers: int = Field(1, ge=1, le=256, description="processes that share the data port")
    max_path_bytes: int = Field(2048, ge=1, le=65536, description="longest path that is counted, bytes")
    max_paths: int = Field(1_000_000, ge=1, le=2**32, description="how many different paths are counted")
    request_timeout_s: float = Field(
        5.0, gt=0, le=300, description="longest time to wait for the store, seconds; then 503"
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
        user_and_password, at, _ = urlsplit(self.store).netloc.rpartition("@")
        return self.store.replace(user_and_password + at, user_and_password.partition(":")[0] + at, 1)

    @model_validator(mode="after")
    def _check_store(self) -> Self:
        if self.scheme not in {"memory", "sqlite", "redis", "rediss"}:
            raise ValueError("store: must be a memory://, sqlite:///, redis:// or rediss:// URL")
        if self.scheme == "sqlite" and not urlsplit(self.store).path.strip("/"):
            raise ValueError("store: must name a file, as in sqlite:///counter.sqlite")
        if self.scheme in {"redis", "rediss"} and not _REDIS_URL.fullmatch(self.store):
            raise ValueError("store: must be like redis://127.0.0.1:6379 or rediss://user@host:port/database")
        if self.scheme == "memory" and self.durability == "Persisted":
            raise ValueError("durability: memory:// persists nothing; add --durability None")
        if self.scheme in {"memory", "sqlite"} and self.workers > 1:
            raise ValueError(f"workers: {self.scheme}:// is for one process; more than one worker needs redis://")
        if self.scheme != "rediss" and self.store_ca_file is not None:
            raise ValueError("store_ca_file: only a rediss:// store has a certificate to verify")
        return self


def load_settings(arguments: Sequence[str]) -> Settings:
    """Return the settings from flags and environment.

    Args:
        arguments: command line without the program's name.

    Raises:
        InvalidSettingsError: a value is wrong; the message is one sentence that begins with the option.
        SystemExit: --help was asked for (0), or a flag does not exist (2).
    """
    try:
        return CliApp.run(Settings, cli_args=list(arguments))
    except ValidationError as error:
        raise InvalidSettingsError(_sentence(error)) from error
    except SettingsError as error:
        raise InvalidSettingsError(str(error)) from error


def exit_for_invalid_settings(error: InvalidSettingsError) -> NoReturn:
    """Say what is wrong on standard error and end with status 2, as for any wrong command line."""
    sys.stderr.write(f"{PROGRAM}: {error}\n")
    raise SystemExit(2) from error


def _sentence(error: ValidationError) -> str:
    """Name the first wrong option, its variable, and what it should be."""
    first = error.errors()[0]
    message = first["msg"].removeprefix("Value error, ")
    if first["loc"]:
        option = str(first["loc"][0])
        message = message.replace("Input should", "should", 1) + f", not {first['input']!r}"
    else:
        option, _, message = message.partition(": ")
    return f"--{option.replace('_', '-')} ({_ENVIRONMENT_PREFIX}{option.upper()}): {message}"
