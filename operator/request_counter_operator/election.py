"""Who of several operators writes: the one that holds the Lease. The others watch, and stand by.

The algorithm is that of client-go: whoever sees the Lease unchanged for its duration, by the clock of its own, may
take it; the resourceVersion decides between two that try. Times of day are written for people and never compared.

No write is made after the lease has expired for others. The holder counts from the moment before it asked for the
renewal. It lets writes begin for WRITE_S from there; the kernel gives up data that is not taken after UNTAKEN_DATA_S
more; only then has the lease run out for everybody else.

Source: https://pkg.go.dev/k8s.io/client-go/tools/leaderelection
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from request_counter_operator.api_connection import UNTAKEN_DATA_S
from request_counter_operator.errors import ApiError, ConflictError, NotFoundError
from request_counter_operator.kinds import LEASE
from request_counter_operator.kube import Cluster
from request_counter_operator.write_gate import WriteGate

LEASE_NAME = "request-counter-operator"
LEASE_S = 15
RENEW_S = 2
WATCH_S = 0.5
WRITE_S = LEASE_S - UNTAKEN_DATA_S - 2
"""Two seconds for the difference between clocks, and between what the kernel means to do and does."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """The Lease as it was when it was seen to change.

    Attributes:
        version: its resourceVersion.
        holder: who has it; empty when it was released.
        duration_s: how long it must stay unchanged before another may take it.
        at_s: when it was first seen like this, by our own clock.
    """

    version: str
    holder: str
    duration_s: float
    at_s: float


class Election:
    """One candidate.

    Args:
        cluster: where the Lease is.
        gate: is kept open while the Lease is ours.
        namespace: of the Lease.
        identity: our name, unlike that of any other candidate.
        clock: a monotonic clock, in seconds.
        on_elected: called each time when the Lease has become ours; again with the next renewal if it raises ApiError.
    """

    def __init__(
        self,
        cluster: Cluster,
        gate: WriteGate,
        *,
        namespace: str,
        identity: str,
        clock: Callable[[], float],
        on_elected: Callable[[], Awaitable[None]],
    ) -> None:
        self._cluster = cluster
        self._gate = gate
        self._namespace = namespace
        self._identity = identity
        self._clock = clock
        self._on_elected = on_elected
        self._seen: Seen | None = None
        self._body: dict[str, Any] = {}
        self._renewed_at_s = float("-inf")
        self._is_announced = False

    @property
    def is_leading(self) -> bool:
        """Whether the Lease is surely ours."""
        return self._gate.is_open

    @property
    def lease_age_s(self) -> float:
        """Seconds since we last renewed the Lease; infinite when we never held it."""
        return self._clock() - self._renewed_at_s

    async def run(self) -> None:
        """Try to get the Lease, and to keep it, until cancelled."""
        while True:
            was_leading = self.is_leading
            try:
                async with asyncio.timeout(WRITE_S):
                    await self._renew()
            except (ApiError, TimeoutError) as error:
                if was_leading:
                    log.warning("lease not renewed", error=str(error) or "timed out", age_s=round(self.lease_age_s, 1))
            if was_leading and not self.is_leading:
                log.warning("lease lost: standing by")
            await asyncio.sleep(RENEW_S if self.is_leading else WATCH_S)

    async def release(self) -> None:
        """Let others have the Lease at once, if it is ours. No write may be under way, and none follows."""
        is_ours = self._seen is not None and self._seen.holder == self._identity
        self._gate.close()
        if not is_ours:
            return
        try:
            await self._write(holder="", duration_s=1)
        except ApiError as error:
            log.warning("lease not released, others wait until it expires", error=str(error))
        else:
            log.info("lease released")

    async def _renew(self) -> None:
        """Renew the Lease if it is ours, take it if it is free, else look at it."""
        if self._seen is None or self._seen.holder != self._identity:
            await self._look()
            if not self._is_free():
                self._gate.close()
                return
        begun_at_s = self._clock()
        self._is_announced = self._is_announced and self.is_leading
        try:
            await self._write(holder=self._identity, duration_s=LEASE_S)
        except ConflictError:
            self._seen = None  # somebody else has written: look again before anything else
            return
        self._renewed_at_s = begun_at_s
        self._gate.open_until(begun_at_s + WRITE_S)
        if not self._is_announced:
            log.info("leading", identity=self._identity)
            await self._on_elected()
            self._is_announced = True

    async def _look(self) -> None:
        try:
            self._note(await self._cluster.get(LEASE, self._namespace, LEASE_NAME))
        except NotFoundError:
            self._seen, self._body = None, {}

    def _is_free(self) -> bool:
        seen = self._seen
        if seen is None or seen.holder in {"", self._identity}:
            return True
        return self._clock() - seen.at_s > seen.duration_s

    async def _write(self, *, holder: str, duration_s: int) -> None:
        before = self._body.get("spec", {})
        is_new = before.get("holderIdentity", "") != holder
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        spec = {
            "holderIdentity": holder,
            "leaseDurationSeconds": duration_s,
            "acquireTime": now if is_new else before.get("acquireTime", now),
            "renewTime": now,
            "leaseTransitions": before.get("leaseTransitions", 0) + is_new,
        }
        metadata = {"name": LEASE_NAME, "namespace": self._namespace}
        if self._seen is not None:
            metadata["resourceVersion"] = self._seen.version
        lease = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": metadata, "spec": spec}
        self._note(await self._cluster.write_lease(self._namespace, lease, timeout_s=WRITE_S))

    def _note(self, body: dict[str, Any]) -> None:
        version = body["metadata"]["resourceVersion"]
        if self._seen is None or self._seen.version != version:
            spec = body.get("spec", {})
            self._seen = Seen(
                version=version,
                holder=spec.get("holderIdentity") or "",
                duration_s=spec.get("leaseDurationSeconds") or LEASE_S,
                at_s=self._clock(),
            )
        self._body = body
