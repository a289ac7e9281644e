"""How all watches behave, and whether they live: that the API server has begun each anew, every half a minute."""

import asyncio
from collections.abc import Callable, Iterable

WATCH_S = 30
"""How long the API server is asked to keep a watch. A new one goes on where it ended, so shorter costs little."""

SILENCE_S = WATCH_S + 10
"""After how long without a byte the client gives a watch up."""

CONNECT_S = 5
"""How long a watch may take to connect."""

RETRY_S = 2.0
"""After how long a list or a watch that has failed is tried again: for ever, there is nothing better to do."""

STALLED_AFTER_S = 75
"""A watch that was not begun anew for so long is broken: two rounds, and the time to notice a dead connection."""


class WatchPulse:
    """Notes when each watch was last begun.

    Args:
        plurals: of the kinds that are watched.
        clock: a monotonic clock, in seconds. All watches count as begun now, so that they have time to begin.
    """

    def __init__(self, plurals: Iterable[str], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun_at_s = dict.fromkeys(plurals, clock())
        self._awaited = set(self._begun_at_s)
        self._all_begun = asyncio.Event()

    def beat(self, plural: str) -> None:
        """Note that the API server has just begun a watch of this kind."""
        self._begun_at_s[plural] = self._clock()
        self._awaited.discard(plural)
        if not self._awaited:
            self._all_begun.set()

    @property
    def have_all_begun(self) -> bool:
        """Whether each watch was begun at least once, and so everything that there is was listed."""
        return self._all_begun.is_set()

    async def all_begun(self) -> None:
        """Wait until each watch was begun at least once."""
        await self._all_begun.wait()

    def ages_s(self) -> dict[tuple[str, ...], float]:
        """Return seconds since each watch was begun, by plural."""
        now_s = self._clock()
        return {(plural,): now_s - begun_at_s for plural, begun_at_s in self._begun_at_s.items()}

    def stalled(self) -> list[str]:
        """Return the plurals whose watch is broken."""
        return [plural for (plural,), age_s in self.ages_s().items() if age_s > STALLED_AFTER_S]
