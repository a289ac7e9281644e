"""Events: what was done to a RequestCounter and why, where `kubectl describe` shows it.

The same happening again is one Event with a greater count. An Event is for people: one that cannot be written is
logged, and nothing waits for it.
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterable

import structlog

from request_counter_operator.api import API_VERSION, KIND, RequestCounter
from request_counter_operator.errors import NotFoundError, OperatorError, TerminatingError
from request_counter_operator.happening import Happening
from request_counter_operator.kinds import EVENT
from request_counter_operator.kube import Cluster
from request_counter_operator.names import FIELD_MANAGER

MAX_NOTE_CHARS = 1024
"""Source: https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ (note)."""

_REMEMBERED = 4096

log = structlog.get_logger()


class Recorder:
    """Writes Events.

    Args:
        cluster: where to.
        identity: which operator.
        now: the time of day, in RFC 3339.
    """

    def __init__(self, cluster: Cluster, identity: str, now: Callable[[], str]) -> None:
        self._cluster = cluster
        self._identity = identity
        self._now = now
        self._written: OrderedDict[tuple[str, Happening], tuple[str, int]] = OrderedDict()

    async def record(self, counter: RequestCounter, happenings: Iterable[Happening]) -> None:
        """Write Events about a RequestCounter.

        Raises:
            TerminatingError: Its namespace is being deleted. The rest is not written: nobody will look.
        """
        for happening in happenings:
            log.info(happening.note, reason=happening.reason)
            try:
                await self._record(counter, happening)
            except TerminatingError:
                raise
            except OperatorError as error:
                log.warning("event not written", reason=happening.reason, error=str(error))

    async def _record(self, counter: RequestCounter, happening: Happening) -> None:
        known = (counter.metadata.uid, happening)
        name, count = self._written.get(known, ("", 0))
        if name:
            try:
                await self._cluster.count_event(counter.metadata.namespace, name, count + 1, self._now())
            except NotFoundError:
                name, count = "", 0
        if not name:
            name = f"{counter.metadata.name}.{secrets.token_hex(8)}"
            await self._cluster.create(EVENT, counter.metadata.namespace, self._event(counter, happening, name))
        self._written[known] = (name, count + 1)
        self._written.move_to_end(known)
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    def _event(self, counter: RequestCounter, happening: Happening, name: str) -> dict[str, object]:
        now, meta = self._now(), counter.metadata
        return {
            "apiVersion": EVENT.api_version,
            "kind": EVENT.kind,
            "metadata": {"name": name, "namespace": meta.namespace},
            "involvedObject": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": meta.name,
                "namespace": meta.namespace,
                "uid": meta.uid,
            },
            "type": happening.type,
            "reason": happening.reason,
            "message": happening.note[:MAX_NOTE_CHARS],
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": self._identity,
        }
