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
"""


@dataclass
class Report:
    """What was measured."""

    rows: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)

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

    def page(self, machine: str, date: str) -> str:
        """Return the page."""
        return _PAGE.format(date=date, machine=machine, rows="\n".join(self.rows), controls="\n".join(self.controls))
