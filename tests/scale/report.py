"""The page of figures that the scale tier leaves: docs/scale-report.md."""

from dataclasses import dataclass, field

_PAGE = """# Scale report

Written by `make scale` on {date}; {machine}, which the three nodes of the local cluster, the API server and the tests
share. One operator leads and one stands by, as installed.

| What | Measured | Aim |
|---|--:|--:|
{rows}

## From `kubectl apply` to Ready

{runs} runs of one counter with one pod, a Redis and a volume, all images on the nodes; medians.

| Step | After |
|---|--:|
{steps}
"""


@dataclass
class Report:
    """What was measured."""

    rows: list[str] = field(default_factory=list)
    steps: dict[str, float] = field(default_factory=dict)
    runs: int = 0

    def add(self, what: str, measured: str, aim: str) -> None:
        """Add a figure."""
        self.rows.append(f"| {what} | {measured} | {aim} |")

    def page(self, machine: str, date: str) -> str:
        """Return the page."""
        steps = "\n".join(f"| {step} | {after_s:.1f} s |" for step, after_s in self.steps.items())
        return _PAGE.format(date=date, machine=machine, rows="\n".join(self.rows), runs=self.runs, steps=steps)
