"""The operator's settings: environment variables that start with ``OPERATOR_``. Nothing else reads the environment."""

from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from request_counter_operator import __version__


class Settings(BaseSettings):
    """How this operator runs. Frozen: read once, at the start."""

    model_config = SettingsConfigDict(env_prefix="OPERATOR_", frozen=True)

    namespace: str = Field(default="request-counter-system", description="The namespace the operator runs in.")
    watch_namespaces: str = Field(
        default="",
        pattern=r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(,[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$",
        description="Namespaces whose RequestCounters are its business, separated by commas; empty for all.",
    )
    identity: str = Field(
        default="", description="What this operator is called, unlike all others. Default is the host's name."
    )
    service_image: str = Field(
        default=f"request-counter/service:{__version__}", description="Image of the counter service."
    )
    redis_image: str = Field(default="redis:8.0-trixie", description="Image of Redis.")
    ingress_http_port: int = Field(default=80, ge=1, le=65535, description="Port at which clients reach the Ingress.")
    ingress_https_port: int = Field(default=443, ge=1, le=65535, description="Likewise, where it serves TLS.")
    workers: int = Field(default=16, ge=1, le=64, description="Resources reconciled at the same time.")
    total_interval_s: float = Field(
        default=15, ge=2, description="A counter's service is asked for its total this often."
    )
    resync_interval_s: float = Field(
        default=600, ge=10, description="A counter is looked at this often when nothing happens."
    )
    probe_port: int = Field(default=8080, ge=0, le=65535, description="Port of /healthz, /readyz and /metrics.")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @property
    def namespaces(self) -> list[str]:
        """The namespaces to watch; none means all."""
        return self.watch_namespaces.split(",") if self.watch_namespaces else []
