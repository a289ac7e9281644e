"""What rendering must know besides the resource and the settings: facts of the cluster, as few as possible."""

from dataclasses import dataclass

from request_counter_operator.render.credentials import Credentials


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is already.

    Attributes:
        credentials: Users and passwords of the counter's own Redis.
        service_replicas: How many pods the service's Deployment is to have; None while there is no Deployment.
        service_pods: How many it has, those on their way out included.
        certificate: The digest of what the Secret of the counter's own Redis has for TLS; empty while that is unknown.
    """

    credentials: Credentials
    service_replicas: int | None = None
    service_pods: int = 0
    certificate: str = ""
