"""What the user sees: one line per step with its time, and a sign of life while a step takes long."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

_HEARTBEAT_S = 20.0


@dataclass(eq=False)
class Step:
    """One step while it runs. What it has done so far is its detail; the last one stands on its line."""

    title: str
    started_s: float = field(default_factory=time.monotonic)
    detail: str = ""

    def note(self, detail: str) -> None:
        """Say what the step is doing, or has done."""
        self.detail = Text.from_ansi(detail).plain  # tools colour what they write

    @property
    def elapsed_s(self) -> float:
        """Seconds since the step began."""
        return time.monotonic() - self.started_s


class Steps:
    """The steps of one run, from any thread. Use it as a context manager.

    On a terminal, running steps are shown live; elsewhere a line every 20 seconds says what is under way.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._live = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            TextColumn("{task.fields[step].detail}", style="dim", markup=False),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self._running: list[Step] = []
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live.start()
        else:
            self._heart.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ended.set()
        if self.console.is_terminal:
            self._live.stop()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Show a step while the block runs, and its line when the block ends; an error marks it as failed."""
        step = Step(title)
        self._running.append(step)
        task = self._live.add_task(title, total=None, step=step)
        mark = "[red]✗"
        try:
            yield step
            mark = "[green]✓"
        finally:
            self._live.remove_task(task)
            self._running.remove(step)
            self.console.print(f"{mark}[/] {title:<24} [dim]{step.elapsed_s:6.1f} s[/]  {escape(step.detail)}")

    def _beat(self) -> None:
        while not self._ended.wait(_HEARTBEAT_S):
            for step in tuple(self._running):
                if step.elapsed_s >= _HEARTBEAT_S:
                    self.console.print(f"[dim]… {step.title:<24} {step.elapsed_s:6.1f} s  {escape(step.detail)}")


def wait_until(is_met: Callable[[], bool], deadline_s: float, poll_interval_s: float = 0.25) -> bool:
    """Ask again until the answer is yes; return False when the deadline passes first."""
    end = time.monotonic() + deadline_s
    while not is_met():
        if time.monotonic() > end:
            return False
        time.sleep(poll_interval_s)
    return True
