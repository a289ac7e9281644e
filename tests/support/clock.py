"""A clock that a test sets."""

from dataclasses import dataclass


@dataclass
class Clock:
    """A monotonic clock that stands still until a test moves it, in seconds."""

    now_s: float = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s
