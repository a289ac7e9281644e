"""What a transfer can be told: each option is a flag and a COUNTER_TRANSFER_* variable, and the flag wins."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from counter_service.errors import StoreMisconfiguredError
from counter_service.settings import NAME_PATTERN, TLS_NAME_PATTERN, CommandLine
from counter_service.store.redis_address import RedisAddress, TlsFiles, parse_address

PROGRAM = "python -m counter_service.transfer"
_PURPOSE = (
    "Copy all counts of a counter, whose service is stopped, from one Redis to another, exactly. Ends with 0 when that "
    "is done, or was done before by this id; with 3 when the target holds other counts; with 1 when it is to be "
    "repeated. Each option is a variable too: --source is COUNTER_TRANSFER_SOURCE."
)
_URLS = "redis://[user@]host:port/db, redis+sentinel://sentinel:port,.../group or redis+cluster://host:port,..."


class TransferSettings(CommandLine):
    """All options, as flags and environment say."""

    model_config = SettingsConfigDict(
        env_prefix="COUNTER_TRANSFER_",
        # What --help begins with; a docstring would be missing where Python leaves them out.
        json_schema_extra={"description": _PURPOSE},
        cli_prog_name=PROGRAM,
    )

    source: str = Field(description=f"where the counts are: {_URLS}, each with rediss for TLS")
    source_password_file: Path | None = Field(None, description="file with the source's password")
    source_username_file: Path | None = Field(None, description="file with the user's name, instead of the URL's")
    source_ca_file: Path | None = Field(None, description="PEM bundle to verify a rediss:// source with")
    source_cert_file: Path | None = Field(None, description="PEM certificate to show to a source with TLS")
    source_key_file: Path | None = Field(None, description="PEM key of that certificate")
    source_tls_name: str | None = Field(
        None, max_length=253, pattern=TLS_NAME_PATTERN, description="whom its certificates have to name, not its host"
    )
    target: str = Field(description="where the counts are to be, likewise")
    target_password_file: Path | None = Field(None, description="file with the target's password")
    target_username_file: Path | None = Field(None, description="file with the user's name, instead of the URL's")
    target_ca_file: Path | None = Field(None, description="PEM bundle to verify a rediss:// target with")
    target_cert_file: Path | None = Field(None, description="PEM certificate to show to a target with TLS")
    target_key_file: Path | None = Field(None, description="PEM key of that certificate")
    target_tls_name: str | None = Field(
        None, max_length=253, pattern=TLS_NAME_PATTERN, description="whom its certificates have to name, not its host"
    )
    name: str = Field(max_length=253, pattern=NAME_PATTERN, description="the counter's name in the target")
    source_name: str | None = Field(
        None, max_length=253, pattern=NAME_PATTERN, description="its name in the source, where that is another"
    )
    id: str = Field(
        min_length=1,
        max_length=253,
        description="names this transfer: a repeat with the same id goes on with what was begun, and leaves alone what "
        "was completed",
    )
    merge: bool = Field(
        default=False,
        description="add the paths of one more part of a cluster to what this id has brought to the target before",
    )
    max_paths_per_packet: int = Field(
        1000, ge=1, le=100_000, description="how many paths are copied at once; the servers work on them meanwhile"
    )
    timeout_s: float = Field(
        60.0, gt=0, le=3600, description="for how long a server that does not answer is asked again, seconds"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe message to log")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="auto is console on a terminal, else json"
    )

    @property
    def name_in_source(self) -> str:
        """The counter's name in the source."""
        return self.source_name or self.name

    @property
    def source_address(self) -> RedisAddress:
        """The Redis that has the counts."""
        files = TlsFiles(self.source_ca_file, self.source_cert_file, self.source_key_file, self.source_tls_name)
        return parse_address(self.source, self.source_password_file, self.source_username_file, files)

    @property
    def target_address(self) -> RedisAddress:
        """The Redis that is to have them."""
        files = TlsFiles(self.target_ca_file, self.target_cert_file, self.target_key_file, self.target_tls_name)
        return parse_address(self.target, self.target_password_file, self.target_username_file, files)

    @model_validator(mode="after")
    def _check(self) -> Self:
        self._check_side("source")
        self._check_side("target")
        if (self.source, self.name_in_source) == (self.target, self.name):
            raise ValueError("target: must be another Redis than the source, or have another name")
        return self

    def _check_side(self, side: Literal["source", "target"]) -> None:
        try:
            address = self.source_address if side == "source" else self.target_address
        except StoreMisconfiguredError as error:
            raise ValueError(f"{side}: must be like {_URLS}") from error
        for option in (f"{side}_ca_file", f"{side}_cert_file", f"{side}_key_file", f"{side}_tls_name"):
            if not address.tls and getattr(self, option) is not None:
                raise ValueError(f"{option}: only a rediss:// {side} uses TLS")
        if (getattr(self, f"{side}_cert_file") is None) != (getattr(self, f"{side}_key_file") is None):
            raise ValueError(f"{side}_cert_file: a certificate and its key go together")
        if getattr(self, f"{side}_username_file") is not None and getattr(self, f"{side}_password_file") is None:
            raise ValueError(f"{side}_username_file: needs --{side}-password-file")
