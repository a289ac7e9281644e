"""EKS: the page says what the Terraform code has, and the code keeps its own rules."""

import re
from pathlib import Path

import pytest
import yaml

from infra.eks_cli import pins
from infra.eks_cli.costs import cost_tables
from infra.eks_cli.moto import resources

ROOT = Path(__file__).parents[3]
EKS = ROOT / "infra" / "eks"
PAGE = ROOT / "docs" / "eks.md"
MAX_FILE_LINES = 300


@pytest.mark.parametrize("root", ["infra/eks", "infra/eks/bootstrap"])
def test_every_resource_is_on_the_page_with_its_file_and_no_other(root: str) -> None:
    heading = "bootstrap/" if root.endswith("bootstrap") else ""
    rows = re.findall(
        r"^\| `(bootstrap/)?([a-z_]+\.tf)` \| ((?:`aws_\w+\.\w+`(?:, )?)+) \| .+ \|$", PAGE.read_text(), re.MULTILINE
    )
    documented = {
        (file, name) for folder, file, names in rows for name in re.findall(r"`([^`]+)`", names) if folder == heading
    }
    there = {
        (path.name, f"{kind}.{name}")
        for path in (ROOT / root).glob("*.tf")
        for kind, name in re.findall(r'^resource "(\w+)" "(\w+)"', path.read_text(), re.MULTILINE)
    }
    assert documented == there
    assert {name for _, name in there} == {f"{kind}.{name}" for kind, name in resources(ROOT / root)}


def test_the_costs_on_the_page_are_those_of_the_program() -> None:
    assert cost_tables() in PAGE.read_text()


def variables() -> dict[str, str]:
    text = "\n".join(path.read_text() for path in EKS.glob("variables*.tf"))
    return dict(re.findall(r'^variable "(\w+)" \{\n(.*?)^\}', text, re.MULTILINE | re.DOTALL))


def test_every_variable_has_a_type_and_a_description() -> None:
    lacking = [
        name
        for name, body in variables().items()
        if not {"type", "description"} <= set(re.findall(r"^  (\w+) ", body, re.MULTILINE))
    ]
    assert lacking == []


def test_every_variable_that_can_be_wrong_is_checked_and_the_check_is_tested() -> None:
    checked = {name for name, body in variables().items() if "validation {" in body}
    free = {
        name
        for name, body in variables().items()
        if re.search(r"^  type +=( bool|.*map\(string\)$)", body, re.MULTILINE)
    }
    assert checked | free == variables().keys()
    tests = "\n".join(path.read_text() for path in (EKS / "tests").glob("*.tftest.hcl"))
    assert checked == set(re.findall(r"expect_failures = \[var\.(\w+)\]", tests))


def test_every_message_of_a_check_names_its_variable() -> None:
    silent = [
        (name, message)
        for name, body in variables().items()
        for message in re.findall(r'error_message = "([^"]+)"', body)
        if not message.startswith(name)
    ]
    assert silent == []


@pytest.mark.parametrize("example", ["demo", "production"])
def test_examples_set_variables_that_there_are(example: str) -> None:
    text = (EKS / "examples" / f"{example}.tfvars").read_text()
    names = set(re.findall(r"^(\w+) +=", text, re.MULTILINE))
    assert names
    assert names <= variables().keys()


def test_files_stay_short() -> None:
    found = [path for suffix in ("*.tf", "*.hcl", "*.tfvars") for path in EKS.rglob(suffix)]
    files = [path for path in found if ".terraform" not in path.parts]
    assert {path.name: n for path in files if (n := len(path.read_text().splitlines())) > MAX_FILE_LINES} == {}


def test_the_policy_is_that_of_the_controller_that_is_installed() -> None:
    assert f"v{pins.LOAD_BALANCER_CONTROLLER}" in (EKS / "load_balancer_policy.tf").read_text()


def test_the_two_overlays_differ_only_in_whose_drivers_they_name() -> None:
    def classes(overlay: str) -> list[dict[str, object]]:
        folder = ROOT / "deploy" / "overlays" / overlay
        files = [folder / f"{name}.yaml" for name in ("storage-class", "ingress-class")]
        return [one for file in files for one in yaml.safe_load_all(file.read_text())]

    def neutral(text: str) -> str:
        for ours, auto in (
            ("ebs.csi.aws.com", "ebs.csi.eks.amazonaws.com"),
            ("ingress.k8s.aws/alb", "eks.amazonaws.com/alb"),
            ("elbv2.k8s.aws/v1beta1", "eks.amazonaws.com/v1"),
            ("elbv2.k8s.aws", "eks.amazonaws.com"),
            ("  targetType: ip\n", ""),
        ):
            text = text.replace(ours, auto)
        return text

    assert neutral(yaml.safe_dump_all(classes("eks"))) == yaml.safe_dump_all(classes("eks-auto"))


def test_the_page_has_the_number_of_runs_there_are() -> None:
    def runs(folder: Path) -> int:
        return sum(path.read_text().count('\nrun "') for path in (folder / "tests").glob("*.tftest.hcl"))

    assert f"{runs(EKS)} runs, and {runs(EKS / 'bootstrap')} of the bootstrap" in PAGE.read_text()


def test_every_exception_of_checkov_has_a_reason_and_is_counted_on_the_page() -> None:
    text = "\n".join(path.read_text() for path in EKS.rglob("*.tf") if ".terraform" not in path.parts)
    reasons = re.findall(r"#checkov:skip=\w+:?(.*)", text)
    assert all(len(reason.split()) > 3 for reason in reasons)
    assert f"{len(reasons)} exceptions" in PAGE.read_text()
