"""Changes by hand to a counter's children, at random, and whether they are undone."""

import asyncio
import json
import random
import time
from dataclasses import dataclass
from typing import Any

from tests.support.eventually import eventually
from tests.support.kubectl import Kubectl, KubectlError

LABEL = "app.kubernetes.io/managed-by"
PATCHES: dict[str, list[dict[str, Any]]] = {
    "deployment/{name}": [
        {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 1}}}},
        {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 3}}}},
        {"metadata": {"ownerReferences": None}},
        {"spec": {"template": {"metadata": {"labels": {LABEL: "other"}}}}},
    ],
    "statefulset/{name}-redis": [
        {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}},
        {"metadata": {"labels": {LABEL: None}}},
    ],
    "service/{name}": [
        {"spec": {"selector": {"app.kubernetes.io/instance": "other"}}},
        {"metadata": {"labels": {LABEL: "other"}}},
    ],
    "service/{name}-admin": [{"spec": {"selector": {"app.kubernetes.io/component": "other"}}}],
    "service/{name}-redis": [{"spec": {"selector": {"app.kubernetes.io/component": "other"}}}],
    "ingress/{name}": [{"spec": {"rules": [{"host": "other.localhost"}]}}, {"metadata": {"ownerReferences": None}}],
    "configmap/{name}-redis": [{"data": {"redis.conf": "appendonly no"}}],
    "secret/{name}-redis": [{"data": {"password": "b3RoZXI="}}],
    "pdb/{name}": [{"spec": {"maxUnavailable": 2}}],
    "hpa/{name}": [{"spec": {"maxReplicas": 9}}],
    "serviceaccount/{name}": [{"automountServiceAccountToken": True}],
}


@dataclass(frozen=True, slots=True)
class Mutation:
    """A change of a child by hand: a merge patch, or its deletion when there is no patch.

    Attributes:
        child: kind/name.
        patch: the merge patch.
        manager: the field manager in whose name it is made.
        counter: whose child it is.
    """

    child: str
    patch: dict[str, Any] | None
    manager: str
    counter: str

    @property
    def leaves_a_trace(self) -> bool:
        """Whether the API server notes the manager: it does for fields that have a value afterwards."""
        return self.patch is not None and "null" not in json.dumps(self.patch)

    async def is_told(self, kubectl: Kubectl) -> bool:
        """Return whether an Event of the counter's names the manager."""
        events = await events_of(kubectl, "DriftCorrected", self.counter)
        return any(f"changed by {self.manager}," in event["message"] for event in events)

    async def undone(self, kubectl: Kubectl, *, within_s: float) -> float:
        """Make the change; return after how many seconds it was undone.

        Raises:
            AssertionError: It was not, in time.
        """
        body = await kubectl.get(self.child)
        uid, before = body["metadata"]["uid"], wanted_part(body)
        await self._make(kubectl)
        begun_at_s = time.monotonic()

        async def is_undone() -> bool:
            now = await kubectl.find(self.child)
            if now is None or (self.patch is None and now["metadata"]["uid"] == uid):
                return False
            return wanted_part(now) == before or self.patch is None

        await eventually(is_undone, within_s=within_s)
        return time.monotonic() - begun_at_s

    async def _make(self, kubectl: Kubectl) -> None:
        if self.patch is None:
            await kubectl("delete", self.child, "--wait=false")
            return
        patch = json.dumps(self.patch)
        await kubectl("patch", self.child, "--type=merge", f"--patch={patch}", f"--field-manager={self.manager}")


def random_mutations(children: list[str], number: int, seed: int) -> list[Mutation]:
    """Return so many changes: the children in turn, in an order and with all else by chance.

    Args:
        children: name of the counter, and key of PATCHES, separated by a space.
        number: how many.
        seed: the same gives the same.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    order = chance.sample(children, len(children))
    chosen = [order[turn % len(order)].split(" ") for turn in range(number)]
    return [
        Mutation(child.format(name=name), chance.choice([*PATCHES[child], None]), manager=f"hand-{turn}", counter=name)
        for turn, (name, child) in enumerate(chosen)
    ]


def wanted_part(body: dict[str, Any]) -> dict[str, Any]:
    """Return what a change by hand would change: all but the status and the API server's bookkeeping."""
    kept = {"labels", "ownerReferences", "name"}
    metadata = {key: value for key, value in body["metadata"].items() if key in kept}
    return {key: value for key, value in body.items() if key not in {"status", "metadata"}} | {"metadata": metadata}


async def events_of(kubectl: Kubectl, reason: str, name: str = "hits") -> list[dict[str, Any]]:
    """Return a RequestCounter's Events of a reason."""
    selector = f"--field-selector=involvedObject.kind=RequestCounter,involvedObject.name={name},reason={reason}"
    items: list[dict[str, Any]] = (await kubectl.get("events", selector))["items"]
    return items


async def keep_changing(kubectl: Kubectl, child: str, patches: list[dict[str, Any]], *, every_s: float) -> None:
    """Make changes in turn until cancelled, as a controller would that wants something else."""
    number = 0
    while True:
        patch = json.dumps(patches[number % len(patches)])
        try:
            await kubectl("patch", child, "--type=merge", f"--patch={patch}", "--field-manager=rival")
        except KubectlError as error:
            if "NotFound" not in str(error):
                raise
        number += 1
        await asyncio.sleep(every_s)
