"""Namespaces that are being deleted: the RequestCounters in them are left alone for a while.

Such a namespace loses its objects one by one, and the API server refuses every new one. Each child that goes before its
RequestCounter would be made anew in vain, again and again. A namespace that is being deleted stays so, and one of the
same name that is made after it has other RequestCounters, so their UIDs tell which of the two is meant.
"""

from collections.abc import Callable, Iterable

REST_S = 60.0
"""After how long it is tried again: the one refusal that a namespace costs in that time if it does not go."""


class TerminatingNamespaces:
    """Which RequestCounters are in a namespace that is being deleted. One event loop owns it.

    Args:
        clock: a monotonic clock, in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._resting: dict[str, tuple[float, frozenset[str]]] = {}

    def note(self, namespace: str, uids: Iterable[str]) -> None:
        """Note that a write was refused because this namespace is being deleted, which has these RequestCounters.

        One that comes later is in another namespace, of the same name.
        """
        now_s = self._clock()
        self._resting = {name: rest for name, rest in self._resting.items() if rest[0] > now_s}
        self._resting[namespace] = (now_s + REST_S, frozenset(uids))

    def rest_s(self, namespace: str, uid: str) -> float:
        """Return for how long nothing is to be written for a RequestCounter, seconds; 0 when it may be tried."""
        until_s, uids = self._resting.get(namespace, (0.0, frozenset()))
        return max(0.0, until_s - self._clock()) if uid in uids else 0.0
