"""Reads the certificates of the counters' own Redis from their Secrets, so often that a new one is soon known."""

from collections.abc import Callable
from dataclasses import dataclass

from request_counter_operator.api import RequestCounter
from request_counter_operator.cache import Key
from request_counter_operator.errors import ApiError, NotFoundError, UnusableCertificateError
from request_counter_operator.kinds import SECRET, STATEFUL_SET
from request_counter_operator.kube import Cluster
from request_counter_operator.names import child_name, store_tls_name
from request_counter_operator.redis_admin.certificate_proof import fault_of
from request_counter_operator.redis_admin.trust import Trust
from request_counter_operator.render.certificate import Certificate
from request_counter_operator.render.sentinel_statefulset import CERTIFICATE_ANNOTATION

FRESH_S = 20.0
"""For how long what was read is taken for what there is: it is asked for at every look and every pass."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the Secret of one counter is good for.

    Attributes:
        trust: in the newest certificate that would do; None when none was ever seen.
        missing: what the Secret lacks now, as the end of a sentence; None when it lacks nothing.
    """

    trust: Trust | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    secret: str
    digest: str
    at_s: float
    found: Found


class Certificates:
    """Knows the certificate of any counter's own Redis.

    Args:
        cluster: where the Secrets are.
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, cluster: Cluster, clock: Callable[[], float]) -> None:
        self._cluster = cluster
        self._clock = clock
        self._known: dict[Key, _Read] = {}

    async def of(self, key: Key, counter: RequestCounter) -> Found:
        """Return what the Secret holds; nothing for a counter without TLS, of which nothing is asked.

        Raises:
            ApiError: It could not be read, and never was.
        """
        tls = counter.redis_tls
        if tls is None:
            return Found()
        known = self._known.get(key)
        if known is not None and known.secret != tls.secret_name:
            known = None
        if known is not None and self._clock() - known.at_s < FRESH_S:
            return known.found
        try:
            read = await self._read(counter, tls.secret_name, known)
        except ApiError:
            if known is None:
                raise
            return known.found
        self._known[key] = read
        return read.found

    async def digest(self, key: Key, counter: RequestCounter) -> str:
        """Return the digest of the certificate to be used; empty without TLS, and before there was any.

        While its Secret is gone, it is what the sentinels have started with: they would find nothing if they started
        anew for that.

        Raises:
            ApiError: The API server refused, or could not be reached.
        """
        found = await self.of(key, counter)
        if found.trust is not None or counter.redis_tls is None:
            return "" if found.trust is None else found.trust.digest
        try:
            body = await self._cluster.get(STATEFUL_SET, key.namespace, child_name(counter, "sentinel"))
        except NotFoundError:
            return ""
        annotations = body["spec"]["template"]["metadata"].get("annotations") or {}
        return str(annotations.get(CERTIFICATE_ANNOTATION, ""))

    def forget(self, key: Key) -> None:
        """Drop what is known of a counter that is gone."""
        self._known.pop(key, None)

    async def _read(self, counter: RequestCounter, name: str, known: _Read | None) -> _Read:
        before = Found() if known is None else known.found
        digest = ""
        try:
            # Of a moment ago is new enough, and costs the API server next to nothing.
            secret = await self._cluster.get(SECRET, counter.metadata.namespace, name, may_be_old=True)
            certificate = Certificate.of(secret)
            digest = certificate.digest
            # What would not do is proved again: it may only have been early, by our clock.
            if known is not None and known.digest == digest and before.missing is None:
                return _Read(name, digest, self._clock(), before)
            found = self._proved(certificate, name, store_tls_name(counter))
        except NotFoundError:
            found = Found(before.trust, f"Secret {name}")
        except UnusableCertificateError as error:
            found = Found(before.trust, str(error))
        return _Read(name, digest, self._clock(), found)

    def _proved(self, certificate: Certificate, secret: str, name: str) -> Found:
        """Return the trust in a certificate that would do.

        Raises:
            UnusableCertificateError: It would not.
        """
        fault = fault_of(certificate, name)
        if fault is not None:
            raise UnusableCertificateError(f"a certificate in Secret {secret} that would do ({fault})")
        return Found(Trust.in_certificate(certificate, name, self._clock()))
