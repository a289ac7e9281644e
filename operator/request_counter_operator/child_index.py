"""Which children there are, as far as is known: by their owner, which is how they are asked for."""

from collections.abc import Collection, Iterator, Mapping

from request_counter_operator.cache import Child, ChildKey, Key


class ChildIndex(Mapping[Key, Collection[Child]]):
    """All children of all RequestCounters, by the RequestCounter's key. Every owner in it has at least one."""

    def __init__(self) -> None:
        self._by_owner: dict[Key, dict[ChildKey, Child]] = {}
        self._owners: dict[tuple[str, ChildKey], Key] = {}

    def __getitem__(self, key: Key) -> Collection[Child]:
        return self._by_owner[key].values()

    def __iter__(self) -> Iterator[Key]:
        return iter(self._by_owner)

    def __len__(self) -> int:
        return len(self._by_owner)

    def put(self, owner: Key, child: Child) -> list[Key]:
        """Have a child as it is now; return whose children are others than before: its owner's, and a former one's."""
        before = self._owners.get((owner.namespace, child.key))
        if before == owner and self._by_owner[owner][child.key] == child:
            return []
        changed = [owner]
        if before is not None and before != owner:
            changed += self.remove(owner.namespace, child.key)
        self._owners[owner.namespace, child.key] = owner
        self._by_owner.setdefault(owner, {})[child.key] = child
        return changed

    def remove(self, namespace: str, key: ChildKey) -> list[Key]:
        """Forget a child that is there no more; return whose it was, if it was known."""
        owner = self._owners.pop((namespace, key), None)
        if owner is None:
            return []
        del self._by_owner[owner][key]
        if not self._by_owner[owner]:
            del self._by_owner[owner]
        return [owner]

    def known(self, kind: str, namespace: str = "") -> set[tuple[str, ChildKey]]:
        """Return the children of a kind, in one namespace or in all, each with its namespace."""
        return {(where, key) for where, key in self._owners if key.kind == kind and namespace in {"", where}}
