"""The documentation names what there is: every field, every condition and reason, every setting."""

import ast
import re
from pathlib import Path

from counter_service import representation
from counter_service.metrics import ServiceMetrics
from request_counter_operator.__main__ import Program
from request_counter_operator.conditions import Observed, invalid_verdicts, verdicts
from request_counter_operator.settings import Settings
from request_counter_operator.status import _SWITCHES
from tests.support.counters import counter
from tests.unit.repo.test_crd import SCHEMA, nodes_of

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
OPERATOR = ROOT / "operator" / "request_counter_operator"
CONDITIONS = ROOT / "docs" / "status-conditions.md"


def test_the_reference_has_every_field_and_no_other() -> None:
    text = (DOCS / "resource-reference.md").read_text()
    documented = set(re.findall(r"`(spec\.[A-Za-z.]+)`", text.partition("## What it becomes")[0]))
    assert documented == {f"spec{path}" for path, _ in nodes_of(SCHEMA["spec"])}


def calls_of(name: str) -> list[ast.Call]:
    """Return all calls of a function of this name in the operator."""
    trees = [ast.parse(path.read_text()) for path in OPERATOR.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if getattr(call.func, "id", "") == name]


def literals(calls: list[ast.Call], position: int) -> set[str]:
    arguments = [call.args[position] for call in calls]
    return {str(argument.value) for argument in arguments if isinstance(argument, ast.Constant)}


def documented_reasons(section: str) -> set[str]:
    return set(re.findall(r"`([A-Z][A-Za-z]+)`", "\n".join(re.findall(r"^\|([^|]*\|[^|]*)\|", section, re.MULTILINE))))


def test_every_reason_is_documented_and_no_other() -> None:
    text = CONDITIONS.read_text().partition("## Events")[0]
    assert documented_reasons(text) == literals(calls_of("Verdict"), 1) | literals(calls_of("Caution"), 0)


def test_every_condition_has_a_section() -> None:
    headings = re.findall(r"^## (.*)$", CONDITIONS.read_text().partition("## Events")[0], re.MULTILINE)
    assert set(headings) == set(invalid_verdicts("")) == set(verdicts(counter(), Observed()))


def test_every_event_is_documented_and_no_other() -> None:
    text = CONDITIONS.read_text().partition("## Events")[2].partition("## The other fields")[0]
    switches = {name for pair in _SWITCHES.values() for name in pair}
    assert documented_reasons(text) == literals(calls_of("Happening"), 1) | switches


def test_every_metric_of_the_operator_is_documented() -> None:
    collected = {metric.name: metric.type for metric in Program(Settings()).metrics.registry.collect()}
    counters = {f"{name}_total" if kind == "counter" else name for name, kind in collected.items()}
    gauges = {f"request_counter_operator_{name}" for name in literals(calls_of("watch"), 0)}
    ours = {name for name in counters | gauges if name.startswith("request_counter_operator_")}
    page = (DOCS / "operations.md").read_text()
    assert set(re.findall(r"^\| `(request_counter_operator_[a-z_]+)`", page, re.MULTILINE)) == ours


def test_every_setting_of_the_operator_is_documented() -> None:
    text = (DOCS / "operations.md").read_text()
    variables = {f"OPERATOR_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"`(OPERATOR_[A-Z_]+)`", text)) == variables


def test_every_metric_and_problem_of_the_service_is_documented() -> None:
    collected = {metric.name: metric.type for metric in ServiceMetrics().registry.collect()}
    metrics = {f"{name}_total" if kind == "counter" else name for name, kind in collected.items()}
    page = (DOCS / "counter-service.md").read_text()
    assert set(re.findall(r"^\| `(counter_[a-z_]+)`", page, re.MULTILINE)) == metrics
    page = (DOCS / "http-api.md").read_text()
    problems = {slug for _, slug in representation._PROBLEMS.values()} | {"internal"}
    assert set(re.findall(r"^\| \d{3} \| `([a-z-]+)`", page, re.MULTILINE)) == problems


def test_links_between_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert broken == []
