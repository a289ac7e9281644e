"""The workflows run the Makefile's targets, with least rights, and docs/delivery.md tells which job runs which."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.delivery.manifests import KUBERNETES
from infra.kind.node_choice import kubernetes_version

ROOT = Path(__file__).parents[3]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {file.name: yaml.safe_load(file.read_text()) for file in FILES}
JOBS: dict[str, dict[str, Any]] = {
    f"{name} {job}": body for name, workflow in WORKFLOWS.items() for job, body in workflow["jobs"].items()
}
MAKEFILE = (ROOT / "Makefile").read_text()
PINNED = re.compile(r"^ +(?:- )?uses: (?P<action>[\w./-]+)@(?P<commit>[0-9a-f]{40}) # (?P<version>v\d+\.\d+\.\d+)$")


def targets(job: dict[str, Any]) -> list[str]:
    """Return the Makefile's targets that a job runs, in order."""
    commands = [step["run"] for step in job["steps"] if step.get("run", "").startswith("make ")]
    return [word for command in commands for word in command.split()[1:] if re.fullmatch(r"[a-z0-9-]+", word)]


def test_every_action_is_pinned_by_its_commit_and_to_one_version() -> None:
    lines = [line for file in FILES for line in file.read_text().splitlines() if "uses:" in line]
    assert [line for line in lines if not PINNED.match(line)] == []
    pins = {(found["action"], found["commit"], found["version"]) for line in lines if (found := PINNED.match(line))}
    assert len(pins) == len({action for action, *_ in pins})


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_gives_no_right_to_a_job_that_does_not_ask_for_it(name: str) -> None:
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {}
    assert "concurrency" in workflow
    assert all("permissions" in job for job in workflow["jobs"].values())
    triggers = workflow[True]  # YAML 1.1 reads `on` so
    assert "pull_request_target" not in triggers


def test_only_a_release_may_write_anything() -> None:
    writing = {name for name, job in JOBS.items() if "write" in job["permissions"].values()}
    assert writing == {"release.yml images", "release.yml publish", "release.yml pypi"}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_ends_by_itself_and_leaves_no_token_behind(name: str) -> None:
    job = JOBS[name]
    assert job["timeout-minutes"] <= 120
    checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_target_is_the_makefile_s() -> None:
    known = set(re.findall(r"^([a-z0-9-]+):", MAKEFILE, re.MULTILINE))
    assert {target for job in JOBS.values() for target in targets(job)} <= known


def test_what_is_run_besides_make_is_what_the_page_lists() -> None:
    """A workflow's own commands cannot be tried anywhere else, so each is a decision."""
    own = [
        step["run"].split()[0]
        for job in JOBS.values()
        for step in job["steps"]
        if "run" in step and not step["run"].startswith("make ")
    ]
    page = (ROOT / "docs" / "delivery.md").read_text().partition("Besides `make`")[2].partition("\n\n")[0]
    assert set(own) == set(re.findall(r"`([a-z]+)", page))


def test_the_page_tells_which_job_runs_which_target() -> None:
    rows = re.findall(
        r"^\| `(\w+\.yml)` `([\w-]+)` \|([^|]*)\|", (ROOT / "docs" / "delivery.md").read_text(), re.MULTILINE
    )
    documented = {f"{file} {job}": re.findall(r"`make ([a-z0-9-]+)", cell) for file, job, cell in rows}
    assert documented == {name: targets(job) for name, job in JOBS.items()}


@pytest.mark.parametrize("name", ["ci.yml", "e2e.yml"])
def test_the_required_job_waits_for_all_others(name: str) -> None:
    jobs = WORKFLOWS[name]["jobs"]
    assert set(jobs["required"]["needs"]) == jobs.keys() - {"required"}
    assert jobs["required"]["if"] == "always()"


def test_the_matrix_of_pythons_is_that_of_the_classifiers() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    promised = [c.rpartition(" ")[2] for c in classifiers if re.search(r"Python :: 3\.\d+$", c)]
    for job in ("unit", "wheel-test"):
        assert WORKFLOWS["ci.yml"]["jobs"][job]["strategy"]["matrix"]["python"] == promised


def test_the_matrix_of_clusters_is_that_of_the_schemas() -> None:
    rows = WORKFLOWS["e2e.yml"]["jobs"]["e2e"]["strategy"]["matrix"]["include"]
    versions = {row["kubernetes"]: kubernetes_version({"NODE_IMAGE": row["image"]}) for row in rows}
    minors = [version.removeprefix("v").rpartition(".")[0] for version in KUBERNETES]
    assert list(versions) == minors
    assert all(version.startswith(f"v{minor}.") for minor, version in versions.items())


def test_uv_is_of_one_version_everywhere() -> None:
    texts = [file.read_text() for file in (*FILES, *ROOT.glob("Dockerfile.*"), ROOT / "Makefile")]
    found = {
        v for text in texts for v in re.findall(r"(?:UV_VERSION ?:?=| version:) ?(\d+\.\d+\.\d+)$", text, re.MULTILINE)
    }
    assert len(found) == 1


def test_the_nightly_run_has_all_parts_of_the_survival_tier() -> None:
    parts = JOBS["nightly.yml survival"]["strategy"]["matrix"]["part"]
    files = (ROOT / "tests" / "survival").glob("test_*.py")
    assert sorted(parts) == sorted(file.stem.removeprefix("test_") for file in files)
