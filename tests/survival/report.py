"""The page that the survival tier leaves: docs/survival-report.md."""

from dataclasses import dataclass, field

from kubectl_requestcounter.ledger import Books

_PAGE = """# Survival report

Written by `make survival` on {date}; {machine}, a local cluster of three nodes. Each run is a counter with two pods
of the service, `durability: Replicated` unless it says otherwise, and a client that sends 300 PUT/s over 200 paths
through the Ingress while something is done to Redis. After it, the count of every path and the total are held to the
client's books: **acknowledged <= count <= attempted**, and no count was told twice. Nobody helps; in every second run
the operator is away meanwhile.

| Redis | What is done to it | Operator | Attempted | Acknowledged | Not acknowledged | Longest time without an answer |
|---|---|---|--:|--:|---|--:|
{rows}

At most 15 s without an answer are allowed, 60 s where everything is deleted at once.

## Control runs

The same without the remedy; the books find what is lost, so they would find it above as well.

| Redis | What is done to it | What the books found |
|---|---|---|
{controls}
{neighbours}{renewals}"""

_NEIGHBOURS = """
## Ten counters

Five with Sentinel and five with Cluster beside each other, while a server or sentinel chosen at random is deleted every
{every_s} s for {minutes} minutes, by force or not. All of them are asked again and again whom they know.

| Deleted | Answers of servers and sentinels | That knew another counter's | Acknowledged | Of these lost |
|--:|--:|--:|--:|--:|
| {deleted} | {looks:,} | 0 | {acknowledged:,} | 0 |
"""

_RENEWALS = """
## Passwords

All passwords of a Redis are renewed, again and again, while 100 PUT/s are sent.

| Redis | Renewals | Acknowledged | Not acknowledged | Pods restarted |
|---|--:|--:|--:|--:|
{rows}
"""


@dataclass
class Report:
    """What was measured."""

    rows: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)
    neighbours: str = ""
    renewals: list[str] = field(default_factory=list)

    def add(self, redis: str, fault: str, operator: str, books: Books) -> None:
        """Add a run."""
        errors = ", ".join(f"{count:,} {kind}" for kind, count in sorted(books.errors.items())) or "none"
        self.rows.append(
            f"| {redis} | {fault} | {operator} | {books.attempted.total():,} | {books.acknowledged:,} | {errors} "
            f"| {books.longest_gap_s:.1f} s |"
        )

    def add_control(self, redis: str, fault: str, found: str) -> None:
        """Add a control run."""
        self.controls.append(f"| {redis} | {fault} | {found} |")

    def add_neighbours(self, deleted: int, looks: int, acknowledged: int, *, for_s: int, every_s: int) -> None:
        """Add the run with many counters, in which nobody has met a stranger and nothing was lost."""
        self.neighbours = _NEIGHBOURS.format(
            deleted=deleted, looks=looks, acknowledged=acknowledged, minutes=for_s // 60, every_s=every_s
        )

    def add_renewals(self, redis: str, times: int, books: Books) -> None:
        """Add a run in which passwords were renewed, no request failed and no pod was restarted."""
        self.renewals.append(f"| {redis} | {times} | {books.acknowledged:,} | 0 | 0 |")

    def page(self, machine: str, date: str) -> str:
        """Return the page."""
        return _PAGE.format(
            date=date,
            machine=machine,
            rows="\n".join(self.rows),
            controls="\n".join(self.controls),
            neighbours=self.neighbours,
            renewals=_RENEWALS.format(rows="\n".join(self.renewals)) if self.renewals else "",
        )
