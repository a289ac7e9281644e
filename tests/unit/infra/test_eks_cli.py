"""The commands for EKS, with all programs they run replaced by ones that write down how they were called.

Aspects: nothing is spent or destroyed without a yes; the order of steps; what is refused before anything is asked.
"""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from infra.eks_cli import places
from infra.eks_cli.cli import main
from tests.support.eks_examples import OUTPUTS, PLAN, PLAN_TO_DESTROY
from tests.support.fake_programs import FakePrograms

CHECKOUT = Path(__file__).parents[3]
PROGRAMS = ("aws", "docker", "git", "helm", "kubectl", "terraform")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePrograms:
    (tmp_path / "eks" / "bootstrap").mkdir(parents=True)
    (tmp_path / "eks" / "backend.hcl").touch()
    monkeypatch.setattr(places, "EKS", tmp_path / "eks")
    monkeypatch.setattr(places, "BUILD", tmp_path / "build")
    monkeypatch.setattr(places, "KUBECONFIG", tmp_path / "build" / "kubeconfig")
    programs = FakePrograms(tmp_path, monkeypatch, *PROGRAMS)
    programs.answer(
        "aws sts get-caller-identity *", '{"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:role/me"}'
    )
    programs.answer("aws ecr describe-images *", "ImageNotFoundException", status=254)
    programs.answer("aws ecr get-login-password *", "token")
    programs.answer("terraform state list", "aws_vpc.this")
    programs.answer("git rev-parse HEAD", "0123456789abcdef0123456789abcdef01234567")
    programs.answer("terraform output -json", json.dumps({name: {"value": value} for name, value in OUTPUTS.items()}))
    return programs


def invoke(command: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, [command], input=typed)


def steps(programs: FakePrograms) -> list[str]:
    """Return what was called, in short: program and command."""
    calls = (re.sub(r" --kubeconfig \S+", "", call) for call in programs.calls)
    return [" ".join(call.split()[:2]) for call in calls]


def test_plan_shows_the_costs_and_changes_nothing(programs: FakePrograms) -> None:
    programs.answer("terraform show -json *", json.dumps(PLAN))
    result = invoke("plan")
    assert result.exit_code == 0
    assert "AWS account 111122223333" in result.stdout
    assert "3 to create" in result.stdout
    assert re.search(r"3 x node m6a.large +189.22", result.stdout)
    assert steps(programs) == ["aws sts", "terraform init", "terraform plan", "terraform show"]


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_up_does_nothing_without_a_yes(programs: FakePrograms, typed: str) -> None:
    programs.answer("terraform show -json *", json.dumps(PLAN))
    result = invoke("up", typed)
    assert "Apply this to account 111122223333?" in result.stdout
    assert result.exit_code == 1
    assert steps(programs)[-1] == "terraform show"


def test_up_applies_the_plan_it_showed_and_runs_the_operator(programs: FakePrograms) -> None:
    programs.answer("terraform show -json *", json.dumps(PLAN))
    result = invoke("up", "y\n")
    assert result.exit_code == 0, result.output
    done = steps(programs)
    done.remove("docker login")  # runs side by side with what gets its password
    assert done[done.index("terraform apply") :] == [
        *("terraform apply", "terraform output"),
        *("git status", "git rev-parse", "aws ecr", "aws ecr"),  # are the two there already?
        *("aws ecr", "docker build", "docker push", "docker build", "docker push"),
        *("aws eks", "helm upgrade", "kubectl apply", "kubectl rollout"),
    ]
    (applied,) = [call for call in programs.calls if " apply " in call and call.startswith("terraform")]
    assert applied.endswith("/build/plan.tfplan")
    assert "curl -X PUT -H 'Host: hits.example.com' http://$ALB/a/b" in result.stdout


@pytest.mark.parametrize(
    ("datastore", "url", "sample"),
    [
        ("in-cluster", None, "in-cluster"),
        ("dynamodb", None, "in-cluster"),
        ("elasticache-serverless", "rediss+cluster://counter@serverless:6379", "elasticache-serverless"),
        ("elasticache-cluster", "rediss://counter@master:6379", "elasticache-cluster"),
        ("elasticache-cluster", "rediss+cluster://counter@clustercfg:6379", "elasticache-sharded"),
        ("memorydb", "rediss+cluster://request-counter-counter@clustercfg:6379", "memorydb"),
    ],
)
def test_up_ends_with_the_sample_and_the_url_of_the_data_store(
    programs: FakePrograms, datastore: str, url: str | None, sample: str
) -> None:
    outputs = {**OUTPUTS, "datastore": datastore, "datastore_url": url}
    programs.answer("terraform output -json", json.dumps({name: {"value": value} for name, value in outputs.items()}))
    programs.answer("terraform show -json *", json.dumps(PLAN))
    told = invoke("up", "y\n").stdout
    assert re.findall(r"spec\.store\.redis\.external\.url is (\S+)$", told, re.MULTILINE) == [url] * bool(url)
    assert re.findall(r"apply -f (\S+)$", told, re.MULTILINE) == [f"deploy/samples/eks/{sample}.yaml"]
    assert (CHECKOUT / "deploy" / "samples" / "eks" / f"{sample}.yaml").is_file()


def test_up_refuses_a_checkout_that_is_not_committed(programs: FakePrograms) -> None:
    programs.answer("git status *", " M README.md")
    result = invoke("up")
    assert "not committed" in result.stderr
    assert steps(programs) == ["aws sts", "git status"]


def test_images_that_are_there_are_not_built_again(programs: FakePrograms) -> None:
    programs.answer("aws ecr describe-images *", "{}")
    programs.answer("terraform show -json *", json.dumps(PLAN))
    assert invoke("up", "y\n").exit_code == 0
    assert not any(call.startswith("docker") for call in programs.calls)


@pytest.mark.parametrize("typed", ["yes\n", "\n", "another-cluster\n"])
def test_down_does_nothing_without_the_name(programs: FakePrograms, typed: str) -> None:
    remains_in(programs)
    programs.answer("terraform show -json *", json.dumps(PLAN_TO_DESTROY))
    result = invoke("down", typed)
    assert "RequestCounters: default/hits" in result.stdout
    assert "2 to delete" in result.stdout
    assert result.exit_code == 1
    assert not any(re.search(r" (apply|delete) ", call) for call in programs.calls)


def remains_in(programs: FakePrograms) -> None:
    def items(*names: str, **spec: str) -> str:
        return json.dumps({"items": [{"metadata": {"namespace": "default", "name": n}, "spec": spec} for n in names]})

    programs.answer("kubectl * get crd *", "customresourcedefinition.apiextensions.k8s.io/x")
    programs.answer("kubectl * get requestcounters *", items("hits"))
    programs.answer("kubectl * get ingresses *", items("hits"))
    programs.answer("kubectl * get services *", items("hits", type="ClusterIP"))
    programs.answer("kubectl * get persistentvolumeclaims *", items("data-hits-redis-0"))
    programs.answer("kubectl * get persistentvolumes *", items("pvc-1"))


def test_down_removes_what_kubernetes_made_before_the_rest(programs: FakePrograms) -> None:
    remains_in(programs)
    programs.answer("terraform show -json *", json.dumps(PLAN_TO_DESTROY))
    result = invoke("down", "request-counter\n")
    assert result.exit_code == 0, result.output
    done = [re.sub(r" --kubeconfig \S+", "", call) for call in programs.calls]
    assert [call.split(" --")[0] for call in done if re.search(r" (delete|wait|apply) ", call)] == [
        "kubectl delete requestcounters hits -n default",
        "kubectl delete ingresses hits -n default",
        "kubectl delete persistentvolumeclaims data-hits-redis-0 -n default",
        "kubectl wait",
        done[-1],
    ]
    assert done[-1].startswith("terraform apply")
    assert " -destroy " in next(call for call in done if call.startswith("terraform plan"))


def test_down_says_when_there_is_nothing(programs: FakePrograms) -> None:
    programs.answer("terraform state list", "")
    result = invoke("down")
    assert "there is nothing to delete" in result.stdout
    assert steps(programs) == ["aws sts", "terraform init", "terraform state"]


def test_down_takes_a_state_that_was_never_written_for_an_empty_one(programs: FakePrograms) -> None:
    programs.answer("terraform state list", "No state file was found!", status=1)
    assert "there is nothing to delete" in invoke("down").stdout


def test_down_deletes_what_an_interrupted_up_has_made(programs: FakePrograms) -> None:
    programs.answer("terraform output -json", '{"region": {"value": "eu-central-1"}}')
    programs.answer("terraform show -json *", json.dumps(PLAN_TO_DESTROY))
    assert invoke("down", "everything\n").exit_code == 0
    assert steps(programs)[-1] == "terraform apply"
    assert not any(call.startswith("kubectl") for call in programs.calls)


def test_down_finds_no_counters_where_the_operator_never_was(programs: FakePrograms) -> None:
    remains_in(programs)
    programs.answer("kubectl * get crd *", "")
    programs.answer("terraform show -json *", json.dumps(PLAN_TO_DESTROY))
    assert "RequestCounters: none" in invoke("down").stdout


def test_without_a_backend_the_way_to_one_is_told(programs: FakePrograms) -> None:
    (places.EKS / "backend.hcl").unlink()
    result = invoke("plan")
    assert "Make the bucket and the file once" in result.stderr
    assert steps(programs) == ["aws sts"]


def test_without_an_account_the_way_to_one_is_told(programs: FakePrograms) -> None:
    programs.answer("aws sts *", "Unable to locate credentials.", status=255)
    result = invoke("plan")
    assert result.exit_code == 1
    assert "Unable to locate credentials." in result.stderr
    assert "aws sso login" in result.stderr


def test_check_validates_and_tests_both_roots(programs: FakePrograms) -> None:
    assert invoke("check").exit_code == 0
    assert steps(programs) == ["terraform fmt", *("terraform init", "terraform validate", "terraform test") * 2]


def test_check_says_in_a_sentence_that_there_is_no_registry(programs: FakePrograms) -> None:
    refused = (
        "Error: Failed to query available provider packages\n\ncould not\nconnect to registry.terraform.io: failed"
    )
    programs.answer("terraform init *", refused, status=1)
    result = invoke("check")
    assert result.exit_code == 1
    assert result.stderr == (
        "\nFailed: the Terraform registry cannot be reached, so only the format was checked: "
        "validate and test need the AWS provider\n"
    )
