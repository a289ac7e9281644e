"""Statements of the counting path whose removal no test misses, and why that is well."""

_SMALLER = "makes objects smaller and quicker, and nothing else"
_DECLARATION = "tells the type checker what subclasses have; nothing is executed"

EXPLAINED: dict[str, str] = {
    "counter_service/lane.py: _Slot: __slots__ = ('_arrived_s', '_lane', '_request', 'answer')": _SMALLER,
    "counter_service/grouping.py: Group: __slots__ = "
    "('admits_until_s', 'deadline_s', 'path_bytes', 'requests', 'waiters')": _SMALLER,
    "counter_service/grouping.py: GroupQueue: operation: str": _DECLARATION,
    "counter_service/grouping.py: GroupQueue: @abstractmethod async def _exchange(self, group: Group) -> "
    'Callable[[], None]: """Send one group to the store. Returns: What tells each waiter its count. Raises: '
    'CounterServiceError: no acknowledgement. """': _DECLARATION,
}
