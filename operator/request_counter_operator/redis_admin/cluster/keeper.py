"""Keeps one cluster together: looks, decides, and does what is decided, as long as it may."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from request_counter_operator.api import Server
from request_counter_operator.errors import RedisSilentError
from request_counter_operator.happening import Happening
from request_counter_operator.redis_admin.cluster.asking import ask_all
from request_counter_operator.redis_admin.cluster.decision import Decision, decide
from request_counter_operator.redis_admin.cluster.evenness import CALM_S, handover
from request_counter_operator.redis_admin.cluster.layout import Layout
from request_counter_operator.redis_admin.cluster.membership import Step, primary_of
from request_counter_operator.redis_admin.cluster.moving import move_slots, settle_strays
from request_counter_operator.redis_admin.cluster.nodes import Node
from request_counter_operator.redis_admin.cluster.takeover import LAST_RESORT_S, PATIENCE_S, lost_primaries, takeovers
from request_counter_operator.redis_admin.connection import Door, asking
from request_counter_operator.redis_admin.reading import StoreReading

log = structlog.get_logger()

Hosts = Callable[[], Awaitable[Mapping[str, str]]]
"""Tells which node of Kubernetes each pod is on; nothing when that is not known, or about to change."""


class ClusterKeeper:
    """Keeps the cluster of one RequestCounter. It may stop at any point: the next look goes on from what there is.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lost: frozenset[str] = frozenset()
        self._lost_since_s = 0.0
        self._calm_since_s: float | None = None

    async def look(
        self, layout: Layout, doors: Mapping[str, Door], may_act: Callable[[], bool], hosts: Hosts
    ) -> StoreReading:
        """Ask all servers, have done what is to be done, and return how it was before that. A silent one is no error.

        Args:
            layout: who is to be there.
            doors: where each of them listens, by its pod.
            may_act: whether anything may be changed just now; asked before each command.
            hosts: where the pods are; asked once a minute at most.
        """
        nodes = await ask_all(layout, doors)
        decision = decide(layout, nodes)
        happenings: list[Happening] = []
        for step in decision.steps:
            await _take(step, doors, may_act)
        for step in self._due_takeovers(nodes):
            if await _take(step, doors, may_act):
                note = f"Pod {step.name} was made primary: most primaries were lost, and could not choose another"
                happenings.append(Happening("Warning", "ReplicasTakenOver", note))
        try:
            await settle_strays(decision.strays, doors, may_act)
            await move_slots(decision.moves, layout.tags, doors, may_act, self._clock)
        except RedisSilentError as error:
            log.warning("slots not moved yet", error=str(error))
        even = handover(layout, nodes, await hosts()) if self._has_been_calm(decision) else None
        if even is not None and await _take(even, doors, may_act):
            note = f"Pod {even.name} is to be primary: the node of the one before it has more of them than others"
            happenings.append(Happening("Normal", "PrimariesSpread", note))
        return _reading(layout, nodes, decision, happenings)

    def _due_takeovers(self, nodes: Sequence[Node]) -> list[Step]:
        """Return the takeovers that are due: the same primaries have been lost for long enough."""
        lost = lost_primaries(nodes)
        if lost != self._lost:
            self._lost, self._lost_since_s = lost, self._clock()
        waited_s = self._clock() - self._lost_since_s
        return takeovers(nodes, is_last_resort=waited_s >= LAST_RESORT_S) if waited_s >= PATIENCE_S else []

    def _has_been_calm(self, decision: Decision) -> bool:
        """Whether nothing has been amiss for long enough; after that not again before as long a time."""
        if decision.lack is not None:
            self._calm_since_s = None
        elif self._calm_since_s is None:
            self._calm_since_s = self._clock()
        elif self._clock() - self._calm_since_s >= CALM_S:
            self._calm_since_s = self._clock()
            return True
        return False


async def _take(step: Step, doors: Mapping[str, Door], may_act: Callable[[], bool]) -> bool:
    """Give the command, if that is allowed; return whether it was obeyed. The next look shows what it came to."""
    if not may_act():
        return False
    told = {"pod": step.name, "command": " ".join(map(str, step.command))[:200]}
    try:
        async with asking(doors[step.name]) as ask:
            await ask(*step.command)
    except RedisSilentError as error:
        log.warning("cluster command not obeyed", **told, error=str(error))
        return False
    log.info("cluster command given", **told)
    return True


def _reading(
    layout: Layout, nodes: Sequence[Node], decision: Decision, happenings: Sequence[Happening]
) -> StoreReading:
    said = {node.name: node for node in nodes}
    owners = [primary_of(layout, nodes, shard) if nodes else None for shard in range(len(layout.shards))]
    return StoreReading(
        servers=tuple(_server(name, said.get(name)) for name in layout.names),
        primaries=tuple("" if owner is None else owner.name for owner in owners),
        version=next((node.version for node in nodes), None),
        cluster_state="ok" if nodes and all(node.is_ok for node in nodes) else "fail",
        shards=decision.shards,
        is_whole=decision.lack is None,
        fault=decision.fault,
        lack=decision.lack,
        happenings=tuple(happenings),
    )


def _server(name: str, node: Node | None) -> Server:
    if node is None:
        return Server(name=name, role="Unreachable")
    if not node.me.primary_id:
        return Server(name=name, role="Primary")
    return Server(name=name, role="Replica", linked=node.is_linked)
