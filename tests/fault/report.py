"""The page of figures that the fault tier leaves: docs/fault-report.md."""

from dataclasses import dataclass, field

from kubectl_requestcounter.ledger import Books

_PAGE = """# Fault report

Written by `make fault` on {date}; {machine}. Each run: {seconds:.0f} s at {rate:,.0f} PUT/s over 100 paths, on 250
connections; the service, Redis and the client share the machine. After it, the count of every path and the total are
held to the client's books: **acknowledged <= count <= attempted**, and no count was told twice.

| Fault | Attempted | Acknowledged | Not acknowledged | Longest time without an answer | Full rate again after |
|---|--:|--:|---|--:|--:|
{rows}

*Full rate again after*: from the fault's end to nine tenths of the rate over a whole second; at most 15 s.

## Control runs

The same faults without the remedy; the books find what goes wrong, so they would find it above as well.

| Fault | Without | What the books found |
|---|---|---|
{controls}
"""


@dataclass
class Report:
    """What was measured."""

    seconds: float
    rate: float
    rows: list[str] = field(default_factory=list)
    controls: list[str] = field(default_factory=list)

    def add(self, fault: str, books: Books, recovered_after_s: float) -> None:
        """Add a run."""
        errors = ", ".join(f"{count:,} {kind}" for kind, count in sorted(books.errors.items())) or "none"
        self.rows.append(
            f"| {fault} | {books.attempted.total():,} | {books.acknowledged:,} | {errors} "
            f"| {books.longest_gap_s:.1f} s | {recovered_after_s:.1f} s |"
        )

    def add_control(self, fault: str, without: str, found: str) -> None:
        """Add a control run."""
        self.controls.append(f"| {fault} | {without} | {found} |")

    def page(self, machine: str, date: str) -> str:
        """Return the page."""
        return _PAGE.format(
            date=date,
            machine=machine,
            seconds=self.seconds,
            rate=self.rate,
            rows="\n".join(self.rows),
            controls="\n".join(self.controls),
        )
