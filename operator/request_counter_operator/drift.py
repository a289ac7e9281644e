"""How often a child was put right of late, and how long to leave it when somebody keeps changing it back. Pure."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

WINDOW_S = 60.0
MOST_CORRECTIONS = 6
"""More in a window are a fight: no person, and no controller that gives way, changes one object back so often."""

FIRST_TRUCE_S = 15.0
LONGEST_TRUCE_S = 300.0


@dataclass(slots=True)
class Corrections:
    """The corrections of one child.

    Attributes:
        clock: a monotonic clock, in seconds.
        latest: what was put right last, as a sentence.
    """

    clock: Callable[[], float]
    latest: str = ""
    _at_s: deque[float] = field(default_factory=deque)
    _truces: int = 0
    _truce_until_s: float = float("-inf")

    @property
    def truce_s(self) -> float:
        """How long the child is to be left as it is, seconds; 0 when it may be put right."""
        return max(0.0, self._truce_until_s - self.clock())

    @property
    def is_fight(self) -> bool:
        """Whether somebody has kept changing the child until now."""
        return self._truces > 0 and self.clock() < self._truce_until_s + WINDOW_S

    def note(self, what: str) -> None:
        """Note that the child has just been put right. One too many begins a truce, each twice as long as the last."""
        self.latest = what
        now_s = self.clock()
        if self._truces and not self.is_fight:
            self._truces = 0
        self._at_s.append(now_s)
        while self._at_s[0] < now_s - WINDOW_S:
            self._at_s.popleft()
        # Once there has been a fight, one more correction is one too many.
        if len(self._at_s) > MOST_CORRECTIONS or self._truces:
            self._truce_until_s = now_s + min(LONGEST_TRUCE_S, FIRST_TRUCE_S * 2**self._truces)
            self._truces += 1
            self._at_s.clear()
