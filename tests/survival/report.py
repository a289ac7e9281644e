"""The page that the survival tier leaves: docs/survival-report.md, a row for each run.

The runs take hours, and are made one file or one fault at a time: what is run anew has its row replaced, and the others
stay. A row is away from when its run begins until it has passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from kubectl_requestcounter.ledger import Books
from tests.support.report_pages import MACHINE

_INTRODUCTION = """# Survival report

Written by `make survival`; a local cluster of three nodes on {machine}. Each run is a counter with two pods of the
service and `durability: Replicated`, unless it says otherwise, and a client that sends 300 PUT/s over 200 paths through
the Ingress. After it, the count of every path and the total are held to the client's books:
**acknowledged <= count <= attempted**, and no count was told twice. Nobody helps.
"""


@dataclass(slots=True)
class Table:
    """A part of the page.

    Attributes:
        keys: how many of its first columns tell a row from the others.
        rows: by these columns.
    """

    title: str
    about: str
    columns: tuple[str, ...]
    keys: int
    rows: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)

    def read(self, page: str) -> None:
        """Take the rows from an earlier page; there need be none."""
        _, _, part = page.partition(f"\n## {self.title}\n")
        lines = [line for line in part.partition("\n## ")[0].splitlines() if line.startswith("| ")]
        for line in lines[1:]:
            cells = tuple(cell.strip() for cell in line.strip("|").split(" | "))
            self.rows[cells[: self.keys]] = cells

    def text(self) -> str:
        """Return the part; an empty text where no run has passed."""
        if not self.rows:
            return ""
        head = [f"| {' | '.join(self.columns)} |", f"|{'---|' * len(self.columns)}"]
        rows = [f"| {' | '.join(cells)} |" for _, cells in sorted(self.rows.items())]
        return "\n".join(["", f"## {self.title}", "", self.about, "", *head, *rows, ""])


@dataclass(frozen=True, slots=True)
class Row:
    """The row of a run that has begun."""

    table: Table
    keys: tuple[str, ...]

    def passed(self, *cells: str) -> None:
        """Write down what the run has come to."""
        today = datetime.now(UTC).date().isoformat()
        self.table.rows[self.keys] = (*self.keys, *cells, today)

    def passed_with(self, books: Books) -> None:
        """Write down what the client's books say."""
        errors = ", ".join(f"{count:,} {kind}" for kind, count in sorted(books.errors.items())) or "none"
        attempted, acknowledged = f"{books.attempted.total():,}", f"{books.acknowledged:,}"
        self.passed(attempted, acknowledged, errors, f"{books.longest_gap_s:.1f} s")


def columns(names: str) -> tuple[str, ...]:
    """Return names that stand with commas between them."""
    return tuple(names.split(", "))


class Report:
    """What was measured, by part."""

    def __init__(self) -> None:
        self._faults = Table(
            "Faults",
            "At most 15 s without an answer are allowed, 60 s where everything is deleted at once. In every second\n"
            "run the operator is away meanwhile.",
            columns("Redis, What is done to it, Operator")
            + columns("Attempted, Acknowledged, Not acknowledged, Longest time without an answer, Date"),
            keys=3,
        )
        self._controls = Table(
            "Control runs",
            "The same without the remedy; the books find what is lost, so they would find it above as well.",
            columns("Redis, What is done to it, What the books found, Date"),
            keys=2,
        )
        self._deletions = Table(
            "Primaries deleted one after the other",
            "By force or not. The books are closed after each.",
            columns("Redis, Deleted, Acknowledged, Not acknowledged, Half of them without an answer for at most")
            + columns("All of them, Date"),
            keys=1,
        )
        self._neighbours = Table(
            "Many counters",
            "With Sentinel and with Cluster beside each other, while a server or sentinel chosen at random is\n"
            "deleted again and again, by force or not. All of them are asked whom they know.",
            columns("Counters, Deleted, Answers of servers and sentinels, That knew another counter's")
            + columns("Acknowledged, Of these lost, Date"),
            keys=1,
        )
        self._renewals = Table(
            "Passwords",
            "All passwords of a Redis are renewed, again and again, while 100 PUT/s are sent.",
            columns("Redis, Renewals, Acknowledged, Not acknowledged, Pods restarted, Date"),
            keys=1,
        )

    @classmethod
    def of(cls, page: str) -> Self:
        """Return a report with the rows of an earlier page."""
        report = cls()
        for table in report._tables():
            table.read(page)
        return report

    def _tables(self) -> Iterator[Table]:
        yield from (self._faults, self._deletions, self._controls, self._neighbours, self._renewals)

    def fault(self, redis: str, what: str, operator: str) -> Row:
        """Begin a run in which something is done to Redis."""
        return _begin(self._faults, redis, what, operator)

    def control(self, redis: str, what: str) -> Row:
        """Begin a run without the remedy."""
        return _begin(self._controls, redis, what)

    def deletions(self, redis: str) -> Row:
        """Begin a run in which one primary after another is deleted."""
        return _begin(self._deletions, redis)

    def neighbours(self, counters: int) -> Row:
        """Begin a run with many counters."""
        return _begin(self._neighbours, str(counters))

    def renewals(self, redis: str) -> Row:
        """Begin a run in which passwords are renewed."""
        return _begin(self._renewals, redis)

    def page(self) -> str:
        """Return the page."""
        return _INTRODUCTION.format(machine=MACHINE) + "".join(table.text() for table in self._tables())


def _begin(table: Table, *keys: str) -> Row:
    table.rows.pop(keys, None)
    return Row(table, keys)
