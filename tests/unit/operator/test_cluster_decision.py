"""What is decided about a cluster, given what its servers said: cases that a real one shows only for a moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from request_counter_operator.redis_admin.cluster.decision import decide
from request_counter_operator.redis_admin.cluster.layout import Layout, layout_of
from request_counter_operator.redis_admin.cluster.membership import Step
from request_counter_operator.redis_admin.cluster.nodes import Entry, Node, parse_nodes
from request_counter_operator.redis_admin.cluster.takeover import takeovers
from tests.support.counters import CLUSTER, counter

LAYOUT = replace(layout_of(counter(CLUSTER)), is_promised=True, has_begun=True)
SLOTS = ["0-5460", "5461-10922", "10923-16383"]
# Where no tags are, slots are even already.
PLAIN = replace(LAYOUT, tags={})


@dataclass(frozen=True)
class Known:
    """One server as all others know it: pod 0 of each shard is its primary."""

    name: str
    id: str = ""
    slots: str = ""
    flags: str = "master"
    follows: str = ""
    address: str = ""

    @property
    def entry(self) -> Entry:
        """The line of CLUSTER NODES."""
        identity = self.id or f"id-{self.name}"
        flags = frozenset(self.flags.split(","))
        return Entry(identity, self.address or f"ip-{self.name}:1@2", self.name, flags, self.follows, self.slots)


def everybody(layout: Layout = PLAIN) -> dict[str, Known]:
    known = {}
    for shard, names in enumerate(layout.shards):
        primary, *replicas = names
        known[primary] = Known(primary, slots=SLOTS[shard] if shard < len(SLOTS) else "")
        known |= {name: Known(name, flags="slave", follows=f"id-{primary}") for name in replicas}
    return known


@dataclass
class Scene:
    """What the servers say; changed by a test before it is judged."""

    layout: Layout = PLAIN
    known: dict[str, Known] = field(default_factory=everybody)
    silent: set[str] = field(default_factory=set)
    alone: dict[str, Known] = field(default_factory=dict)
    keys: Mapping[str, int] = field(default_factory=dict)

    def nodes(self) -> list[Node]:
        """Return those who answer; ``alone`` has what their pods are who nobody else knows."""
        table = {one.entry.id: one.entry for one in self.known.values()}
        together = [self._node(one, table) for name, one in self.known.items() if self._answers(name)]
        return together + [self._node(one, {one.entry.id: one.entry}) for one in self.alone.values()]

    def _answers(self, name: str) -> bool:
        return name not in self.silent and name not in self.alone

    def _node(self, one: Known, table: dict[str, Entry]) -> Node:
        return Node(
            name=one.name,
            shard=self.layout.shard_of(one.name) or 0,
            me=one.entry,
            table=table,
            is_ok=True,
            keys=self.keys.get(one.name, 0),
            is_linked=True,
            has_followed=True,
            offset=0,
            version="8",
        )


def commands(steps: Sequence[Step]) -> set[tuple[object, ...]]:
    return {(step.name, *step.command[1:]) for step in steps}


def test_nothing_is_done_where_nothing_is_missing() -> None:
    decision = decide(PLAIN, Scene().nodes())
    assert (decision.steps, decision.moves, decision.fault, decision.lack, decision.shards) == ((), (), None, None, 3)


def test_nobody_answers() -> None:
    assert decide(PLAIN, []).fault == "no server answers"


def test_a_dead_id_is_forgotten_by_all_once_it_has_no_slots_and_its_pod_is_met() -> None:
    pod = "hits-cluster-1-1"
    scene = Scene(alone={pod: Known(pod, id="new")})
    decision = decide(PLAIN, scene.nodes())
    others = set(scene.known) - {pod}
    assert commands(decision.steps) == {(name, "FORGET", f"id-{pod}") for name in others} | {
        ("hits-cluster-0-0", "MEET", f"ip-{pod}", "1", "2"),
    }


def test_a_dead_id_with_slots_is_never_forgotten_and_its_pod_gets_no_role() -> None:
    pod = "hits-cluster-1-0"
    scene = Scene(alone={pod: Known(pod, id="new")})
    decision = decide(PLAIN, scene.nodes())
    assert commands(decision.steps) == {("hits-cluster-0-0", "MEET", f"ip-{pod}", "1", "2")}
    assert decision.fault == f"no answer from {pod}, whose slots nobody has taken over yet"
    joined = replace(PLAIN)
    scene.known["new"] = Known(pod, id="new")
    scene.alone = {}
    scene.silent = {pod}
    nodes = [*scene.nodes(), scene._node(scene.known["new"], {o.entry.id: o.entry for o in scene.known.values()})]
    assert commands(decide(joined, [n for n in nodes if n.me.id != f"id-{pod}"]).steps) == set()


def test_counts_in_memory_that_are_lost_are_given_up_so_that_counting_can_go_on() -> None:
    shard = PLAIN.shards[1]
    layout = replace(PLAIN, is_kept=False)
    scene = Scene(layout=layout, alone={name: Known(name, id=f"new-{name}") for name in shard})
    steps = decide(layout, scene.nodes()).steps
    assert {command[2] for command in commands(steps) if command[1] == "FORGET"} == {f"id-{name}" for name in shard}
    assert {command[2] for command in commands(decide(PLAIN, replace(scene, layout=PLAIN).nodes()).steps)} == {
        *(f"ip-{name}" for name in shard),
        f"id-{shard[1]}",
    }


def test_an_id_of_a_pod_that_is_not_to_be_is_forgotten_when_it_is_gone() -> None:
    scene = Scene()
    scene.known["old"] = Known("hits-cluster-0-2", flags="slave,fail", follows="id-hits-cluster-0-0")
    scene.silent = {"old"}
    assert commands(decide(PLAIN, scene.nodes()).steps) == {
        (name, "FORGET", "id-hits-cluster-0-2") for name in PLAIN.names
    }
    scene.known["old"] = replace(scene.known["old"], flags="slave")
    assert decide(PLAIN, scene.nodes()).steps == ()


def test_a_server_at_another_address_is_met_again() -> None:
    scene = Scene()
    moved = replace(scene.known["hits-cluster-2-1"], address="elsewhere:1@2")
    table = {one.entry.id: one.entry for one in scene.known.values()}
    nodes = [node for node in scene.nodes() if node.name != moved.name]
    nodes.append(scene._node(moved, {**table, moved.entry.id: moved.entry}))
    assert commands(decide(PLAIN, nodes).steps) == {("hits-cluster-0-0", "MEET", "elsewhere", "1", "2")}


def test_slots_that_nobody_has_are_given_only_before_there_are_counts() -> None:
    scene = Scene(known={name: replace(one, slots="") for name, one in everybody().items()})
    begun = decide(PLAIN, scene.nodes())
    assert (begun.steps, begun.lack) == ((), "16384 slots have no server")
    new = replace(PLAIN, has_begun=False)
    assert {step.name for step in decide(new, scene.nodes()).steps} == {names[0] for names in PLAIN.shards}
    assert decide(replace(new, is_promised=False), scene.nodes()).steps == ()
    assert decide(new, replace(scene, keys={"hits-cluster-0-0": 1}).nodes()).steps == ()
    assert decide(new, replace(scene, silent={"hits-cluster-0-1"}).nodes()).steps == ()


def with_marks(scene: Scene, pod: str, **marks: tuple[object, ...]) -> list[Node]:
    """Return the servers, one of which tells of slots that are on their way."""
    return [
        replace(node, me=replace(node.me, **marks)) if node.name == pod else node  # type: ignore[arg-type]
        for node in scene.nodes()
    ]


def test_a_slot_that_is_leaving_goes_where_its_keys_may_be_already_before_any_other() -> None:
    nodes = with_marks(Scene(), "hits-cluster-0-0", leaving=((7, "id-hits-cluster-2-1"),))
    (move,) = decide(PLAIN, nodes).moves
    # Who was to get it is a replica by now: its shard's primary has what it had.
    assert (move.slot, move.source.name, move.target.name) == (7, "hits-cluster-0-0", "hits-cluster-2-0")


def test_a_mark_of_a_slot_that_has_left_is_taken_off() -> None:
    nodes = with_marks(Scene(), "hits-cluster-0-0", leaving=((9000, "id-hits-cluster-1-0"),))
    decision = decide(PLAIN, nodes)
    assert (commands(decision.steps), decision.moves) == ({("hits-cluster-0-0", "SETSLOT", 9000, "STABLE")}, ())


def test_a_move_of_which_the_owner_knows_nothing_is_settled_first() -> None:
    nodes = with_marks(Scene(), "hits-cluster-1-0", coming=(7,))
    (stray,) = decide(PLAIN, nodes).strays
    assert (stray.slot, stray.source.name, stray.target.name) == (7, "hits-cluster-0-0", "hits-cluster-1-0")


def test_a_new_shard_joins_and_gets_slots_when_the_status_says_that_it_stays() -> None:
    layout = replace(PLAIN, shards=(*PLAIN.shards, ("hits-cluster-3-0", "hits-cluster-3-1")), wanted=4)
    new = {name: Known(name) for name in layout.shards[3]}
    joining = decide(layout, Scene(layout=layout, alone=new).nodes())
    assert {step.command[2] for step in joining.steps} == {f"ip-{name}" for name in new}
    scene = Scene(layout=layout, known=everybody(layout))
    assert decide(replace(layout, is_promised=False), scene.nodes()).moves == ()
    moves = decide(layout, scene.nodes()).moves
    assert (len(moves), {move.target.name for move in moves}) == (4096, {"hits-cluster-3-0"})


def test_a_shard_leaves_when_it_has_nothing_any_more_and_is_needed_until_all_have_forgotten_it() -> None:
    layout = replace(PLAIN, shards=(*PLAIN.shards, ("hits-cluster-3-0", "hits-cluster-3-1")))
    scene = Scene(layout=layout, known=everybody(layout))
    decision = decide(layout, scene.nodes())
    assert commands(decision.steps) == {(name, "RESET", "HARD") for name in layout.shards[3]}
    assert decision.shards == 4
    scene.alone = {name: Known(name, id=f"new-{name}") for name in layout.shards[3]}
    decision = decide(layout, scene.nodes())
    assert {command[1] for command in commands(decision.steps)} == {"FORGET"}
    assert decision.shards == 4
    scene.known = {name: one for name, one in scene.known.items() if name not in layout.shards[3]}
    decision = decide(layout, scene.nodes())
    assert (decision.steps, decision.shards, decision.lack) == ((), 3, "shards are being removed")


def test_a_shard_with_keys_left_does_not_leave() -> None:
    layout = replace(PLAIN, shards=(*PLAIN.shards, ("hits-cluster-3-0", "hits-cluster-3-1")))
    scene = Scene(layout=layout, known=everybody(layout), keys={"hits-cluster-3-0": 1})
    decision = decide(layout, scene.nodes())
    assert (decision.steps, decision.shards) == ((), 4)


@pytest.mark.parametrize(
    ("lost", "heirs"),
    [
        ([0], set()),
        ([0, 1], {"hits-cluster-0-1", "hits-cluster-1-1"}),
        ([0, 1, 2], {"hits-cluster-0-1", "hits-cluster-1-1", "hits-cluster-2-1"}),
    ],
)
def test_replicas_take_over_only_from_so_many_that_the_rest_cannot_vote(lost: list[int], heirs: set[str]) -> None:
    scene = Scene()
    for shard in lost:
        name = PLAIN.shards[shard][0]
        scene.known[name] = replace(scene.known[name], flags="master,fail?")
        scene.silent.add(name)
    assert commands(takeovers(scene.nodes())) == {(name, "FAILOVER", "TAKEOVER") for name in heirs}


def test_nobody_takes_over_from_who_only_does_not_answer_us() -> None:
    assert takeovers(Scene(silent={names[0] for names in PLAIN.shards}).nodes()) == []


def test_the_replica_with_most_data_takes_over() -> None:
    scene = Scene()
    for name in (names[0] for names in PLAIN.shards):
        scene.known[name] = replace(scene.known[name], flags="master,fail")
        scene.silent.add(name)
    scene.known["hits-cluster-0-2"] = Known("hits-cluster-0-2", flags="slave", follows="id-hits-cluster-0-0")
    nodes = [replace(node, offset=7) if node.name.endswith("0-1") else node for node in scene.nodes()]
    assert "hits-cluster-0-1" in {step.name for step in takeovers(nodes)}
    assert "hits-cluster-0-2" not in {step.name for step in takeovers(nodes)}


def test_who_has_only_just_started_takes_over_when_nobody_has_come_back_for_long() -> None:
    """Each may lack what another one has, and none can tell."""
    scene = Scene()
    for name in (names[0] for names in PLAIN.shards):
        scene.known[name] = replace(scene.known[name], flags="master,fail")
        scene.silent.add(name)
    nodes = [replace(node, has_followed=False, offset=7) for node in scene.nodes()]
    assert takeovers(nodes) == []
    assert len(takeovers(nodes, is_last_resort=True)) == len(PLAIN.shards)


def test_lines_of_redis_are_read() -> None:
    text = (
        "a1 10.0.0.1:6379@16379,hits-cluster-0-0 myself,master - 0 0 3 connected 0-5460 5462 [93->-b2] [94-<-c3]\n"
        "b2 10.0.0.2:6379@16379,hits-cluster-0-1,shard-id=x slave,fail? a1 0 0 3 disconnected\n"
        "c3 :0@0 master,noaddr - 0 0 1 disconnected\n"
        "d4 10.0.0.4:6379@16379 handshake - 0 0 0 disconnected\n"
    )
    assert parse_nodes(text) == {
        "a1": Entry(
            "a1",
            "10.0.0.1:6379@16379",
            "hits-cluster-0-0",
            frozenset({"myself", "master"}),
            "",
            "0-5460 5462",
            leaving=((93, "b2"),),
            coming=(94,),
        ),
        "b2": Entry("b2", "10.0.0.2:6379@16379", "hits-cluster-0-1", frozenset({"slave", "fail?"}), "a1", ""),
        "c3": Entry("c3", ":0@0", "", frozenset({"master", "noaddr"}), "", ""),
    }
