"""The status is the only memory: what is written is known at once, and is never written over what is newer."""

import copy
from typing import Any

from request_counter_operator.api import Metadata, RequestCounter
from request_counter_operator.cache import Cache, Key
from request_counter_operator.conditions import Observed
from request_counter_operator.errors import ConflictError
from request_counter_operator.happening import Happening
from request_counter_operator.reconcile import Reconciler
from request_counter_operator.redis_admin.reading import Logins, StoreReading
from request_counter_operator.render.credentials import Credentials
from request_counter_operator.settings import Settings
from request_counter_operator.terminating import TerminatingNamespaces
from request_counter_operator.turns import Made
from request_counter_operator.write_gate import WriteGate
from tests.support.clock import Clock
from tests.support.counters import UID

KEY = Key("default", "hits")


class World:
    """An API server with one RequestCounter, a watch that may be behind, and what of the operator there is around."""

    def __init__(self) -> None:
        metadata = {"name": "hits", "namespace": "default", "uid": UID, "resourceVersion": "1"}
        self.body: dict[str, Any] = {"metadata": metadata, "spec": {}}
        self.seen = copy.deepcopy(self.body)
        self.logins = Logins()
        self.minutes = 0
        self.used: list[Credentials] = []
        self.told: list[str] = []

    def watch(self) -> None:
        """Tell of what there is."""
        self.seen = copy.deepcopy(self.body)

    def change(self, **parts: Any) -> None:
        """Write parts of the resource."""
        version = str(int(self.body["metadata"]["resourceVersion"]) + 1)
        self.body = {**self.body, **parts, "metadata": {**self.body["metadata"], "resourceVersion": version}}

    def auth(self) -> tuple[int, tuple[int, ...]]:
        """What the status says of passwords: those used, and those accepted."""
        auth = self.body["status"]["store"]["auth"]
        return auth["generation"], tuple(auth["accepted"])

    async def apply_status(self, metadata: Metadata, status: dict[str, Any]) -> Any:
        """Write a status over the version that it was made from."""
        if metadata.resource_version != self.body["metadata"]["resourceVersion"]:
            raise ConflictError("the object has been modified", status=409)
        self.change(status=status)
        return self.body

    async def list(self, *_: Any) -> Any:
        """Return no claims."""
        return []

    async def make(self, *_: Any) -> Made:
        """Make all children."""
        return Made()

    def fight_over(self, _key: Key) -> None:
        """Return nobody."""

    async def observe(self, *_: Any, credentials: Credentials, **__: Any) -> Observed:
        """Return what the servers prove."""
        self.used.append(credentials)
        return Observed(store=StoreReading(logins=self.logins))

    async def look_now(self, _key: Key) -> StoreReading:
        """Return what the servers prove."""
        return StoreReading(logins=self.logins)

    async def certificate(self, _key: Key, _counter: Any) -> str:
        """Tell of no TLS."""
        return ""

    async def record(self, _counter: RequestCounter, happenings: Any) -> None:
        """Note what is told."""
        self.told += [happening.reason for happening in happenings if isinstance(happening, Happening)]


def reconciler(world: World) -> Reconciler:
    cache = Cache()
    clock = Clock()
    gate = WriteGate(clock)
    gate.open_until(1e9)

    class Counters(dict[Key, Any]):
        def get(self, _key: Key, _default: Any = None) -> Any:
            return [world.seen]

    cache.attach(Counters(), {})
    parts: dict[str, Any] = dict.fromkeys(("cluster", "applier", "observer", "recorder"), world)
    return Reconciler(
        gate=gate,
        cache=cache,
        terminating=TerminatingNamespaces(clock),
        settings=Settings(),
        now=lambda: f"2026-01-01T00:{world.minutes:02}:00Z",
        seed=b"s" * 32,
        **parts,
    )


async def test_what_was_written_counts_before_the_watch_tells_of_it() -> None:
    world = World()
    passes = reconciler(world)
    await passes.reconcile(KEY)
    assert world.auth() == (0, (0,))
    world.watch()
    world.change(spec={"store": {"redis": {"auth": {"rotate": "x"}}}})
    world.watch()
    await passes.reconcile(KEY)
    assert world.auth() == (0, (0, 1))
    world.logins = Logins((0, 1))
    await passes.reconcile(KEY)  # the watch has not told of the last status yet
    assert (world.used[-1].accepted, world.auth()) == ((0, 1), (1, (0, 1)))
    world.watch()
    world.minutes = 5
    await passes.reconcile(KEY)
    assert world.auth() == (1, (1,))
    await passes.reconcile(KEY)
    assert (world.used[-1].generation, world.used[-1].accepted) == (1, (1,))
    assert world.told == ["PasswordsRenewing", "PasswordsRenewed"]


async def test_an_operator_that_is_behind_writes_nothing_over_what_is_newer() -> None:
    world = World()
    await reconciler(world).reconcile(KEY)
    world.watch()
    world.change(spec={"store": {"redis": {"auth": {"rotate": "x"}}}})
    behind = copy.deepcopy(world.seen)
    world.watch()
    await reconciler(world).reconcile(KEY)
    before = copy.deepcopy(world.body)
    assert world.auth() == (0, (0, 1))
    world.seen, world.told, world.minutes = behind, [], 1
    other = reconciler(world)
    world.logins = Logins((0,))
    world.seen["spec"] = {"replicas": 0}
    await other.reconcile(KEY)
    assert (world.body, world.told) == (before, [])
    world.watch()
    world.logins = Logins((0, 1))
    await other.reconcile(KEY)
    assert world.auth() == (1, (0, 1))
