"""The documentation names what there is: every field, every condition and reason, every setting."""

import ast
import re
from pathlib import Path

from counter_service import representation
from counter_service.metrics import ServiceMetrics
from request_counter_operator.settings import Settings
from tests.unit.repo.test_crd import SCHEMA, nodes_of

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
STATUS = ROOT / "operator" / "request_counter_operator" / "status.py"


def test_the_reference_has_every_field_and_no_other() -> None:
    text = (DOCS / "resource-reference.md").read_text()
    documented = set(re.findall(r"`(spec\.[A-Za-z.]+)`", text.partition("## What it becomes")[0]))
    assert documented == {f"spec{path}" for path, _ in nodes_of(SCHEMA["spec"])}


def test_every_reason_is_documented_under_its_condition_and_no_other() -> None:
    verdicts = {
        call.args[1].value
        for call in ast.walk(ast.parse(STATUS.read_text()))
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "Verdict"
        and isinstance(call.args[1], ast.Constant)
    }
    text = (DOCS / "status-conditions.md").read_text().partition("## The other fields")[0]
    documented = set(re.findall(r"`([A-Z][A-Za-z]+)`", "\n".join(re.findall(r"^\|.*$", text, re.MULTILINE))))
    assert documented == verdicts


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
